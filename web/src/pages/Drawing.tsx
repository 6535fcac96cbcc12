import { Background, Controls, type Edge, Handle, MarkerType, type Node, Position, ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import ELK from "elkjs/lib/elk-api";
import { memo, useEffect, useMemo, useState } from "react";
import type { Load } from "../api/engine";
import { count } from "../parts/Value";
import { Loading } from "../parts/states";
import type { Graph, GraphNode } from "./graph_data";

type Shown = { node: GraphNode; load?: Load; waiting?: number; chosen: boolean };

const height = (n: GraphNode) => (n.kind === "group" ? 52 : 28);
const width = (n: GraphNode) => Math.min(330, 26 + label(n).length * 6.9);
const label = (n: GraphNode) => (n.kind === "group" ? n.name.replace(/-consumer$/, "") : n.name);

// The layout is worked out beside the page, so that nothing stands still.
const elk = new ELK({ workerFactory: () => new Worker(new URL("elkjs/lib/elk-worker.min.js", import.meta.url)) });

const Box = memo(function Box({ data }: { data: Shown }) {
  const { node, load, waiting, chosen } = data;
  return (
    <div className={`box ${node.kind}${chosen ? " chosen" : ""}${load && load.lag > 1000 ? " behind" : ""}${waiting ? " letters" : ""}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <b>{label(node)}</b>
      {waiting ? <i>{count(waiting)} dead</i> : null}
      {node.kind === "group" ? (
        <span>
          {load ? `${load.rate === null ? "…" : load.rate.toFixed(1)}/s · ${count(load.lag)} behind · ${count(load.rows)} rows` : "not here"}
        </span>
      ) : null}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
});

const kinds = { box: Box };

type Places = Map<string, { x: number; y: number }>;

// Drawing lays the graph out, and keeps its figures current.
export default function Drawing({ graph, loads, waiting, node, choose }: { graph: Graph; loads: Load[]; waiting: Map<string, number>; node?: string; choose: (name: string) => void }) {
  const [places, setPlaces] = useState<{ shape: string; at: Places }>();
  const shape = useMemo(() => graph.nodes.map((n) => n.name).join() + graph.edges.length, [graph]);
  useEffect(() => {
    let stale = false;
    void elk
      .layout({
        id: "all",
        layoutOptions: { "elk.algorithm": "layered", "elk.direction": "RIGHT", "elk.layered.spacing.nodeNodeBetweenLayers": "44", "elk.spacing.nodeNode": "12", "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF" },
        children: graph.nodes.map((n) => ({ id: n.name, width: width(n), height: height(n) })),
        edges: graph.edges.map((e, i) => ({ id: String(i), sources: [e.from], targets: [e.to] })),
      })
      .then((laid) => !stale && setPlaces({ shape, at: new Map(laid.children?.map((c) => [c.id, { x: c.x ?? 0, y: c.y ?? 0 }])) }));
    return () => {
      stale = true;
    };
  }, [shape]);
  const load = useMemo(() => new Map(loads.map((l) => [l.group.name, l])), [loads]);
  if (!places) return <Loading what="the layout" />;
  const nodes: Node<Shown>[] = graph.nodes.flatMap((n) => {
    const at = places.at.get(n.name);
    return at ? [{ id: n.name, type: "box", position: at, width: width(n), height: height(n), data: { node: n, load: load.get(n.name), waiting: waiting.get(n.name), chosen: n.name === node }, ariaLabel: `${n.kind} ${n.name}`, draggable: false, connectable: false }] : [];
  });
  const edges: Edge[] = graph.edges.map((e, i) => {
    const flows = (load.get(e.to)?.rate ?? load.get(e.from)?.rate ?? 0) > 0.05;
    const near = e.from === node || e.to === node;
    return {
      id: String(i), source: e.from, target: e.to, label: near ? e.says : undefined, className: `${e.dotted ? "dotted" : ""} ${flows ? "flows" : ""} ${near ? "near" : ""}`,
      markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14 }, focusable: false, selectable: false,
    };
  });
  return (
    <ReactFlow
      key={places.shape}
      nodes={nodes}
      edges={edges}
      nodeTypes={kinds}
      fitView
      fitViewOptions={{ maxZoom: 1, minZoom: graph.nodes.length < 60 ? 0.6 : 0.1, padding: 0.04, nodes: graph.nodes.length < 60 && node ? [{ id: node }] : undefined }}
      minZoom={0.05}
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      onlyRenderVisibleElements
      proOptions={{ hideAttribution: true }}
      onNodeClick={(_, n) => choose(n.id)}
      onSelectionChange={({ nodes: [only] }) => only && only.id !== node && choose(only.id)}
    >
      <Background gap={24} size={1} />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}
