import { query, segment } from "../api/http";
import { all, quoted } from "../api/rows";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { RowList } from "../parts/RowList";
import { Money, Status, Time, Value } from "../parts/Value";
import { Empty } from "../parts/states";
import { useFilters } from "../shell/filters";
import type { ClaimRow } from "./claim_row";

const statuses = ["SUBMITTED", "APPROVED", "DENIED", "PAID", "PENDED", "REVERSED"] as const;
const kinds = ["PROFESSIONAL", "INSTITUTIONAL", "DENTAL", "VISION", "PHARMACY"] as const;

// Claims finds claims by what their rows say.
export default function Claims() {
  const [f, set] = useFilters();
  const where = all(
    f.status && `row.status == ${quoted(f.status)}`,
    f.kind && `row.claimType == ${quoted(f.kind)}`,
    f.member && `row.memberId == ${quoted(f.member)}`,
    f.provider && `row.providerId == ${quoted(f.provider)}`,
    f.appeal === "yes" && "size(row.appeals) > 0",
    Number(f.over) > 0 && `row.billed > ${Number(f.over).toFixed(2)}`,
  );
  const asked = { where, sort: f.sort ?? "-statusAt", synthetic: f.synthetic };
  return (
    <Page
      title="Claims"
      sub="Status, amounts and history of each claim, as the events say"
      asked={{ path: query("/v1/views/claim-status", asked), cli: `payerflow view query claim-status${where ? ` --where ${shell(where)}` : ""} --sort ${f.sort ?? "-statusAt"}` }}
    >
      <Filters>
        <Text label="Member" value={f.member} set={(member) => set({ member })} placeholder="member id" />
        <Text label="Provider" value={f.provider} set={(provider) => set({ provider })} placeholder="provider id" />
        <Choice label="Status" value={f.status} set={(status) => set({ status })} of={statuses} />
        <Choice label="Type" value={f.kind} set={(kind) => set({ kind })} of={kinds} />
        <Choice label="Appealed" value={f.appeal} set={(appeal) => set({ appeal })} of={["yes"]} />
        <Text label="Billed over" value={f.over} set={(over) => set({ over })} placeholder="$" />
        <Choice label="Order" value={f.sort} set={(sort) => set({ sort })} of={["-billed", "billed", "serviceDate", "-serviceDate"]} any="latest change" />
      </Filters>
      <RowList<ClaimRow>
        view="claim-status"
        asked={asked}
        to={(r) => `/claims/${segment(r.key)}`}
        empty={
          <Empty title={where ? "No claim is like that" : "There are no claims yet"}>
            {where ? "Take a filter away." : <>Publish some: <code>payerflow publish --file testdata/events/claims-day.ndjson</code></>}
          </Empty>
        }
        columns={[
          { head: "Claim", cell: (r) => <span className="mono">{r.key}</span> },
          { head: "Status", cell: (r) => <Status of={r.value.status} /> },
          { head: "Since", cell: (r) => <Time at={r.value.statusAt} /> },
          { head: "Type", cell: (r) => <Value of={r.value.claimType} /> },
          { head: "Served", cell: (r) => <Value of={r.value.serviceDate} /> },
          { head: "Billed", num: true, cell: (r) => <Money of={r.value.billed} /> },
          { head: "Paid", num: true, cell: (r) => <Money of={r.value.paid} /> },
          { head: "Member", cell: (r) => <span className="mono"><Value of={r.value.memberId} /></span> },
        ]}
      />
    </Page>
  );
}
