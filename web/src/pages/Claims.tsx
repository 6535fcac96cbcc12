import { useInfiniteQuery } from "@tanstack/react-query";
import { get, query, segment } from "../api/http";
import { type Rows, all, quoted } from "../api/rows";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Money, Status, Time, Value } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
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
  const path = (cursor = "") => query("/v1/views/claim-status", { where, sort: f.sort ?? "-statusAt", limit: 100, cursor, synthetic: f.synthetic });
  const asked = useInfiniteQuery({
    queryKey: ["claims", path()],
    queryFn: ({ pageParam, signal }) => get<Rows<ClaimRow>>(path(pageParam), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
  });
  const rows = asked.data?.pages.flatMap((p) => p.rows) ?? [];
  return (
    <Page
      title="Claims"
      sub="Status, amounts and history of each claim, as the events say"
      asked={{ path: path(), cli: `payerflow view query claim-status${where ? ` --where ${shell(where)}` : ""} --sort ${f.sort ?? "-statusAt"}` }}
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
      {asked.error ? <ErrorBox error={asked.error} again={() => void asked.refetch()} /> : null}
      {asked.isPending ? <Loading what="claims" /> : null}
      {asked.data && rows.length === 0 ? (
        <Empty title={where ? "No claim is like that" : "There are no claims yet"}>
          {where ? "Take a filter away." : <>Publish some: <code>payerflow publish --file testdata/events/claims-day.ndjson</code></>}
        </Empty>
      ) : null}
      {rows.length > 0 ? (
        <Panel flush>
          <Table
            label="Claims"
            rows={rows}
            id={(r) => r.key}
            to={(r) => `/claims/${segment(r.key)}`}
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
          {asked.hasNextPage ? (
            <div className="more">
              <button onClick={() => void asked.fetchNextPage()} disabled={asked.isFetchingNextPage}>
                {asked.isFetchingNextPage ? "Loading…" : "More claims"}
              </button>
              <span className="quiet">{rows.length} shown; each page is sorted by itself</span>
            </div>
          ) : null}
        </Panel>
      ) : null}
    </Page>
  );
}
