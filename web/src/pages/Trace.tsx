import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { Problem, get, segment } from "../api/http";
import { withheld } from "../api/rows";
import { EventId } from "../parts/Because";
import { Page, shell } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Time, Value } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { type Held, stored } from "./stored";

const Editor = lazy(() => import("../parts/Editor"));

type Step = { relation: "led to it" | "itself" | "came of it"; id: string; eventType: string; topic: string; partition: number; offset: number; time: string; redriven?: string };

// Trace is an event's way through the topics, what led to it and what came of it.
export default function Trace() {
  const { id } = useParams({ strict: false }) as { id: string };
  const path = `/v1/store/events/${segment(id)}/lineage`;
  const way = useQuery({ queryKey: ["lineage", id], queryFn: ({ signal }) => get<{ steps: Step[] | null; more: boolean }>(path, signal), retry: (n, e) => n < 4 && e instanceof Problem && e.code === "EVENT_NOT_FOUND", retryDelay: 1500 });
  const held = useQuery({ queryKey: ["held", id], queryFn: ({ signal }) => get<{ events: Held[] }>(`/v1/store/events/${segment(id)}`, signal), enabled: way.isSuccess });
  const steps = way.data?.steps ?? [];
  const self = steps.find((s) => s.relation === "itself");
  const away = way.error instanceof Problem && way.error.code === "EVENT_NOT_FOUND";
  return (
    <Page title={<>Event <span className="mono">{id}</span></>} sub={self?.eventType} asked={{ path, cli: `payerflow trace ${shell(id)} --since 48h` }}>
      {way.isPending ? <Loading what="the event's way" /> : null}
      {away ? (
        <Empty title="The event store has no such event that this session may read">
          What came within the last seconds may not be there yet. What topics still hold: <code>payerflow trace {id}</code>
        </Empty>
      ) : way.error ? (
        <ErrorBox error={way.error} />
      ) : null}
      {steps.length > 0 ? (
        <div className="split">
          <Panel title="Its way" side={<span className="quiet">by the records' time stamps</span>}>
            <ol className="timeline">
              {steps.map((s, i) => (
                <li key={i} className={s.relation === "itself" ? "" : "other"}>
                  <Time at={s.time} />
                  <div>
                    <b className="mono">{s.topic}</b> <span className="quiet">{s.partition}/{s.offset}{after(steps, i)}</span>
                    <p>
                      <span className="tag first">{s.relation}</span> {s.eventType} {s.id !== id ? <EventId id={s.id} short /> : null}
                      {s.redriven ? <span className="tag">redriven from {s.redriven}</span> : null}
                    </p>
                  </div>
                </li>
              ))}
            </ol>
            {way.data?.more ? <p className="quiet">The transaction has more records than are shown.</p> : null}
          </Panel>
          <div className="stack">{held.data?.events[0] ? <About of={held.data.events[0]} /> : null}{held.error ? <ErrorBox error={held.error} /> : null}</div>
        </div>
      ) : null}
    </Page>
  );
}

// after is the time since the step before.
function after(steps: Step[], i: number): string {
  if (i === 0) return "";
  const ms = Date.parse(steps[i]!.time) - Date.parse(steps[i - 1]!.time);
  return ms < 1000 ? ` · +${ms} ms` : ` · +${(ms / 1000).toFixed(1)} s`;
}

function About({ of: e }: { of: Held }) {
  return (
    <Panel title="What it says">
      <Facts
        of={[
          ["Type", <Link to={`/catalogue/${e.eventType}` as string}>{e.eventType}</Link>],
          ["Event time", <Time at={e.eventTime} />],
          ["Key", <span className="mono"><Value of={e.key} /></span>],
          ["Transaction", e.transactionId && e.transactionId !== withheld ? <Link to={"/store" as string} search={{ transaction: e.transactionId } as never}>{e.transactionId}</Link> : <Value of={e.transactionId} />],
          ["Source", <Value of={e.sourceSystem} />],
          ["User", <Value of={e.userId} />],
          ["Synthetic", <Value of={e.synthetic} />],
          ["Tags", e.tags?.length ? e.tags.map((t) => <Link key={t} className="tag" to={"/store" as string} search={{ tag: t } as never}>{t}</Link>) : null],
        ]}
      />
      <h3>Body, as this session may see it</h3>
      <Suspense fallback={<Loading what="the body" />}>
        <Editor label="Body" value={stored(e)} low />
      </Suspense>
    </Panel>
  );
}
