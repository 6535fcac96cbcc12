import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { type Load, useLoad } from "../api/engine";
import { get } from "../api/http";
import { may, useSession } from "../api/session";
import { Check, Choice, Filters, Text } from "../parts/Filters";
import { Page } from "../parts/Page";
import { Facts, Panel } from "../parts/Panel";
import { Status, bytes, count } from "../parts/Value";
import { ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";
import type { Graph, GraphNode } from "./graph_data";
import { chosen, domains } from "./graph_data";

const Drawing = lazy(() => import("./Drawing"));

// Topology is the declared picture, with what flows through it now.
export default function Topology() {
  const [f, set] = useFilters();
  const who = useSession();
  const graph = useQuery({ queryKey: ["topology"], queryFn: ({ signal }) => get<Graph>("/v1/topology", signal), staleTime: Infinity });
  const letters = useQuery({ queryKey: ["dlq"], queryFn: ({ signal }) => get<{ topics: { topic: string; count: number }[] }>("/v1/dlq", signal), enabled: may.subscribe(who), refetchInterval: 15_000 });
  const { asked, loads } = useLoad();
  const waiting = new Map(letters.data?.topics.filter((t) => t.count > 0).map((t) => [t.topic.replace(/\.dlq$/, ""), t.count]));
  const seen = graph.data ? chosen(graph.data, { all: f.detail === "all", domain: f.domain, word: f.q }) : null;
  const node = graph.data?.nodes.find((n) => n.name === f.node);
  return (
    <Page title="Topology" sub="As it is declared, with what this worker folds now" asked={{ path: "/v1/topology", cli: "payerflow topology draw" }}>
      <Filters>
        <Text label="Search" value={f.q} set={(q) => set({ q })} placeholder="group, topic, view" />
        <Choice label="Domain" value={f.domain} set={(domain) => set({ domain })} of={graph.data ? domains(graph.data) : []} any="all" />
        <Check label="Tables, repartitions and clocks too" value={f.detail === "all"} set={(v) => set({ detail: v ? "all" : undefined })} />
        <span className="quiet">{seen ? `${seen.nodes.length} nodes, ${seen.edges.length} ways` : ""}</span>
      </Filters>
      {graph.error ?? asked.error ? <ErrorBox error={graph.error ?? asked.error} /> : null}
      <div className={node ? "split" : ""}>
        <div className="panel flush drawing">
          {seen ? (
            <Suspense fallback={<Loading what="the drawing" />}>
              <Drawing graph={seen} loads={loads} waiting={waiting} node={f.node} choose={(name) => set({ node: name })} />
            </Suspense>
          ) : (
            <Loading what="the picture" />
          )}
        </div>
        {node ? <About node={node} graph={graph.data!} loads={loads} waiting={waiting} close={() => set({ node: undefined })} choose={(name) => set({ node: name })} /> : null}
      </div>
    </Page>
  );
}

function About({ node, graph, loads, waiting, close, choose }: { node: GraphNode; graph: Graph; loads: Load[]; waiting: Map<string, number>; close: () => void; choose: (name: string) => void }) {
  const who = useSession();
  const load = loads.find((l) => l.group.name === node.name);
  const view = node.kind === "view" ? node.name.slice(5) : node.view;
  const ins = graph.edges.filter((e) => e.to === node.name);
  const outs = graph.edges.filter((e) => e.from === node.name);
  const list = (title: string, names: [string, string?][]) =>
    names.length ? (
      <>
        <h3>{title}</h3>
        <ul className="lines">
          {names.map(([name, says], i) => (
            <li key={i}>
              <button className="plain mono" onClick={() => choose(name)}>{name}</button> <span className="quiet">{says}</span>
            </li>
          ))}
        </ul>
      </>
    ) : null;
  return (
    <Panel title={<span className="mono">{node.name}</span>} side={<button onClick={close}>Close</button>}>
      <p className="quiet">
        {node.kind}
        {node.partitions ? `, ${node.partitions} partitions` : ""}
      </p>
      {node.doc ? <p>{node.doc}</p> : null}
      {load ? (
        <Facts
          of={[
            ["State", <Status of={load.group.state} />],
            ["Records a second", load.rate === null ? "…" : load.rate.toFixed(1)],
            ["Behind", count(load.lag)],
            ["Rows", count(load.rows)],
            ["On disk", bytes(load.bytes)],
            ["Rebuilt", String(load.group.restarts)],
          ]}
        />
      ) : node.kind === "group" ? (
        <p className="quiet">This worker does not run it now.</p>
      ) : null}
      {load?.group.lastError ? <p className="bad">{load.group.lastError}</p> : null}
      {waiting.get(node.name) ? (
        <p>
          <Link to={"/dlq" as string} search={{ topic: node.name } as never}>{count(waiting.get(node.name)!)} dead letters</Link>
        </p>
      ) : null}
      {view && may.read(who, view) ? (
        <p>
          <Link to={`/views/${view}` as string}>Rows of the view {view}</Link>
        </p>
      ) : null}
      {list("From", ins.map((e) => [e.from, e.says]))}
      {list("To", outs.map((e) => [e.to, e.says]))}
    </Panel>
  );
}
