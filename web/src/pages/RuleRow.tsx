import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import { type Named, pretty } from "../api/event_type";
import { get, post, query, segment, send } from "../api/http";
import { type Proposal, type Rule, type Subscription, paths } from "../api/rule_rows";
import { Text } from "../parts/Filters";
import { CopyAs, Page, curl } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Tabs } from "../parts/Tabs";
import { Status, Time, count } from "../parts/Value";
import { ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";
import { tagsOf } from "./Rules";

const Editor = lazy(() => import("../parts/Editor"));

type Row = Subscription & Rule;
type Kind = keyof typeof kinds;
type Version = { version: number; offset: number; act: string; row?: string; by?: string; why?: string; at?: string };

const kinds = { subscription: { words: "subscription", cli: "sub" }, "routing-rule": { words: "routing rule", cli: "rule" } };

const rowPath = (kind: Kind, name: string) => `${paths[kind]}/${name.split("/").map(segment).join("/")}`;

// RuleRow is one rule or subscription: what it says, how it is read, what it was.
export default function RuleRow() {
  const { kind, team, name } = useParams({ strict: false }) as { kind: Kind; team: string; name: string };
  const [f, set] = useFilters();
  const id = `${team}/${name}`;
  const known = kind in kinds;
  const path = known ? rowPath(kind, id) : "";
  const { data, error, isPending } = useQuery({ queryKey: ["row", "page", path], queryFn: ({ signal }) => get<Named<Row>>(path, signal), enabled: known, refetchInterval: 10_000 });
  const row = data?.row;
  if (!known) return <ErrorBox error={`There are no rows of the kind ${kind} here.`} />;
  return (
    <Page
      title={<span className="mono">{id}</span>}
      sub={`${kinds[kind].words}${data ? `, version ${data.version}` : ""}`}
      asked={{ path, cli: `payerflow ${kinds[kind].cli} get ${id} -o yaml` }}
      actions={row ? <Acts kind={kind} id={id} state={row.state ?? "ACTIVE"} version={data.version} /> : null}
    >
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="the row" /> : null}
      {row ? (
        <>
          <Panel title="What it says" side={<Status of={row.state} />}>
            <Said kind={kind} row={row} />
          </Panel>
          <Tabs
            label="About the row"
            chosen={f.tab}
            choose={(tab) => set({ tab, version: undefined })}
            of={[
              ...(kind === "subscription" ? [{ name: "consume", title: "How to consume it", body: () => <Consume row={row} /> }] : []),
              { name: "versions", title: "Versions", body: () => <Versions kind={kind} id={id} now={data.version} f={f} set={set} /> },
              { name: "shadow", title: "In force where", body: () => <Where name={id} shadow={row.state === "SHADOW"} /> },
            ]}
          />
        </>
      ) : null}
    </Page>
  );
}

function Said({ kind, row }: { kind: Kind; row: Row }) {
  const types = <span className="mono">{row.eventTypes?.join(", ")}</span>;
  return kind === "subscription" ? (
    <Facts
      of={[
        ["Event types", types],
        ["Routing rules", row.rules?.length ? row.rules.map((r) => <Link key={r} to={`/rules/routing-rule/${segment(row.team)}/${segment(r)}` as string}>{r} </Link>) : null],
        ["Tags", tagsOf(row) || "any"],
        ["Synthetic events", row.synthetic],
        ["Delivery", row.delivery],
        ["Partitions", String(row.partitions ?? 1)],
        ...(row.reason ? ([["Why it stands", <span className="bad">{row.reason}</span>]] as [string, React.ReactNode][]) : []),
      ]}
    />
  ) : (
    <div className="stack">
      <Facts
        of={[
          ["Event types", types],
          ["Destination", row.destination ? <Link to={`/rules/subscription/${row.destination.split("/").map(segment).join("/")}` as string} className="mono">{row.destination}</Link> : "where subscriptions name it"],
          ["What it is for", row.doc],
          ...(row.reason ? ([["Why it stands", <span className="bad">{row.reason}</span>]] as [string, React.ReactNode][]) : []),
        ]}
      />
      {row.condition ? (
        <Suspense fallback={<Loading what="the condition" />}>
          <Editor label="Condition" language="cel" low value={row.condition} />
        </Suspense>
      ) : (
        <p className="quiet">No condition: it always holds.</p>
      )}
    </div>
  );
}

// Acts are what can be done to a row. Each is written down with its version.
function Acts({ kind, id, state, version }: { kind: Kind; id: string; state: string; version: number }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const match = { headers: { "If-Match": `"${version}"` } };
  const act = useMutation({
    mutationFn: (what: string) => (what === "delete" ? send(rowPath(kind, id), { method: "DELETE", ...match }) : send(`${rowPath(kind, id)}/${what}`, { method: "POST", ...match })),
    onSuccess: async (_, what) => {
      await Promise.all(["rules", "subs", "row", "versions"].map((k) => client.invalidateQueries({ queryKey: [k] })));
      if (what === "delete") void navigate({ to: "/rules" as string });
    },
  });
  const button = (what: string, label: string, className?: string) => (
    <button className={className} disabled={act.isPending} onClick={() => act.mutate(what)}>
      {label}
    </button>
  );
  return (
    <>
      {act.error ? <ErrorBox error={act.error} /> : null}
      <Link className="button primary" to={"/rules/edit" as string} search={{ kind, name: id } as never}>Change</Link>
      {state === "ACTIVE" ? button("pause", "Pause") : button("resume", "Resume")}
      {state === "SHADOW" ? null : button("shadow", "Shadow")}
      {state === "PAUSED" ? button("delete", "Delete", "danger") : null}
    </>
  );
}

function Consume({ row }: { row: Row }) {
  const path = `/v1/subscriptions/${segment(row.team)}/${segment(row.name)}`;
  const topic = `consumer.${row.team}.${row.name}`;
  const ways: [string, string, string][] = [
    ["Pull, and acknowledge each", "Workers that share events; the position is kept here", curl({ method: "POST", path: `${path}/pull?max=10&wait=10s&lease=30s` })],
    ["Server sent events", "One reader in order; go on with Last-Event-ID", curl({ path: `${path}/stream?from=earliest`, accept: "text/event-stream" })],
    ["gRPC", "Services; also gRPC-Web and Connect", `grpcurl -plaintext -H "authorization: Bearer $TOKEN" -d '${JSON.stringify({ team: row.team, name: row.name })}' ${location.host} payerflow.v1.SubscriptionsService/Consume`],
    ["Kafka", `Topic ${topic}, in a group whose name begins with ${row.team}.`, `payerflow team credentials ${row.team}`],
    ["Command line", "Look at what comes", `payerflow sub pull ${row.team}/${row.name} --max 10 --wait 10s`],
  ];
  return (
    <Panel title={<>Copies are in <span className="mono">{topic}</span></>} side={<Link to={`/dlq?topic=${topic}.dlq` as string}>Dead letters</Link>}>
      <p className="quiet">Whatever its delivery says, each of these ways is open while it is active. An event may come twice, none is passed over. The token must be one of team {row.team} that may subscribe these types.</p>
      <ul className="ways">
        {ways.map(([name, what, command]) => (
          <li key={name}>
            <div className="head">
              <div>
                <b>{name}</b> <span className="quiet">{what}</span>
              </div>
              <CopyAs label="command" text={command} />
            </div>
            <pre tabIndex={0} aria-label={name}>{command}</pre>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

type Shown = { kind: Kind; id: string; now: number; f: Record<string, string>; set: ReturnType<typeof useFilters>[1] };

function Versions({ kind, id, now, f, set }: Shown) {
  const { data, error, isPending } = useQuery({ queryKey: ["versions", kind, id], queryFn: ({ signal }) => get<Version[]>(query("/v1/versions", { kind, name: id }), signal) });
  if (error) return <ErrorBox error={error} />;
  if (isPending) return <Loading what="versions" />;
  const shown = data.find((v) => String(v.offset) === f.version) ?? data.at(-1);
  const before = data[data.indexOf(shown!) - 1];
  return (
    <div className="stack">
      <Panel flush>
        <Table
          label="Versions"
          rows={[...data].reverse()}
          id={(v) => String(v.offset)}
          marked={(v) => v === shown}
          columns={[
            { head: "Version", cell: (v) => <button className="plain" onClick={() => set({ version: String(v.offset) })}>{v.version}</button> },
            { head: "What", cell: (v) => v.act },
            { head: "When", cell: (v) => <Time at={v.at} /> },
            { head: "By", cell: (v) => v.by },
            { head: "Why", cell: (v) => v.why },
          ]}
        />
      </Panel>
      <Suspense fallback={<Loading what="the version" />}>
        <Editor label="The row as this version has it" value={pretty(shown?.row ?? "")} before={before ? pretty(before.row ?? "") : undefined} low />
      </Suspense>
      {shown && shown.version !== now && shown.row ? <RollBack kind={kind} id={id} version={shown.version} /> : null}
    </div>
  );
}

// RollBack proposes to write a version again.
function RollBack({ kind, id, version }: { kind: Kind; id: string; version: number }) {
  const [why, setWhy] = useState("");
  const navigate = useNavigate();
  const back = useMutation({
    mutationFn: () => post<Named<Proposal>>("/v1/rollbacks", { kind, name: id, version, why }),
    onSuccess: (p) => void navigate({ to: `/changes/${p.name}` as string }),
  });
  return (
    <Panel title={`Back to version ${version}`}>
      <div className="stack">
        {back.error ? <ErrorBox error={back.error} /> : null}
        <div className="filters">
          <Text label="Why" value={why} set={setWhy} wide />
          <button disabled={!why || back.isPending} onClick={() => back.mutate()}>Propose to go back</button>
        </div>
      </div>
    </Panel>
  );
}

type Worker = { worker: string; offset: number; hash: string; problem?: string; shadows?: { name: string; would: number; already: number; failed: number }[] };

function Where({ name, shadow }: { name: string; shadow: boolean }) {
  const { data, error, isPending } = useQuery({ queryKey: ["rules-status", name], queryFn: ({ signal }) => get<{ workers: Worker[]; same: boolean }>(query("/v1/rules/status", { name }), signal), refetchInterval: 5_000 });
  if (error) return <ErrorBox error={error} />;
  if (isPending) return <Loading what="the workers" />;
  return (
    <Panel title={data.same ? "All workers have the same rules" : "Workers differ: a change is on its way"} flush>
      <Table
        label="Workers"
        rows={data.workers}
        id={(w) => w.worker}
        columns={[
          { head: "Worker", cell: (w) => <span className="mono">{w.worker}</span> },
          { head: "Control log", num: true, cell: (w) => count(w.offset) },
          { head: "Rules", cell: (w) => <span className="mono" title={w.hash}>{w.hash.slice(0, 12)}</span> },
          ...(shadow ? [{ head: "In shadow", cell: (w: Worker) => w.shadows?.map((s) => `would get ${count(s.would)}, gets already ${count(s.already)}, failed ${count(s.failed)}`).join("; ") ?? "nothing yet" }] : []),
          { head: "Problem", cell: (w) => (w.problem ? <span className="bad">{w.problem}</span> : <span className="quiet">–</span>) },
        ]}
      />
    </Panel>
  );
}
