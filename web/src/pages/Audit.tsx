import { useMutation, useQuery } from "@tanstack/react-query";
import { Suspense, lazy } from "react";
import { pretty } from "../api/event_type";
import { get, post } from "../api/http";
import { Check, Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status, Time, Value, count } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

const Editor = lazy(() => import("../parts/Editor"));

type Record = {
  id: string; at: string; actor: string; team: string; act: string; object: string; name: string; keyHash: string; decision: string; code: string; why: string; classes: string; count: number;
  before: string; after: string; breakGlass: boolean;
};
type Answer = { records: Record[]; found: number; unreadable?: number };
type Report = { chains: { chain: string; records: number; broken?: string }[]; records: number; received: number; waiting: number; heads: number; broken: string[] | null; whole: boolean };
type Glass = { id: string; token: string; team: string; views?: string[]; classes?: string[]; reason: string; until: string };

const spans: { [name: string]: number } = { hour: 1, "6 hours": 6, day: 24, week: 168, month: 744 };

// Audit is who did and saw what, and whether what says so is whole.
export default function Audit() {
  const [f, set] = useFilters();
  const back = spans[f.since ?? "day"] ?? 24;
  const since = new Date(Math.floor((Date.now() - back * 3_600_000) / 60_000) * 60_000).toISOString();
  const question = Object.fromEntries(Object.entries({ key: f.key, actor: f.actor, team: f.team, act: f.act, name: f.name, decision: f.decision, breakGlass: f.glass === "yes" || undefined, since, limit: 500 }).filter(([, v]) => v));
  const { data, error, isPending, refetch } = useQuery({ queryKey: ["audit", { ...question, since: back }], queryFn: ({ signal }) => post<Answer>("/v1/audit/queries", question, { signal }), staleTime: 60_000, retry: false });
  const flags = ["key", "actor", "team", "act", "name", "decision"].flatMap((n) => (f[n] ? [`--${n} ${shell(f[n])}`] : []));
  const shown = data?.records.find((r) => r.id === f.id);
  return (
    <Page title="Audit" sub="Who did what, and who saw what. Each question here is in it too" asked={{ method: "POST", path: "/v1/audit/queries", body: question, cli: `payerflow audit query --since ${back}h ${flags.join(" ")}`.trim() }}>
      <Filters>
        <Text label="Who saw the entity of this key" value={f.key} set={(key) => set({ key })} placeholder="claim, member…" />
        <Text label="Token" value={f.actor} set={(actor) => set({ actor })} />
        <Text label="Team" value={f.team} set={(team) => set({ team })} />
        <Text label="Act, or pattern" value={f.act} set={(act) => set({ act })} placeholder="view.*" />
        <Text label="What" value={f.name} set={(name) => set({ name })} placeholder="claim-status" />
        <Choice label="Decision" value={f.decision} set={(decision) => set({ decision })} of={["ALLOW", "DENY"]} />
        <Choice label="Of the last" value={f.since ?? "day"} set={(s) => set({ since: s === "day" ? undefined : s })} of={Object.keys(spans)} any={null} />
        <Check label="By breaking the glass" value={f.glass === "yes"} set={(v) => set({ glass: v ? "yes" : undefined })} />
      </Filters>
      <div className="split">
        <div className="stack">
          {error ? <ErrorBox error={error} again={() => void refetch()} /> : null}
          {isPending ? <Loading what="the audit" /> : null}
          {data && data.records.length === 0 ? <Empty title="Nobody did or saw that">Ask about a longer time, or take a filter away. Only views whose rows are classed are written down: <code>payerflow view list</code></Empty> : null}
          {data && data.records.length > 0 ? (
            <Panel title={`${count(data.found)} records${data.found > data.records.length ? `, the newest ${count(data.records.length)} of them` : ""}`} side={<button onClick={() => void refetch()}>Ask again</button>} flush>
              <Table
                label="Records"
                rows={data.records}
                id={(r) => r.id}
                marked={(r) => r.id === f.id}
                columns={[
                  { head: "When", cell: (r) => <button className="plain" onClick={() => set({ id: r.id })}><Time at={r.at} /></button> },
                  { head: "Team", cell: (r) => r.team || <span className="quiet">–</span> },
                  { head: "Act", cell: (r) => <span className="mono">{r.act}</span> },
                  { head: "What", cell: (r) => <span className="mono">{r.name || r.object}</span> },
                  { head: "Decision", cell: (r) => <><Status of={r.decision} />{r.code ? <span className="tag">{r.code}</span> : null}{r.breakGlass ? <span className="tag">glass</span> : null}</> },
                  { head: "Classes", cell: (r) => r.classes.replaceAll(",", ", ") },
                  { head: "Shown", num: true, cell: (r) => (r.count ? count(r.count) : "") },
                  { head: "Why", cell: (r) => r.why },
                ]}
              />
            </Panel>
          ) : null}
        </div>
        <div className="stack">
          {shown ? <Shown record={shown} close={() => set({ id: undefined })} /> : null}
          <Chains />
          <Glasses />
        </div>
      </div>
    </Page>
  );
}

function Shown({ record: r, close }: { record: Record; close: () => void }) {
  return (
    <Panel title={<span className="mono">{r.act}</span>} side={<button onClick={close}>Close</button>}>
      <div className="stack">
        <Facts
          of={[
            ["Token", <span className="mono">{r.actor}</span>],
            ["Team", r.team],
            ["Object", `${r.object} ${r.name}`],
            ["Entity, hashed", r.keyHash ? <span className="mono">{r.keyHash.replaceAll(",", " ")}</span> : null],
            ["Why", <Value of={r.why} />],
          ]}
        />
        {r.before || r.after ? (
          <Suspense fallback={<Loading what="the rows" />}>
            <Editor label="The row after, beside what it was" value={pretty(r.after)} before={r.before ? pretty(r.before) : undefined} low />
          </Suspense>
        ) : null}
      </div>
    </Panel>
  );
}

// Chains says whether the audit is whole. All of it is read for that, so it is
// done when somebody asks.
function Chains() {
  const check = useMutation({ mutationFn: () => post<Report>("/v1/audit/checks", undefined) });
  const r = check.data;
  return (
    <Panel title="Is it whole?" side={r ? <Status of={r.whole ? "ok" : "BROKEN"} /> : null}>
      <div className="stack">
        {r ? (
          <>
            <p role="status">
              {count(r.records)} records in {r.chains.length} chains, {count(r.heads)} signed ends, {count(r.waiting)} received and not chained yet.
            </p>
            <ul className="lines">
              {r.chains.filter((c) => c.broken).map((c) => (
                <li key={c.chain} className="bad">
                  Chain {c.chain}, after {count(c.records)} records: {c.broken}
                </li>
              ))}
              {(r.broken ?? []).map((b) => (
                <li key={b} className="bad">{b}</li>
              ))}
            </ul>
          </>
        ) : (
          <p className="quiet">Each record is tied to the one before by its hash, and the end of each day is signed. Checking reads all of it.</p>
        )}
        {check.error ? <ErrorBox error={check.error} /> : null}
        <div className="actions">
          <button onClick={() => check.mutate()} disabled={check.isPending}>
            {check.isPending ? "Checking…" : "Check"}
          </button>
        </div>
      </div>
    </Panel>
  );
}

function Glasses() {
  const { data } = useQuery({ queryKey: ["glasses"], queryFn: ({ signal }) => get<{ open: Glass[] }>("/v1/break-glass", signal), refetchInterval: 15_000 });
  return (
    <Panel title="Broken glass">
      {data?.open.length === 0 ? <p className="quiet">Nobody sees more than their team may now.</p> : null}
      <ul className="lines">
        {data?.open.map((g) => (
          <li key={g.id}>
            <b>{g.team}</b> <span className="mono">{[...(g.views ?? []), ...(g.classes ?? [])].join(", ")}</span> until <Time at={g.until} />
            <div className="quiet">{g.reason}</div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
