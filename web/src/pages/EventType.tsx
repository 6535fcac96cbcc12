import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { type EventType, type Named, type Page as Answer, type Registry, type Schema, fieldsOf, kinds, parsed, pretty } from "../api/event_type";
import { get, post, query, segment } from "../api/http";
import { may, useSession } from "../api/session";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Tabs } from "../parts/Tabs";
import { Status, Value } from "../parts/Value";
import { ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

const Editor = lazy(() => import("../parts/Editor"));
const Publish = lazy(() => import("./Publish"));

// EventTypePage is all that is known about one event type.
export default function EventTypePage() {
  const { type } = useParams({ strict: false }) as { type: string };
  const who = useSession();
  const [f, set] = useFilters();
  const path = `/v1/event-types/${segment(type)}`;
  const { data, error, isPending } = useQuery({ queryKey: ["event-type", type], queryFn: ({ signal }) => get<Named<EventType>>(path, signal) });
  const t = data?.row;
  const tabs = t
    ? [
        { name: "fields", title: "Fields", body: () => <Fields type={t} /> },
        { name: "schema", title: "Schema", body: () => <Shown label="JSON Schema" text={pretty(t.schema)} /> },
        { name: "versions", title: "Versions", body: () => <Versions type={t} filters={f} set={set} /> },
        { name: "sample", title: "Sample", body: () => <Sample type={t} filters={f} set={set} /> },
        { name: "flow", title: "Producers and consumers", body: () => <Flow type={t} /> },
        ...(may.publish(who, t.name) ? [{ name: "publish", title: "Publish", body: () => <Suspense fallback={<Loading what="the form" />}><Publish type={t} /></Suspense> }] : []),
      ]
    : [];
  return (
    <Page title={<span className="mono">{type}</span>} sub={t?.doc} actions={t ? <Status of={t.state} /> : null} asked={{ path, cli: `payerflow type show ${shell(type)}` }}>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="the event type" /> : null}
      {t ? (
        <>
          <Panel>
            <Facts
              of={[
                ["Owner", t.owner],
                ["Version", String(t.version)],
                ["Key", <code>{t.keyField || "the subject, or the transaction"}</code>],
                ["Topic", t.topic ? <code>{t.topic}</code> : "none of its own"],
                ["Tags in use", t.tags?.length ? t.tags.join(", ") : null],
                ["Compatible with", "all versions before it, both ways"],
              ]}
            />
          </Panel>
          <Tabs label="About the type" of={tabs} chosen={f.tab} choose={(tab) => set({ tab: tab === "fields" ? undefined : tab })} />
        </>
      ) : null}
    </Page>
  );
}

function Shown({ label, text, before }: { label: string; text: string; before?: string }) {
  return (
    <Suspense fallback={<Loading what="the text" />}>
      <Editor label={label} value={text} before={before} />
    </Suspense>
  );
}

function Fields({ type }: { type: EventType }) {
  const fields = fieldsOf(parsed<Schema>(type.schema));
  const classes = new Map(type.fields?.map((l) => [l.pointer, l]));
  return (
    <Panel flush>
      <Table
        label="Fields"
        rows={fields}
        id={(f) => f.pointer}
        columns={[
          { head: "Field", cell: (f) => <code style={{ paddingLeft: f.depth * 14 }}>{f.pointer.slice(1)}</code> },
          { head: "Type", cell: (f) => [kinds(f.schema).join(" or "), f.schema.format].filter(Boolean).join(", ") },
          { head: "Required", cell: (f) => (f.required ? "yes" : "") },
          { head: "Class", cell: (f) => <span className="tag" title={classes.get(f.pointer)?.source}>{classes.get(f.pointer)?.class ?? "none: withheld"}</span> },
          { head: "What it says", cell: (f) => <span title={f.schema.description}>{f.schema.description}</span> },
        ]}
      />
    </Panel>
  );
}

type Version = { version: number; offset: number; act: string; row?: string; by?: string; why?: string; at?: string };

function Versions({ type, filters, set }: { type: EventType; filters: Record<string, string>; set: (c: Record<string, string>) => void }) {
  const { data, error, isPending } = useQuery({ queryKey: ["versions", type.name], queryFn: ({ signal }) => get<Version[]>(query("/v1/versions", { kind: "event-type", name: type.name }), signal) });
  if (error) return <ErrorBox error={error} />;
  if (isPending) return <Loading what="versions" />;
  const shown = data.filter((v) => v.row);
  const schema = (v?: Version) => pretty(parsed<EventType>(v?.row)?.schema ?? "");
  const now = shown.find((v) => String(v.version) === filters.version) ?? shown.at(-1);
  const before = shown[shown.indexOf(now!) - 1];
  return (
    <div className="stack">
      <Filters>
        <Choice label="Row version" value={String(now?.version)} set={(version) => set({ version })} of={shown.map((v) => String(v.version))} any={null} />
        <span className="quiet">{before ? `compared with version ${before.version}` : "the first"}{now?.by ? ` · by ${now.by}` : ""}{now?.why ? ` · ${now.why}` : ""}</span>
      </Filters>
      <Shown label="Schema of this version" text={schema(now)} before={before ? schema(before) : undefined} />
    </div>
  );
}

type Previewed = { classes: string[] | null; body: unknown };

function Sample({ type, filters, set }: { type: EventType; filters: Record<string, string>; set: (c: Record<string, string>) => void }) {
  const who = useSession();
  const team = (who.scopes.admin && filters.team) || who.team!;
  const application = team === who.team ? who.application : undefined;
  const body = { team, application, eventType: type.name };
  const { data, error, isPending } = useQuery({ queryKey: ["preview", body], queryFn: ({ signal }) => post<Previewed>("/v1/redaction/preview", body, { signal }), retry: false });
  return (
    <div className="stack">
      <Filters>
        {who.scopes.admin ? <Text label="As team" value={filters.team ?? who.team} set={(v) => set({ team: v })} /> : null}
        <span className="quiet">
          A made-up event as a copy for {team} would have it. It may see {data?.classes?.length ? data.classes.join(", ") : "PUBLIC alone"}.
        </span>
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="the sample" /> : null}
      {data ? <Shown label="Sample, redacted" text={JSON.stringify(data.body, null, 2)} /> : null}
    </div>
  );
}

type Subscription = { team: string; name: string; eventTypes?: string[]; rules?: string[]; state: string; delivery?: string };

function Flow({ type }: { type: EventType }) {
  const who = useSession();
  const registry = useQuery({ queryKey: ["registry"], queryFn: ({ signal }) => get<Registry>("/v1/registry", signal), staleTime: 60_000 });
  const subs = useQuery({ queryKey: ["subscriptions"], queryFn: ({ signal }) => get<Answer<Subscription>>("/v1/subscriptions?limit=1000", signal), enabled: may.subscribe(who) });
  if (registry.error) return <ErrorBox error={registry.error} />;
  if (!registry.data) return <Loading what="the registry" />;
  const topic = registry.data.topics.find((t) => t.eventTypes.includes(type.name));
  const mine = subs.data?.rows.filter((s) => s.row.eventTypes?.some((p) => new RegExp(`^${p.split("*").map((x) => x.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`).test(type.name))) ?? [];
  return (
    <div className="grid">
      <Panel title="Declared by the catalogue">
        {topic ? (
          <Facts
            of={[
              ["Topic", <code>{topic.name}</code>],
              ["Partitions", String(topic.partitions)],
              ["Kept", `${topic.retentionDays} days`],
              ["Producers", topic.producers.join(", ")],
              ["Consumers", topic.consumers.join(", ")],
            ]}
          />
        ) : (
          <p className="quiet">The type has no topic of its own: it travels on the firehose and in copies.</p>
        )}
      </Panel>
      {may.subscribe(who) ? (
        <Panel title={who.scopes.admin ? "Subscriptions" : "Subscriptions of your team"}>
          {subs.error ? <ErrorBox error={subs.error} /> : null}
          {subs.data && mine.length === 0 ? (
            <p className="quiet">
              None names it. <code>payerflow sub apply -f FILE</code>
            </p>
          ) : null}
          <ul className="lines">
            {mine.map((s) => (
              <li key={s.name}>
                <span className="mono">{s.name}</span> <Status of={s.row.state ?? "ACTIVE"} /> <Value of={s.row.delivery ?? "topic"} />
              </li>
            ))}
          </ul>
        </Panel>
      ) : null}
      {may.subscribe(who) ? (
        <Panel title="Recorded">
          <p>
            <Link to={"/store" as string} search={{ type: type.name } as never}>Events of this type in the event store</Link>
          </p>
        </Panel>
      ) : null}
    </div>
  );
}
