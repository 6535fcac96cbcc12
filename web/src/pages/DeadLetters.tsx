import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy, useState } from "react";
import { parsed } from "../api/event_type";
import { get, post, query, segment } from "../api/http";
import { withheld } from "../api/rows";
import { useSession } from "../api/session";
import { EventId } from "../parts/Because";
import { Check, Filters, Text } from "../parts/Filters";
import { CopyAs, Page, curl, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status, Time, count } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

const Editor = lazy(() => import("../parts/Editor"));

type Topic = { topic: string; count: number; reasons: Record<string, number>; lastHour: number; lastDay: number; handled: number };
type Letter = {
  partition: number; offset: number; state: string; originalKey?: string; originalPayload: unknown; payloadFault?: string;
  dlqMetadata: { originalTopic: string; failureReason: string; reasonCode: string; failedAt: string; consumerGroup: string; retryCount: number; eventId: string | null };
};
type Letters = { topic: string; letters: Letter[]; next?: string };
type Done = Record<string, unknown>;

// DeadLetters are records that could not be taken, by topic and cause.
export default function DeadLetters() {
  const [f, set] = useFilters();
  return f.topic ? <OfTopic topic={f.topic} f={f} set={set} /> : <Topics f={f} set={set} />;
}

type Place = { f: Record<string, string>; set: ReturnType<typeof useFilters>[1] };

function Topics({ f, set }: Place) {
  const { data, error, isPending } = useQuery({ queryKey: ["dlq"], queryFn: ({ signal }) => get<{ topics: Topic[] }>("/v1/dlq", signal), refetchInterval: 10_000 });
  const rows = (data?.topics ?? []).filter((t) => (f.all === "yes" || t.count > 0) && (!f.q || t.topic.includes(f.q)));
  const causes = rows.flatMap((t) => Object.entries(t.reasons).map(([reason, n]) => ({ topic: t, reason, n })));
  return (
    <Page title="Dead letters" sub="Records that could not be taken: look, mend, send back" asked={{ path: "/v1/dlq", cli: "payerflow dlq list" }}>
      <Filters>
        <Text label="Topic" value={f.q} set={(q) => set({ q })} />
        <Check label="Also topics without any" value={f.all === "yes"} set={(v) => set({ all: v ? "yes" : undefined })} />
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="dead letters" /> : null}
      {data && rows.length === 0 ? <Empty title="Nothing waits">Everything that came in could be taken, or was sent back. <code>payerflow dlq list</code> says the same.</Empty> : null}
      {causes.length > 0 ? (
        <Panel title="By cause" flush>
          <Table
            label="By cause"
            rows={causes}
            id={(c) => c.topic.topic + c.reason}
            to={(c) => `/dlq?topic=${segment(c.topic.topic)}&reason=${segment(c.reason)}`}
            columns={[
              { head: "Reason", cell: (c) => <code>{c.reason}</code> },
              { head: "Topic", cell: (c) => <span className="mono">{c.topic.topic}</span> },
              { head: "Waiting", num: true, cell: (c) => count(c.n) },
            ]}
          />
        </Panel>
      ) : null}
      {rows.length > 0 ? (
        <Panel title="By topic" flush>
          <Table
            label="By topic"
            rows={rows}
            id={(t) => t.topic}
            to={(t) => `/dlq?topic=${segment(t.topic)}`}
            columns={[
              { head: "Topic", cell: (t) => <span className="mono">{t.topic}</span> },
              { head: "Waiting", num: true, cell: (t) => count(t.count) },
              { head: "Last hour", num: true, cell: (t) => count(t.lastHour) },
              { head: "Last day", num: true, cell: (t) => count(t.lastDay) },
              { head: "Handled", num: true, cell: (t) => count(t.handled) },
            ]}
          />
        </Panel>
      ) : null}
    </Page>
  );
}

const place = (l: Letter) => `${l.partition}/${l.offset}`;

function OfTopic({ topic, f, set }: Place & { topic: string }) {
  const who = useSession();
  const [picked, pick] = useState<Set<string>>(new Set());
  const asked = { reason: f.reason, all: f.all === "yes" ? "true" : undefined };
  const at = (after: string) => query(`/v1/dlq/${segment(topic)}`, { ...asked, limit: 50, after });
  const { data, error, isPending, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ["letters", at("")],
    queryFn: ({ pageParam, signal }) => get<Letters>(at(pageParam), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
  });
  const letters = data?.pages.flatMap((p) => p.letters) ?? [];
  const shown = letters.find((l) => place(l) === f.at);
  const toggle = (l: Letter) => pick((old) => { const next = new Set(old); if (!next.delete(place(l))) next.add(place(l)); return next; });
  const source = topic.replace(/\.dlq$/, "");
  return (
    <Page title={<span className="mono">{topic}</span>} sub="Payloads as this session may see them" actions={<button onClick={() => set({ topic: undefined, reason: undefined, at: undefined })}>All topics</button>} asked={{ path: at(""), cli: `payerflow dlq show ${shell(source)}${f.reason ? ` --reason ${shell(f.reason)}` : ""}` }}>
      <Filters>
        <Text label="Reason" value={f.reason} set={(reason) => set({ reason })} placeholder="BAD_FRAME" />
        <Check label="Also what was handled" value={f.all === "yes"} set={(v) => set({ all: v ? "yes" : undefined })} />
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="dead letters" /> : null}
      {data && letters.length === 0 ? <Empty title="Nothing waits here">What was handled is shown by the box above.</Empty> : null}
      {letters.length > 0 ? (
        <div className={shown ? "split" : ""}>
          <div className="stack">
            <Panel flush>
              <Table
                label="Dead letters"
                rows={letters}
                id={place}
                marked={(l) => place(l) === f.at}
                columns={[
                  ...(who.scopes.admin ? [{ head: "Choose", cell: (l: Letter) => <input type="checkbox" aria-label={`Choose ${place(l)}`} checked={picked.has(place(l))} disabled={l.state !== "WAITING"} onChange={() => toggle(l)} /> }] : []),
                  { head: "Place", cell: (l) => <button className="plain mono" onClick={() => set({ at: place(l) })}>{place(l)}</button> },
                  { head: "Reason", cell: (l) => <code>{l.dlqMetadata.reasonCode}</code> },
                  { head: "Parked", cell: (l) => <Time at={l.dlqMetadata.failedAt} /> },
                  { head: "State", cell: (l) => <Status of={l.state} /> },
                  { head: "Why", cell: (l) => <span title={l.dlqMetadata.failureReason}>{l.dlqMetadata.failureReason}</span> },
                ]}
              />
              {hasNextPage ? <div className="more"><button onClick={() => void fetchNextPage()}>More</button></div> : null}
            </Panel>
            {who.scopes.admin ? <Handle key={[...picked].join() + f.reason} topic={topic} picked={[...picked]} reason={f.reason} done={() => pick(new Set())} /> : null}
          </div>
          {shown ? <Shown key={f.at} topic={topic} letter={shown} close={() => set({ at: undefined })} /> : null}
        </div>
      ) : null}
    </Page>
  );
}

function Shown({ topic, letter: l, close }: { topic: string; letter: Letter; close: () => void }) {
  const who = useSession();
  const able = !!who.scopes.admin && l.state === "WAITING";
  const as = JSON.stringify(l.originalPayload, null, 2);
  const [text, setText] = useState(as);
  return (
    <div className="stack">
      <Panel title={<>Dead letter <span className="mono">{place(l)}</span></>} side={<button onClick={close}>Close</button>}>
        <p>{l.dlqMetadata.failureReason}</p>
        <p className="quiet">
          parked by <span className="mono">{l.dlqMetadata.consumerGroup}</span> {l.dlqMetadata.eventId ? <>· event <EventId id={l.dlqMetadata.eventId} /></> : null}
        </p>
        {l.originalKey ? <p>Key <span className="mono">{l.originalKey}</span></p> : null}
        {l.originalPayload === null ? (
          <p className="quiet">Nothing of the payload may be shown: {l.payloadFault}</p>
        ) : (
          <Suspense fallback={<Loading what="the payload" />}>
            <Editor label="Payload" value={text} set={able ? setText : undefined} before={text === as ? undefined : as} low />
          </Suspense>
        )}
      </Panel>
      {able && l.originalPayload !== null ? <Mend topic={topic} at={place(l)} before={l.originalPayload} after={parsed(text)} /> : null}
    </div>
  );
}

// Mend sends one dead letter back as it was edited. What was withheld and was
// not touched stays as it is.
function Mend({ topic, at, before, after }: { topic: string; at: string; before: unknown; after: unknown }) {
  const client = useQueryClient();
  const [why, setWhy] = useState("");
  const patch = after === null ? null : mergePatch(before, after);
  // A list is sent whole: what is withheld in it would come back as these stars.
  const hidden = JSON.stringify(patch).includes(withheld);
  const able = after !== null && !hidden;
  const path = `/v1/dlq/${segment(topic)}/redrive`;
  const body = (dryRun: boolean) => ({ at: [at], dryRun, ...(why ? { why } : {}), ...(patch ? { patch } : {}) });
  const act = useMutation({
    mutationFn: (dryRun: boolean) => post<Done>(path, body(dryRun)),
    onSuccess: (_, dryRun) => (dryRun ? undefined : Promise.all([client.invalidateQueries({ queryKey: ["letters"] }), client.invalidateQueries({ queryKey: ["dlq"] })])),
  });
  return (
    <Panel title={patch ? "Send it back mended" : "Send it back as it is"} side={<span className="quiet">{after === null ? "this is not JSON yet" : patch ? "edit above" : "edit above to mend it"}</span>}>
      <div className="stack">
        <Filters>
          <Text label="Why" value={why} set={setWhy} placeholder="kept with what is done" wide />
        </Filters>
        {hidden ? <p className="bad">This changes something that holds what is withheld from you. Mend it with <code>payerflow dlq redrive --edit</code>.</p> : null}
        {act.error ? <ErrorBox error={act.error} /> : null}
        {act.data ? <div className="done" role="status">{act.variables ? "It would be: " : "Done: "}{told(act.data)}</div> : null}
        <div className="actions">
          <button onClick={() => act.mutate(true)} disabled={act.isPending || !able}>Dry run</button>
          <button className="primary" onClick={() => act.mutate(false)} disabled={act.isPending || !able}>Send this one back</button>
          <CopyAs label="curl" text={curl({ method: "POST", path, body: body(false) })} />
        </div>
      </div>
    </Panel>
  );
}

type Members = Record<string, unknown>;

const members = (v: unknown): v is Members => typeof v === "object" && v !== null && !Array.isArray(v);

// mergePatch is what makes after of before (RFC 7396); null where nothing does.
function mergePatch(before: unknown, after: unknown): Members | null {
  if (!members(before) || !members(after)) return members(after) ? after : null;
  const out: Members = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!(name in after)) out[name] = null;
    else if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) out[name] = members(before[name]) && members(after[name]) ? (mergePatch(before[name], after[name]) ?? {}) : after[name];
  }
  return Object.keys(out).length ? out : null;
}

const told = (done: Done) =>
  Object.entries(done)
    .filter(([, v]) => typeof v === "number" || (v && typeof v === "object" && Object.keys(v).length))
    .map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : v}`)
    .join(", ");

// Handle sends dead letters back, mended if need be, or gives them up.
function Handle({ topic, picked, reason, done }: { topic: string; picked: string[]; reason?: string; done: () => void }) {
  const client = useQueryClient();
  const [why, setWhy] = useState("");
  const [patch, setPatch] = useState("");
  const [mending, mend] = useState(false);
  const chosen = picked.length ? { at: picked } : reason ? { reasons: [reason] } : { all: true };
  const body = (dryRun: boolean) => ({ ...chosen, dryRun, ...(why ? { why } : {}), ...(mending && patch.trim() ? { patch: parsed(patch) } : {}) });
  const act = useMutation({
    mutationFn: ({ what, dryRun }: { what: "redrive" | "drop"; dryRun: boolean }) => {
      const { patch: _, ...plain } = body(dryRun);
      return post<Done>(`/v1/dlq/${segment(topic)}/${what}`, what === "drop" ? plain : body(dryRun));
    },
    onSuccess: (_, { dryRun }) => {
      if (dryRun) return;
      void client.invalidateQueries({ queryKey: ["letters"] });
      void client.invalidateQueries({ queryKey: ["dlq"] });
      setTimeout(done, 4000);
    },
  });
  const words = picked.length ? `${picked.length} chosen` : reason ? `all with ${reason}` : "all of the topic";
  return (
    <Panel title="Handle" side={<span className="quiet">{words}</span>}>
      <div className="stack">
        <div className="filters">
          <Text label="Why" value={why} set={setWhy} placeholder="kept with what is done" wide />
          <Check label="Mend payloads" value={mending} set={mend} />
        </div>
        {mending ? (
          <Suspense fallback={<Loading what="the editor" />}>
            <Editor label="JSON merge patch of every payload that is chosen" value={patch || "{\n  \n}"} set={setPatch} low />
          </Suspense>
        ) : null}
        {act.error ? <ErrorBox error={act.error} /> : null}
        {act.data ? (
          <div className="done" role="status">
            {act.variables?.dryRun ? "It would be: " : "Done: "}
            {told(act.data)}
          </div>
        ) : null}
        <div className="actions">
          <button onClick={() => act.mutate({ what: "redrive", dryRun: true })} disabled={act.isPending}>Dry run</button>
          <button className="primary" onClick={() => act.mutate({ what: "redrive", dryRun: false })} disabled={act.isPending}>Send back</button>
          <button className="danger" onClick={() => act.mutate({ what: "drop", dryRun: false })} disabled={act.isPending || !why} title={why ? undefined : "Giving up wants a reason"}>Give up</button>
          <CopyAs label="curl" text={curl({ method: "POST", path: `/v1/dlq/${segment(topic)}/redrive`, body: body(false) })} />
        </div>
      </div>
    </Panel>
  );
}
