import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import type { Named } from "../api/event_type";
import { get, post, query, segment } from "../api/http";
import type { Change, Decision, Proposal } from "../api/rule_rows";
import { Filters, Text } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Status, Time } from "../parts/Value";
import { ErrorBox, Loading } from "../parts/states";
import { Tried, useDryRun } from "./DryRun";

const Editor = lazy(() => import("../parts/Editor"));

// ChangePage is one proposal: what it changes, and who decides what about it.
export default function ChangePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const path = `/v1/proposals/${segment(id)}`;
  const { data, error, isPending } = useQuery({ queryKey: ["proposal", id], queryFn: ({ signal }) => get<Named<Proposal>>(path, signal), refetchInterval: 10_000 });
  const p = data?.row;
  return (
    <Page title={<>Proposal <span className="mono">{id}</span></>} sub={p?.why} actions={p ? <Status of={p.state} /> : null} asked={{ path, cli: `payerflow change show ${id}` }}>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="the proposal" /> : null}
      {p ? (
        <div className="split">
          <div className="stack">
            {p.changes.map((c) => (
              <Panel key={c.kind + c.name} title={<>{c.act === "DELETE" ? "Takes away" : c.version ? "Writes anew" : "Makes"} {c.kind} <span className="mono">{c.name}</span></>} side={c.version ? <span className="quiet">version {c.version} now</span> : null}>
                <Diff change={c} open={p.state === "PROPOSED" || p.state === "APPROVED"} />
              </Panel>
            ))}
          </div>
          <div className="stack">
            <Panel title="Stands">
              <Facts
                of={[
                  ["Proposed by", `${p.by.team}${p.by.application ? `:${p.by.application}` : ""}`],
                  ["Wants", p.wants || "nothing more"],
                  ["Until", p.until ? <Time at={p.until} /> : "for good"],
                  ...(p.approvals ?? []).map((d: Decision): [string, React.ReactNode] => [`Approved by ${d.by.team}`, <><Time at={d.at} /> {d.why}</>]),
                  ...(p.ended ? ([[`Ended by ${p.ended.by.team}`, <><Time at={p.ended.at} /> {p.ended.why}</>]] as [string, React.ReactNode][]) : []),
                ]}
              />
            </Panel>
            <Decide name={id} version={data.version} state={p.state} />
          </div>
        </div>
      ) : null}
    </Page>
  );
}

// Diff shows a row beside what is in force.
function Diff({ change, open }: { change: Change; open: boolean }) {
  const now = useQuery({ queryKey: ["versions", change.kind, change.name], queryFn: ({ signal }) => get<{ version: number; row?: string }[]>(query("/v1/versions", { kind: change.kind, name: change.name }), signal), enabled: open && !!change.version, retry: false });
  const row = now.data?.find((v) => v.version === change.version)?.row;
  const pretty = (v: unknown) => JSON.stringify(v, null, 2);
  const before = row ? pretty(sorted(JSON.parse(row))) : undefined;
  return (
    <Suspense fallback={<Loading what="the row" />}>
      <Editor label={`Row ${change.name}`} value={change.act === "DELETE" ? "" : pretty(sorted(change.row))} before={before} low />
    </Suspense>
  );
}

// sorted has an object's members in one order, so that only what differs shows.
function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (v && typeof v === "object") return Object.fromEntries(Object.entries(v).sort(([a], [b]) => a.localeCompare(b)).map(([k, x]) => [k, sorted(x)]));
  return v;
}

function Decide({ name, version, state }: { name: string; version: number; state: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [why, setWhy] = useState("");
  const trial = useDryRun();
  const act = useMutation({
    mutationFn: (what: string) => post(query(`/v1/proposals/${segment(name)}/${what}`, { why }), undefined, { headers: { "If-Match": `"${version}"` } }),
    onSettled: () => void client.invalidateQueries(),
  });
  const back = useMutation({
    mutationFn: () => post<Named<Proposal>>("/v1/rollbacks", { proposal: name, why }),
    onSuccess: (p) => void navigate({ href: `/portal/changes/${segment(p.name)}` }),
  });
  const open = state === "PROPOSED" || state === "APPROVED";
  const error = act.error ?? back.error ?? trial.error;
  return (
    <Panel title={open ? "Decide" : "Go back"}>
      <div className="stack">
        <Filters>
          <Text label="Why" value={why} set={setWhy} wide />
        </Filters>
        {open ? (
          <div className="actions">
            <button onClick={() => void trial.run({ proposal: name, last: 1000 })} disabled={trial.busy}>{trial.busy ? `Trying… ${trial.progress}` : "Try"}</button>
            <button onClick={() => act.mutate("approve")} disabled={act.isPending}>Approve</button>
            <button className="primary" onClick={() => act.mutate("apply")} disabled={act.isPending}>Apply</button>
            <button onClick={() => act.mutate("reject")} disabled={act.isPending}>Reject</button>
            <button onClick={() => act.mutate("withdraw")} disabled={act.isPending}>Withdraw</button>
          </div>
        ) : (
          <div className="actions">
            <button onClick={() => back.mutate()} disabled={back.isPending || !why || state !== "ACTIVE"} title={why ? undefined : "Say why"}>Propose what was before</button>
          </div>
        )}
        {error ? <ErrorBox error={error} /> : null}
        {trial.result ? <Tried of={trial.result} /> : null}
      </div>
    </Panel>
  );
}
