// What of the declared graph is drawn.

export type GraphNode = { name: string; kind: "topic" | "repartition" | "table" | "group" | "view"; doc?: string; partitions?: number; view?: string };
export type GraphEdge = { from: string; to: string; says?: string; dotted?: boolean };
export type Graph = { nodes: GraphNode[]; edges: GraphEdge[] };

// domainOf is the word before "-consumer" of a group's name.
const domainOf = (name: string) => name.match(/\.v\d+-(.+)-consumer$/)?.[1];

export const domains = (g: Graph) => [...new Set(g.nodes.filter((n) => n.kind === "group").map((n) => domainOf(n.name)).filter((d) => d !== undefined))].sort();

// chosen is the part of the graph that is looked for, with its neighbours. Tables
// and repartition topics are left out unless all is wanted: what flows through
// them is drawn as one way.
export function chosen(g: Graph, { all, domain, word }: { all: boolean; domain?: string; word?: string }): Graph {
  let { nodes, edges } = all ? g : plain(g);
  if (domain) {
    const groups = new Set(nodes.filter((n) => domainOf(n.name) === domain).map((n) => n.name));
    edges = edges.filter((e) => groups.has(e.from) || groups.has(e.to) || (all && near(g, groups, e)));
    const kept = new Set([...groups, ...edges.flatMap((e) => [e.from, e.to])]);
    nodes = nodes.filter((n) => kept.has(n.name));
  }
  if (word) {
    const low = word.toLowerCase();
    const hits = new Set(nodes.filter((n) => n.name.toLowerCase().includes(low)).map((n) => n.name));
    edges = edges.filter((e) => hits.has(e.from) || hits.has(e.to));
    const kept = new Set([...hits, ...edges.flatMap((e) => [e.from, e.to])]);
    nodes = nodes.filter((n) => kept.has(n.name));
  }
  return { nodes, edges };
}

const near = (g: Graph, groups: Set<string>, e: GraphEdge) => g.edges.some((o) => o.to === e.from && groups.has(o.from));

// plain draws groups, topics and views alone.
function plain(g: Graph): Graph {
  const kind = new Map(g.nodes.map((n) => [n.name, n.kind]));
  const hidden = (name: string) => kind.get(name) === "table" || kind.get(name) === "repartition";
  const into = new Map<string, GraphEdge[]>();
  for (const e of g.edges) if (hidden(e.to)) into.set(e.to, [...(into.get(e.to) ?? []), e]);
  const edges = new Map<string, GraphEdge>();
  const put = (e: GraphEdge) => e.from !== e.to && edges.set(`${e.from} ${e.to}`, { ...e, ...(edges.get(`${e.from} ${e.to}`)?.dotted === false ? { dotted: false } : {}) });
  for (const e of g.edges) {
    if (hidden(e.to)) continue;
    if (!hidden(e.from)) put({ ...e, dotted: !!e.dotted });
    else for (const before of into.get(e.from) ?? []) if (!hidden(before.from)) put({ from: before.from, to: e.to, says: e.says, dotted: !!e.dotted });
  }
  return { nodes: g.nodes.filter((n) => !hidden(n.name)), edges: [...edges.values()] };
}
