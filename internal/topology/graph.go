package topology

// Graph is the drawing as data, for those who draw it themselves.
type Graph struct {
	Nodes []GraphNode `json:"nodes"`
	Edges []GraphEdge `json:"edges"`
}

// GraphNode is a group, or what it reads, keeps or writes.
type GraphNode struct {
	Name       string `json:"name" doc:"Of a group or topic; of a family of topics, what it is called; of a view, its name behind \"view \""`
	Kind       string `json:"kind" enum:"topic,repartition,table,group,view"`
	Doc        string `json:"doc,omitempty" doc:"What the group or view is for"`
	Partitions int    `json:"partitions,omitempty"`
	View       string `json:"view,omitempty" doc:"Of a group: the view that it serves"`
}

// GraphEdge is a way of records, or of rows.
type GraphEdge struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Says   string `json:"says,omitempty" doc:"join, lookup, follows, clock, rows, all, strays, by name"`
	Dotted bool   `json:"dotted,omitempty" doc:"True where records pass only now and then, or are looked at and not read"`
}

// GraphOf is the graph that Mermaid draws, in the same order.
func GraphOf(groups []Declared) Graph {
	g, known := Graph{Nodes: []GraphNode{}, Edges: []GraphEdge{}}, map[string]Declared{}
	for _, d := range groups {
		known[d.Name] = d
	}
	partitions := partitionsOf(groups)
	kinds := map[kind]string{isStream: "topic", isRepartition: "repartition", isTable: "table", isGroup: "group", isView: "view"}
	draw(groups, func(n node) {
		d := known[n.name]
		g.Nodes = append(g.Nodes, GraphNode{Name: n.name, Kind: kinds[n.kind], Doc: d.Doc, Partitions: partitions[n.name], View: d.View.Name})
	}, func(a arrow) { g.Edges = append(g.Edges, GraphEdge{a.from, a.to, a.label, a.dotted}) })
	return g
}

// partitionsOf are those of every topic that a group names.
func partitionsOf(groups []Declared) map[string]int {
	n := map[string]int{}
	for _, g := range groups {
		n[g.Table.Name], n[g.Ticks.Name] = g.Table.Partitions, g.Ticks.Partitions
		for _, in := range g.Inputs {
			n[in.Topic.Name], n[in.Via.Name] = in.Topic.Partitions, in.Via.Partitions
		}
		for _, o := range g.Outputs {
			n[o.Topic.Name] = o.Topic.Partitions
		}
		for _, f := range g.Follows {
			n[f.Topic.Name] = f.Topic.Partitions
		}
	}
	return n
}
