import { useQuery } from "@tanstack/react-query";
import { get, query, segment } from "../api/http";
import { type Rows, all, quoted, withheld } from "../api/rows";
import { useRowsUnder } from "../api/use_watch";
import { Choice, Filters, Text } from "../parts/Filters";
import { Live } from "../parts/Freshness";
import { Page, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Money, Status, Time, Value } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";
import type { ClaimRow } from "./claim_row";

type Entry = {
  claimId: string; memberId: string; providerId: string; status: string; statusAt: string; serviceDate?: string;
  billed?: string; payable?: string; paid?: string; denialCode?: string; appealState?: string; appealOutcome?: string; latestAt: string;
};

const states = ["RECEIVED", "IN_REVIEW", "INFO_REQUESTED", "DECIDED"] as const;

// Appeals are a provider's, as they go through their states: the page follows
// them. Without a provider it shows whose claims were appealed last.
export default function Appeals() {
  const [f, set] = useFilters();
  return f.provider ? <OfProvider provider={f.provider} filters={f} set={set} /> : <Latest set={set} />;
}

type Set = ReturnType<typeof useFilters>[1];

function Chosen({ f, set }: { f: Record<string, string>; set: Set }) {
  return (
    <Filters>
      <Text label="Provider" value={f.provider} set={(provider) => set({ provider })} placeholder="provider id" wide />
      {f.provider ? <Choice label="State" value={f.state} set={(state) => set({ state })} of={states} /> : null}
    </Filters>
  );
}

function OfProvider({ provider, filters, set }: { provider: string; filters: Record<string, string>; set: Set }) {
  const path = `/v1/views/claims-by-provider/${segment(provider)}`;
  const watched = useRowsUnder<Entry>(path);
  const many = watched.problem?.code === "TOO_MANY_ROWS";
  const where = all("has(row.appealState)", filters.state && `row.appealState == ${quoted(filters.state)}`);
  const polled = useQuery({
    queryKey: ["appeals", provider, where],
    queryFn: ({ signal }) => get<Rows<Entry>>(query(path, { where, sort: "-latestAt", limit: 200 }), signal),
    enabled: many,
    refetchInterval: 3_000,
  });
  const rows = many
    ? (polled.data?.rows ?? [])
    : [...watched.rows.values()]
        .filter((r) => r.value.appealState && (!filters.state || r.value.appealState === filters.state))
        .sort((a, b) => b.value.latestAt.localeCompare(a.value.latestAt));
  const error = many ? polled.error : watched.problem;
  const waiting = many ? polled.isPending : watched.state === "opening";
  return (
    <Page
      title="Appeals of a provider"
      sub="Claims whose decision was appealed, the latest change first; a change shows by itself"
      actions={many ? <span className="quiet">asked every 3 s</span> : <Live state={watched.state} />}
      asked={{ path, accept: "text/event-stream", cli: `payerflow view watch claims-by-provider ${shell(provider)}` }}
    >
      <Chosen f={filters} set={set} />
      {error ? <ErrorBox error={error} /> : null}
      {waiting && !error ? <Loading what="appeals" /> : null}
      {!waiting && !error && rows.length === 0 ? (
        <Empty title={filters.state ? "No appeal stands there" : "This provider has no appeals"}>They appear here when a source system reports one, as an event of the type RECONSIDERATION_RECEIVED.</Empty>
      ) : null}
      {rows.length > 0 ? (
        <Panel flush>
          <Table
            label="Appeals"
            rows={rows}
            id={(r) => r.row ?? r.value.claimId}
            to={(r) => (r.value.claimId === withheld ? "/claims" : `/claims/${segment(r.value.claimId)}`)}
            marked={(r) => r.row !== undefined && r.row === watched.latest}
            columns={[
              { head: "Claim", cell: (r) => <span className="mono"><Value of={r.value.claimId} /></span> },
              { head: "Appeal", cell: (r) => <Status of={r.value.appealState} /> },
              { head: "Outcome", cell: (r) => <Status of={r.value.appealOutcome} /> },
              { head: "Changed", cell: (r) => <Time at={r.value.latestAt} /> },
              { head: "Claim is", cell: (r) => <Status of={r.value.status} /> },
              { head: "Denied for", cell: (r) => <Value of={r.value.denialCode} /> },
              { head: "Billed", num: true, cell: (r) => <Money of={r.value.billed} /> },
              { head: "Paid", num: true, cell: (r) => <Money of={r.value.paid} /> },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}

// Latest are the claims that were appealed, of all providers.
function Latest({ set }: { set: Set }) {
  const where = "size(row.appeals) > 0";
  const path = query("/v1/views/claim-status", { where, sort: "-statusAt", fields: "claimId,providerId,status,statusAt,appealState,appealOutcome", limit: 50 });
  const { data, error, isPending } = useQuery({ queryKey: ["appealed"], queryFn: ({ signal }) => get<Rows<ClaimRow>>(path, signal) });
  return (
    <Page title="Appeals" sub="Choose a provider to follow its appeals as they change" asked={{ path, cli: `payerflow view query claim-status --where ${shell(where)} --sort -statusAt` }}>
      <Chosen f={{}} set={set} />
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="appeals" /> : null}
      {data?.rows.length === 0 ? (
        <Empty title="No claim was appealed yet">
          Publish a day in which one is: <code>payerflow publish --file testdata/events/claims-day.ndjson</code>
        </Empty>
      ) : null}
      {data && data.rows.length > 0 ? (
        <Panel title="Appealed last" flush>
          <Table
            label="Appealed last"
            rows={data.rows}
            id={(r) => r.key}
            to={(r) => (r.value.providerId === withheld ? `/claims/${segment(r.key)}` : `/appeals?provider=${segment(r.value.providerId)}`)}
            columns={[
              { head: "Provider", cell: (r) => <span className="mono"><Value of={r.value.providerId} /></span> },
              { head: "Claim", cell: (r) => <span className="mono">{r.key}</span> },
              { head: "Appeal", cell: (r) => <Status of={r.value.appealState} /> },
              { head: "Outcome", cell: (r) => <Status of={r.value.appealOutcome} /> },
              { head: "Claim is", cell: (r) => <Status of={r.value.status} /> },
              { head: "Since", cell: (r) => <Time at={r.value.statusAt} /> },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}
