import { useQuery } from "@tanstack/react-query";
import type { Page as Answer } from "../api/event_type";
import { get, query, segment } from "../api/http";
import type { Proposal } from "../api/rule_rows";
import { Check, Filters } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

// Changes are proposals that the session's team made or may decide.
export default function Changes() {
  const [f, set] = useFilters();
  const path = query("/v1/proposals", { all: f.all === "yes" ? "true" : undefined, limit: 500 });
  const { data, error, isPending } = useQuery({ queryKey: ["proposals", path], queryFn: ({ signal }) => get<Answer<Proposal>>(path, signal), refetchInterval: 10_000 });
  return (
    <Page title="Proposals" sub="Changes of rules on their way into force" asked={{ path, cli: `payerflow change list${f.all ? " --all" : ""}` }}>
      <Filters>
        <Check label="Also those that are over" value={f.all === "yes"} set={(v) => set({ all: v ? "yes" : undefined })} />
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="proposals" /> : null}
      {data?.rows.length === 0 ? (
        <Empty title="Nothing is proposed">
          Propose a change from its page among the rules, or by <code>payerflow change propose -f FILE --why TEXT</code>
        </Empty>
      ) : null}
      {data && data.rows.length > 0 ? (
        <Panel flush>
          <Table
            label="Proposals"
            rows={data.rows}
            id={(p) => p.name}
            to={(p) => `/changes/${segment(p.name)}`}
            columns={[
              { head: "Proposal", cell: (p) => <span className="mono">{p.name}</span> },
              { head: "State", cell: (p) => <Status of={p.row.state} /> },
              { head: "Of", cell: (p) => p.row.changes.map((c) => <span className="tag" key={c.kind + c.name}>{c.kind} {c.name}</span>) },
              { head: "By", cell: (p) => p.row.by.team },
              { head: "Why", cell: (p) => p.row.why },
              { head: "Wants", cell: (p) => <span title={p.row.wants}>{p.row.wants}</span> },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}
