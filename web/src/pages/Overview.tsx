import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { sum, useLoad } from "../api/engine";
import { Problem, get, query } from "../api/http";
import type { Rows } from "../api/rows";
import { may, useSession } from "../api/session";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status, Time, bytes, count } from "../parts/Value";
import { ErrorBox, Loading } from "../parts/states";

const Chart = lazy(() => import("../parts/Chart"));

type SLA = { total: { count: number; p50_ms: number; p95_ms: number; p99_ms: number } };
type Letters = { topics: { topic: string; count: number; lastHour: number }[] };
type RuleRow = { kind: string; name: string; version: number; act: string; by: string; why?: string; at: string };

// Overview says how this worker and the flow through it are now.
export default function Overview() {
  const who = useSession();
  const { asked, loads, samples } = useLoad();
  const ready = useQuery({ queryKey: ["ready"], queryFn: readiness, refetchInterval: 5_000 });
  return (
    <Page title="Overview" sub="What the worker that answers this page does now" asked={{ path: "/v1/engine", cli: "payerflow engine" }}>
      {asked.error ? <ErrorBox error={asked.error} /> : null}
      {ready.data && ready.data.length > 0 ? (
        <div className="error" role="alert">
          <strong>not ready</strong>
          <ul>
            {ready.data.map((m) => (
              <li key={m}>{m}</li>
            ))}
          </ul>
        </div>
      ) : null}
      <div className="tiles">
        <Tile name="Ready" value={ready.data ? (ready.data.length ? "no" : "yes") : "…"} tone={ready.data?.length ? "bad" : undefined} />
        <Tile name="Records a second" value={samples.length ? samples.at(-1)!.rate.toFixed(1) : "…"} />
        <Tile name="Records behind" value={asked.data ? count(sum(loads, (l) => l.lag)) : "…"} />
        <Tile name="Rows" value={asked.data ? count(sum(loads, (l) => l.rows)) : "…"} />
        {may.read(who, "sla") ? <Delivery /> : null}
        {may.subscribe(who) ? <Waiting /> : null}
      </div>
      <div className="split">
        <Panel title="Folded since this page is open">
          {samples.length > 1 ? (
            <Suspense fallback={<Loading what="the chart" />}>
              <Chart
                label="Records folded a second, and records behind"
                times={samples.map((s) => s.at)}
                lines={[
                  { label: "records/s", values: samples.map((s) => s.rate), token: "--accent" },
                  { label: "behind", values: samples.map((s) => s.lag), token: "--warn", scale: "lag" },
                ]}
              />
            </Suspense>
          ) : (
            <p className="quiet">A moment: a rate needs two measurements.</p>
          )}
        </Panel>
        {may.read(who, "mediator-rules") ? <Changes /> : <Panel title="You">{scopes(who.scopes)}</Panel>}
      </div>
      <Panel title="Groups" flush>
        <Table
          label="Groups"
          rows={[...loads].sort((a, b) => b.lag - a.lag || (b.rate ?? 0) - (a.rate ?? 0) || a.group.name.localeCompare(b.group.name))}
          id={(l) => l.group.name}
          columns={[
            { head: "Group", cell: (l) => <span className="mono">{l.group.name}</span> },
            { head: "State", cell: (l) => <Status of={l.group.state} /> },
            { head: "Records/s", num: true, cell: (l) => (l.rate === null ? "…" : l.rate.toFixed(1)) },
            { head: "Behind", num: true, cell: (l) => count(l.lag) },
            { head: "Rows", num: true, cell: (l) => count(l.rows) },
            { head: "Wait for a date", num: true, cell: (l) => count(l.waiting) },
            { head: "On disk", num: true, cell: (l) => bytes(l.bytes) },
            { head: "Rebuilt", num: true, cell: (l) => <span title={l.group.lastError}>{l.group.restarts}</span> },
          ]}
        />
      </Panel>
    </Page>
  );
}

function Tile({ name, value, tone }: { name: string; value: string; tone?: string }) {
  return (
    <div className="tile">
      <span>{name}</span>
      <b className={tone}>{value}</b>
    </div>
  );
}

function Delivery() {
  const { data } = useQuery({ queryKey: ["sla"], queryFn: ({ signal }) => get<SLA>(query("/v1/sla", { tag: "~untagged", minutes: 15 }), signal), refetchInterval: 15_000, retry: false });
  const ms = data?.total.p95_ms;
  return <Tile name="Delivered in (p95)" value={ms === undefined ? "–" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`} />;
}

function Waiting() {
  const { data } = useQuery({ queryKey: ["dlq"], queryFn: ({ signal }) => get<Letters>("/v1/dlq", signal), refetchInterval: 15_000 });
  const waiting = data ? sum(data.topics, (t) => t.count) : undefined;
  return <Tile name="Dead letters" value={waiting === undefined ? "…" : count(waiting)} tone={waiting ? "bad" : undefined} />;
}

function Changes() {
  const { data, error } = useQuery({ queryKey: ["changes"], queryFn: ({ signal }) => get<Rows<RuleRow>>(query("/v1/views/mediator-rules", { sort: "-at", limit: 8 }), signal), refetchInterval: 15_000 });
  return (
    <Panel title="What changed last">
      {error ? <ErrorBox error={error} /> : null}
      {data?.rows.length === 0 ? (
        <p className="quiet">
          Nothing yet. <code>payerflow sub apply -f FILE</code> makes a subscription.
        </p>
      ) : null}
      <ul className="lines">
        {data?.rows.map(({ value: r }) => (
          <li key={`${r.kind}/${r.name}`}>
            <Time at={r.at} /> <b>{r.kind}</b> {r.kind === "event-type" ? <Link to={`/catalogue/${r.name}` as string}>{r.name}</Link> : <span className="mono">{r.name}</span>} <span className="quiet">version {r.version}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function scopes(s: Record<string, unknown>) {
  return (
    <ul className="lines">
      {Object.entries(s)
        .filter(([, v]) => v)
        .map(([name, v]) => (
          <li key={name}>
            <b>{name}</b> {Array.isArray(v) ? v.map((p) => <code key={p}>{p} </code>) : null}
          </li>
        ))}
    </ul>
  );
}

// readiness is what is missing; nothing where the worker is ready.
async function readiness(): Promise<string[]> {
  const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
  if (!answer) throw new Problem(0, "UNREACHABLE", "the worker does not answer");
  return (await answer.json()).missing ?? [];
}
