import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import { Problem, get, query, segment } from "../api/http";
import type { Rows } from "../api/rows";
import { Check, Filters, Text } from "../parts/Filters";
import { Page, shell } from "../parts/Page";
import { RowList } from "../parts/RowList";
import { Value } from "../parts/Value";
import { Empty, ErrorBox, Loading } from "../parts/states";
import { useFilters } from "../shell/filters";
import type { View } from "./Views";

const Editor = lazy(() => import("../parts/Editor"));

// ViewRows asks any view for rows, by a condition in CEL.
export default function ViewRows() {
  const { view } = useParams({ strict: false }) as { view: string };
  const [f, set] = useFilters();
  const [draft, setDraft] = useState(f.where ?? "");
  const views = useQuery({ queryKey: ["views"], queryFn: ({ signal }) => get<{ views: View[] | null }>("/v1/views", signal) });
  const about = views.data?.views?.find((v) => v.name === view);
  const path = `/v1/views/${view}`;
  const peek = useQuery({ queryKey: ["peek", view], queryFn: ({ signal }) => get<Rows>(query(path, { limit: 5 }), signal), retry: false });
  const fields = [...new Set(peek.data?.rows.flatMap((r) => Object.keys(r.value)) ?? [])];
  const simple = fields.filter((k) => peek.data!.rows.every((r) => typeof r.value[k] !== "object" || r.value[k] === null));
  const asked = { where: f.where, sort: f.sort, synthetic: f.synthetic };
  const checked = useQuery({ queryKey: ["check", view, f.where], queryFn: ({ signal }) => get<Rows>(query(path, { where: f.where, limit: 1 }), signal), enabled: !!f.where, retry: false });
  const faults = checked.error instanceof Problem ? checked.error.faults.map((x) => ({ ...place(x.message), message: x.message })) : [];
  const flags = [f.where && `--where ${shell(f.where)}`, f.sort && `--sort ${shell(f.sort)}`].filter(Boolean).join(" ");
  return (
    <Page title={<span className="mono">{view}</span>} sub={about?.doc} asked={{ path: query(path, asked), cli: `payerflow view ${flags ? "query" : "list"} ${view} ${flags}`.trim() }}>
      <form
        className="ask"
        onSubmit={(e) => {
          e.preventDefault();
          set({ where: draft.trim() });
        }}
      >
        <Suspense fallback={<Loading what="the editor" />}>
          <Editor label="Condition in CEL over row" language="cel" low value={draft} set={setDraft} words={fields.map((k) => `row.${k}`)} faults={faults} />
        </Suspense>
        <button className="primary">Ask</button>
      </form>
      <p className="quiet">A condition is CEL over <code>row</code>{simple[1] ? <>, as <code>has(row.{simple[1]})</code></> : null}; empty asks for all rows.</p>
      <Filters>
        <Text label="Order" value={f.sort} set={(sort) => set({ sort })} placeholder={simple[0] ? `-${simple[0]}` : "-field"} />
        <Check label="Synthetic rows" value={f.synthetic === "true"} set={(v) => set({ synthetic: v ? "true" : undefined })} />
      </Filters>
      {views.error ? <ErrorBox error={views.error} /> : null}
      <RowList<Record<string, unknown>>
        view={view}
        asked={asked}
        to={(r) => `/views/${view}/${segment(r.key)}${f.synthetic ? "?synthetic=true" : ""}`}
        empty={<Empty title={f.where ? "No row is like that" : "The view has no rows yet"}>{f.where ? "Change the condition." : "Rows appear with the first event that it folds."}</Empty>}
        columns={[{ head: about?.key ?? "key", cell: (r) => <span className="mono">{r.key}</span> }, ...simple.filter((k) => k !== about?.key).slice(0, 8).map((k) => ({ head: k, cell: (r: { value: Record<string, unknown> }) => <Value of={r.value[k]} /> }))]}
      />
    </Page>
  );
}

// place is where a fault of a condition is, as its text says.
function place(text: string): { line: number; column: number } {
  const at = text.match(/(?:line |:)(\d+)(?:, column |:)(\d+)/);
  return { line: Number(at?.[1] ?? 1), column: Number(at?.[2] ?? 1) - 1 };
}
