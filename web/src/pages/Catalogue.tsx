import { useInfiniteQuery } from "@tanstack/react-query";
import type { EventType, Page as Answer } from "../api/event_type";
import { get, query, segment } from "../api/http";
import { Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Status, Value } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";

// Catalogue finds event types by name, owner, field, tag, text and class.
export default function Catalogue() {
  const [f, set] = useFilters();
  const at = (after: string) => query("/v1/event-types", { q: f.q, limit: 200, after });
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ["event-types", f.q ?? ""],
    queryFn: ({ pageParam, signal }) => get<Answer<EventType>>(at(pageParam), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
  });
  const all = data?.pages.flatMap((p) => p.rows) ?? [];
  const classes = [...new Set(all.flatMap((t) => t.row.fields?.map((l) => l.class) ?? []))].sort();
  const rows = all.filter((t) => (!f.class || t.row.fields?.some((l) => l.class === f.class)) && (!f.state || t.row.state === f.state));
  const more = () => hasNextPage && !isFetchingNextPage && void fetchNextPage();
  return (
    <Page title="Catalogue" sub="What can be published and subscribed to" asked={{ path: at(""), cli: `payerflow type list${f.q ? ` -q ${shell(f.q)}` : ""}` }}>
      <Filters>
        <Text label="Search" value={f.q} set={(q) => set({ q })} placeholder="name, owner, field, tag, text" wide />
        <Choice label="With a field of class" value={f.class} set={(v) => set({ class: v })} of={classes} />
        <Choice label="State" value={f.state} set={(state) => set({ state })} of={["ACTIVE", "DEPRECATED"]} />
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="event types" /> : null}
      {data && rows.length === 0 && !hasNextPage ? (
        <Empty title="No type is like that">
          Register one: <code>payerflow type apply -f FILE</code>
        </Empty>
      ) : null}
      {rows.length > 0 ? (
        <Panel flush>
          <Table
            label="Event types"
            rows={rows}
            id={(t) => t.name}
            to={(t) => `/catalogue/${segment(t.name)}`}
            end={more}
            columns={[
              { head: "Event type", cell: (t) => <span className="mono">{t.name}</span>, width: "290px" },
              { head: "Version", num: true, cell: (t) => t.row.version },
              { head: "State", cell: (t) => <Status of={t.row.state} /> },
              { head: "Owner", cell: (t) => t.row.owner },
              { head: "Topic", cell: (t) => <span className="mono"><Value of={t.row.topic} /></span> },
              { head: "Classes", cell: (t) => [...new Set(t.row.fields?.map((l) => l.class))].sort().map((c) => <span className="tag" key={c}>{c}</span>) },
              { head: "What it says", cell: (t) => t.row.doc },
            ]}
          />
          {hasNextPage ? (
            <div className="more">
              <button onClick={more}>{isFetchingNextPage ? "Loading…" : "More types"}</button>
              <span className="quiet">{all.length} read</span>
            </div>
          ) : null}
        </Panel>
      ) : null}
    </Page>
  );
}
