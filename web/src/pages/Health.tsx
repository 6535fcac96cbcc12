import { useQuery } from "@tanstack/react-query";
import { Problem, get } from "../api/http";
import { type Load, sum, useLoad } from "../api/engine";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status, bytes, count } from "../parts/Value";
import { ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

type Workers = { workers: { worker: string; offset: number; hash: string; error?: string }[]; same: boolean };
type Part = { group: string; partition: number; rows: number; restored: boolean; standby: boolean; waiting: number; lag: number };

// Health is what workers there are, whether they go by the same rules, and what
// this one holds, partition by partition.
export default function Health() {
  const [f, set] = useFilters();
  const { asked, loads } = useLoad();
  const workers = useQuery({ queryKey: ["rules-status"], queryFn: ({ signal }) => get<Workers>("/v1/rules/status", signal), refetchInterval: 10_000, retry: false });
  const parts = loads.flatMap(partitions);
  const kinds: Record<string, (p: Part) => boolean> = { behind: (p) => p.lag > 0, "not restored": (p) => !p.restored, standby: (p) => p.standby };
  const rows = parts.filter((p) => (!f.q || p.group.includes(f.q)) && (!f.only || kinds[f.only]?.(p)));
  const restoring = loads.flatMap((l) => (l.group.restoring ?? []).map((r) => ({ group: l.group.name, r })));
  return (
    <Page title="Health" sub="Workers, and what the one that answers this page holds" asked={{ path: "/v1/engine", cli: "payerflow engine" }}>
      {asked.error ? <ErrorBox error={asked.error} /> : null}
      <Panel title="Workers and the rules they go by" side={workers.data ? <Status of={workers.data.same ? "ok" : "DIFFERENT"} /> : null} flush>
        {workers.error ? <div className="pad">{workers.error instanceof Problem && workers.error.status === 404 ? <p className="quiet">This process does not know of others.</p> : <ErrorBox error={workers.error} />}</div> : null}
        {workers.data ? (
          <Table
            label="Workers"
            rows={workers.data.workers}
            id={(w) => w.worker}
            columns={[
              { head: "Worker", cell: (w) => <span className="mono">{w.worker}</span> },
              { head: "Control offset", num: true, cell: (w) => count(w.offset) },
              { head: "Routing hash", cell: (w) => <code title={w.hash}>{w.hash.slice(0, 16)}</code> },
              { head: "", cell: (w) => (w.error ? <span className="bad">{w.error}</span> : null) },
            ]}
          />
        ) : null}
      </Panel>
      {restoring.length > 0 ? (
        <Panel title="Restoring">
          <ul className="lines">{restoring.map((x) => <li key={x.group + x.r}><b className="mono">{x.group}</b> {x.r}</li>)}</ul>
        </Panel>
      ) : null}
      <Filters>
        <Text label="Group" value={f.q} set={(q) => set({ q })} wide />
        <Choice label="Only" value={f.only} set={(only) => set({ only })} of={Object.keys(kinds)} any="all partitions" />
        <span className="quiet">
          {count(rows.length)} partitions, {count(sum(rows, (p) => p.rows))} rows, {bytes(sum(loads, (l) => l.bytes))} on disk
        </span>
      </Filters>
      {asked.isPending ? <Loading what="partitions" /> : null}
      {rows.length > 0 ? (
        <Panel title="Partitions of tables" flush>
          <Table
            label="Partitions"
            rows={rows}
            id={(p) => `${p.group}/${p.partition}`}
            columns={[
              { head: "Group", cell: (p) => <span className="mono">{p.group}</span> },
              { head: "Partition", num: true, cell: (p) => p.partition },
              { head: "State", cell: (p) => <Status of={p.restored ? (p.standby ? "standby" : "running") : "restoring"} /> },
              { head: "Rows", num: true, cell: (p) => count(p.rows) },
              { head: "Behind", num: true, cell: (p) => count(p.lag) },
              { head: "Wait for a date", num: true, cell: (p) => count(p.waiting) },
            ]}
          />
        </Panel>
      ) : asked.data ? <p className="quiet">No partition is like that.</p> : null}
    </Page>
  );
}

function partitions({ group: g }: Load): Part[] {
  return (g.table?.partitions ?? []).map((p) => ({
    group: g.name, partition: p.partition, rows: p.rows, restored: p.restored, standby: !!p.standby, waiting: p.waiting ?? 0,
    lag: g.inputs.filter((i) => i.partition === p.partition).reduce((n, i) => n + Math.max(0, i.lag), 0),
  }));
}
