import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useMemo, useState } from "react";
import { type EventType, type Named, type Page as Answer, type Schema, fieldsOf, parsed } from "../api/event_type";
import { Problem, get, post, query, segment } from "../api/http";
import { type Change, type Proposal, type Rule, begins, paths } from "../api/rule_rows";
import { useSession } from "../api/session";
import type { Fault } from "../parts/Editor";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";
import { Tried, useDryRun } from "./DryRun";
import { RuleFields } from "./RuleFields";

const Editor = lazy(() => import("../parts/Editor"));

// RuleEdit writes a row anew, tries it on recorded events and proposes it.
export default function RuleEdit() {
  const [f] = useFilters();
  const kind = f.kind && begins[f.kind] ? f.kind : "subscription";
  const there = useQuery({
    queryKey: ["row", kind, f.name],
    queryFn: ({ signal }) => get<Named<unknown>>(`${paths[kind]}/${f.name!.split("/").map(segment).join("/")}`, signal),
    enabled: !!f.name,
  });
  if (f.name && there.isPending) return <Loading what="the row" />;
  if (there.error) return <ErrorBox error={there.error} />;
  return <Form key={kind + f.name} kind={kind} name={f.name} there={there.data} />;
}

function Form({ kind, name, there }: { kind: string; name?: string; there?: Named<unknown> }) {
  const who = useSession();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [, set] = useFilters();
  const before = useMemo(() => (there ? JSON.stringify(there.row, null, 2) : undefined), [there]);
  const [text, setText] = useState(() => before ?? JSON.stringify(begins[kind]!(who.team!), null, 2));
  const [why, setWhy] = useState("");
  const [last, setLast] = useState("1000");
  const row = parsed<Rule>(text);
  const changes: Change[] = [{ kind, row, ...(there ? { version: there.version } : {}) }];
  const trial = useDryRun();
  const propose = useMutation({
    mutationFn: () => post<Named<Proposal>>("/v1/proposals", { changes, why }),
    onSuccess: (p) => {
      void client.invalidateQueries({ queryKey: ["proposals"] });
      void navigate({ href: `/portal/changes/${segment(p.name)}` });
    },
  });
  const refused = trial.error ?? propose.error;
  const rule = kind === "routing-rule";
  return (
    <Page
      title={name ? <>Change of {kind} <span className="mono">{name}</span></> : `New ${kind}`}
      sub="Try it on what was recorded, then propose it: it comes into force when it is approved, as far as a policy wants that, and applied"
      asked={{ method: "POST", path: "/v1/proposals", body: { changes, why }, cli: "payerflow change propose -f FILE --why TEXT" }}
      actions={<Link className="button" to={"/rules" as string}>All rules</Link>}
    >
      {name ? null : (
        <Filters>
          <Choice label="Kind" value={kind} set={(k) => set({ kind: k })} of={Object.keys(begins)} any={null} />
        </Filters>
      )}
      {row && kind !== "permission" ? <RuleFields fresh={!there} subscription={kind === "subscription"} row={row} put={(c) => setText(JSON.stringify({ ...row, ...c }, null, 2))} /> : null}
      {rule && row ? <Condition rule={row} set={(condition) => setText(JSON.stringify({ ...row, condition }, null, 2))} refused={refused} /> : null}
      <Panel title="Row" side={before && before !== text ? <span className="quiet">with what changes</span> : null}>
        <Suspense fallback={<Loading what="the editor" />}>
          <Editor label="Row as JSON" value={text} set={setText} before={before} />
        </Suspense>
      </Panel>
      {refused ? <ErrorBox error={refused} /> : null}
      <Panel title="Try it on recorded events" side={<span className="quiet">nothing is delivered</span>}>
        <Filters>
          <Choice label="The last events" value={last} set={setLast} of={["100", "1000", "10000", "100000"]} any={null} />
          <button type="button" disabled={!row || trial.busy} onClick={() => void trial.run({ changes, last: Number(last) })}>
            {trial.busy ? `Trying… ${trial.progress}` : "Try"}
          </button>
        </Filters>
        {trial.result ? <Tried of={trial.result} /> : null}
      </Panel>
      <Panel title="Propose it">
        <Filters>
          <Text label="Why" value={why} set={setWhy} placeholder="kept in the log" wide />
          <button type="button" className="primary" disabled={!row || !why || propose.isPending} title={why ? undefined : "Say why"} onClick={() => propose.mutate()}>
            Propose
          </button>
        </Filters>
      </Panel>
      {row ? null : <Empty title="This is not JSON yet" />}
    </Page>
  );
}

// Condition edits a rule's CEL, with the fields of its types to complete.
function Condition({ rule, set, refused }: { rule: Rule; set: (text: string) => void; refused: unknown }) {
  const types = useQuery({ queryKey: ["types-of", rule.eventTypes], queryFn: ({ signal }) => get<Answer<EventType>>(query("/v1/event-types", { limit: 1000 }), signal), staleTime: 60_000 });
  const words = useMemo(() => {
    const mine = types.data?.rows.filter((t) => rule.eventTypes?.includes(t.name)) ?? [];
    const fields = mine.flatMap((t) => fieldsOf(parsed<Schema>(t.row.schema)).filter((x) => !x.pointer.includes("/*")).map((x) => `body${x.pointer.replaceAll("/", ".")}`));
    return [...new Set([...fields, "tags", "event.id", "event.eventType", "event.sourceSystem", "event.transactionId", "event.userId", "event.time", "event.synthetic", "has", "size"])];
  }, [types.data, rule.eventTypes]);
  const [faults, setFaults] = useState<Fault[]>([]);
  useEffect(() => {
    const all = refused instanceof Problem ? refused.faults.filter((x) => x.pointer.endsWith("/condition")) : [];
    setFaults(all.map((x) => ({ line: Number(x.message.match(/line (\d+)/)?.[1] ?? 1), column: Number(x.message.match(/column (\d+)/)?.[1] ?? 1) - 1, message: x.message })));
  }, [refused]);
  return (
    <Panel title="Condition" side={<span className="quiet">CEL over event, tags and body; empty always holds; Ctrl-Space completes</span>}>
      <Suspense fallback={<Loading what="the editor" />}>
        <Editor label="Condition in CEL" language="cel" low value={rule.condition ?? ""} set={set} words={words} faults={faults} />
      </Suspense>
    </Panel>
  );
}
