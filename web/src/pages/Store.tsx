import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { get, query, segment } from "../api/http";
import { Check, Choice, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { Table } from "../parts/Table";
import { Time, Value, ago } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";
import type { Held } from "./stored";

type Found = { events: Held[]; next?: string };
type Standing = { sink: { state: string; behind: number; stored: number; last?: string; why?: string } };

const spans: Record<string, number> = { "15 minutes": 0.25, hour: 1, "6 hours": 6, day: 24, week: 168 };

// Store finds recorded events, also those that topics have forgotten.
export default function Store() {
  const [f, set] = useFilters();
  // Whole minutes, so that the question stays the same while it is asked.
  const from = f.since ? new Date(Math.floor((Date.now() - spans[f.since]! * 3_600_000) / 60_000) * 60_000).toISOString() : "";
  const asked = { id: f.id, key: f.key, type: f.type, tag: f.tag, transaction: f.transaction, source: f.source, field: f.field, from, synthetic: f.synthetic };
  const at = (cursor: string) => query("/v1/store/events", { ...asked, limit: 50, cursor });
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ["store", at("")],
    queryFn: ({ pageParam, signal }) => get<Found>(at(pageParam), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
    retry: false,
  });
  const standing = useQuery({ queryKey: ["store-status"], queryFn: ({ signal }) => get<Standing>("/v1/store/status", signal), refetchInterval: 10_000, retry: false });
  const rows = data?.pages.flatMap((p) => p.events) ?? [];
  const names: Record<string, string> = { id: "id", key: "key", type: "type", tag: "tag", transaction: "transaction", source: "source", field: "field", from: "from" };
  const flags = Object.entries(names).flatMap(([name, flag]) => (asked[name as keyof typeof asked] ? [`--${flag} ${shell(asked[name as keyof typeof asked]!)}`] : []));
  const sink = standing.data?.sink;
  return (
    <Page title="Event store" sub={sink ? `This worker's sink is ${sink.state}${sink.behind ? `, ${sink.behind} records behind` : ""}${sink.last ? `, last ${ago(new Date(sink.last))}` : ""}` : undefined} asked={{ path: query("/v1/store/events", asked), cli: `payerflow store query ${flags.join(" ")}`.trim() }}>
      <Filters>
        <Text label="Type" value={f.type} set={(type) => set({ type })} placeholder="CLAIM_SUBMITTED" />
        <Text label="Key" value={f.key} set={(key) => set({ key })} placeholder="claim, member…" />
        <Text label="Tag" value={f.tag} set={(tag) => set({ tag })} />
        <Text label="Transaction" value={f.transaction} set={(transaction) => set({ transaction })} />
        <Text label="Source" value={f.source} set={(source) => set({ source })} />
        <Text label="Field" value={f.field} set={(field) => set({ field })} placeholder="/claimType=DENTAL" />
        <Choice label="Since" value={f.since} set={(since) => set({ since })} of={Object.keys(spans)} any="the beginning" />
        <Check label="Synthetic" value={f.synthetic === "true"} set={(v) => set({ synthetic: v ? "true" : undefined })} />
      </Filters>
      {error ? <ErrorBox error={error} /> : null}
      {isPending ? <Loading what="events" /> : null}
      {data && rows.length === 0 && !hasNextPage ? (
        <Empty title="No stored event is like that">
          Events come in a few seconds after they were published. How the store stands: <code>payerflow store status</code>
        </Empty>
      ) : null}
      {rows.length > 0 || hasNextPage ? (
        <Panel flush>
          <Table
            label="Events"
            rows={rows}
            id={(e) => `${e.topic}/${e.partition}/${e.offset}`}
            to={(e) => `/trace/${segment(e.id)}`}
            columns={[
              { head: "Event", cell: (e) => <span className="mono">{e.id}</span> },
              { head: "Type", cell: (e) => <span className="mono">{e.eventType}</span> },
              { head: "Recorded", cell: (e) => <Time at={e.time} /> },
              { head: "Happened", cell: (e) => <Time at={e.eventTime} /> },
              { head: "Topic", cell: (e) => <span className="mono">{e.topic}</span> },
              { head: "Tags", cell: (e) => e.tags?.map((t) => <span className="tag" key={t}>{t}</span>) },
              { head: "Source", cell: (e) => <Value of={e.sourceSystem} /> },
            ]}
          />
          {hasNextPage ? (
            <div className="more">
              <button onClick={() => void fetchNextPage()}>{isFetchingNextPage ? "Loading…" : "More events"}</button>
              <span className="quiet">{rows.length} shown, the earliest first</span>
            </div>
          ) : null}
        </Panel>
      ) : null}
    </Page>
  );
}
