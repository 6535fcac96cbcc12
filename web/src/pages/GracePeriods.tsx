import { query, segment } from "../api/http";
import { all, list, quoted } from "../api/rows";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { RowList } from "../parts/RowList";
import { Time, Value, count } from "../parts/Value";
import { Empty } from "../parts/states";
import { useFilters } from "../shell/filters";
import type { GraceRow } from "./grace_row";

const kinds: Record<string, string> = { "in a grace period": "has(row.graceEndsOn)", "with contradictions": "size(row.marks) > 0" };

// GracePeriods are the members whose premiums are known.
export default function GracePeriods() {
  const [f, set] = useFilters();
  const where = all(f.member && `row.memberId == ${quoted(f.member)}`, f.only && kinds[f.only]);
  const asked = { where, sort: "-lastAt" };
  return (
    <Page
      title="Grace periods"
      sub="Whose premiums are overdue, and how long they keep coverage"
      asked={{ path: query("/v1/views/grace-periods", asked), cli: `payerflow view query grace-periods${where ? ` --where ${shell(where)}` : ""} --sort -lastAt` }}
    >
      <Filters>
        <Text label="Member" value={f.member} set={(member) => set({ member })} placeholder="member id" wide />
        <Choice label="Only" value={f.only} set={(only) => set({ only })} of={Object.keys(kinds)} any="all members" />
      </Filters>
      <RowList<GraceRow>
        view="grace-periods"
        asked={asked}
        to={(r) => `/grace/${segment(r.key)}`}
        empty={
          <Empty title={where ? "No member is like that" : "No premium is known yet"}>
            {where ? "Take a filter away." : <>Publish an invoice, from its page in the catalogue or by <code>payerflow publish</code>: a row appears with the first <code>INVOICE_GENERATED</code>.</>}
          </Empty>
        }
        columns={[
          { head: "Member", cell: (r) => <span className="mono">{r.key}</span> },
          { head: "Paid through", cell: (r) => <Value of={r.value.paidThrough} /> },
          { head: "Grace ends on", cell: (r) => <Value of={r.value.graceEndsOn} /> },
          { head: "Grace periods", num: true, cell: (r) => count(list(r.value.graces).length) },
          { head: "Invoices", num: true, cell: (r) => count(list(r.value.invoices).length) },
          { head: "Contradictions", num: true, cell: (r) => count(list(r.value.marks).length) },
          { head: "Latest fact", cell: (r) => <Time at={r.value.lastAt} /> },
        ]}
      />
    </Page>
  );
}
