import { useState } from "react";
import { Problem, send } from "../api/http";
import { Table } from "../parts/Table";
import { Time, count } from "../parts/Value";

type Sample = { what: string; event: { id: string; eventType: string; time: string } };
type Compared = { name?: string; before: number; after: number; gained: number; lost: number; changed: number; samples?: Sample[] };
export type Result = { events: number; from?: string; to?: string; subscriptions: Compared[] | null; others?: Compared };
type Line = { done: number; total: number; result?: Result; problem?: { status: number; code: string; detail: string } };

// useDryRun tries changes, and says how far it is.
export function useDryRun() {
  const [at, set] = useState<{ busy: boolean; progress: string; result?: Result; error?: unknown }>({ busy: false, progress: "" });
  const run = async (trial: object) => {
    set({ busy: true, progress: "" });
    try {
      const answer = await send("/v1/dry-runs", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(trial) });
      let rest = "";
      let result: Result | undefined;
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const lines = (rest + next.value).split("\n");
        rest = lines.pop()!;
        for (const text of lines.filter(Boolean)) {
          const line: Line = JSON.parse(text);
          if (line.problem) throw new Problem(line.problem.status, line.problem.code, line.problem.detail);
          result = line.result ?? result;
          if (line.total) set({ busy: true, progress: `${Math.round((100 * line.done) / line.total)} %` });
        }
      }
      if (rest) result = (JSON.parse(rest) as Line).result ?? result;
      set({ busy: false, progress: "", result });
    } catch (error) {
      set({ busy: false, progress: "", error });
    }
  };
  return { ...at, run };
}

// Tried are the differences that a change would have made.
export function Tried({ of }: { of: Result }) {
  const rows = [...(of.subscriptions ?? []), ...(of.others ? [{ ...of.others, name: "of other teams" }] : [])];
  const samples = rows.flatMap((r) => (r.samples ?? []).map((s) => ({ ...s, name: r.name })));
  return (
    <div className="stack" role="status">
      <p>
        {count(of.events)} events{of.from ? <>, from <Time at={of.from} /> to <Time at={of.to} /></> : null}
      </p>
      {rows.length === 0 ? <p className="quiet">Nobody would have got anything else.</p> : null}
      {rows.length > 0 ? (
        <Table
          label="Before and after"
          rows={rows}
          id={(r) => r.name ?? ""}
          columns={[
            { head: "Subscription", cell: (r) => <span className="mono">{r.name}</span> },
            { head: "Before", num: true, cell: (r) => count(r.before) },
            { head: "After", num: true, cell: (r) => count(r.after) },
            { head: "Gained", num: true, cell: (r) => <span className={r.gained ? "good" : ""}>{count(r.gained)}</span> },
            { head: "Lost", num: true, cell: (r) => <span className={r.lost ? "bad" : ""}>{count(r.lost)}</span> },
            { head: "Seen otherwise", num: true, cell: (r) => <span className={r.changed ? "warn" : ""}>{count(r.changed)}</span> },
          ]}
        />
      ) : null}
      {samples.length > 0 ? (
        <Table
          label="Samples"
          rows={samples}
          id={(s) => s.name + s.what + s.event.id}
          to={(s) => `/trace/${encodeURIComponent(s.event.id)}`}
          columns={[
            { head: "Sample", cell: (s) => <span className="mono">{s.event.id}</span> },
            { head: "Is", cell: (s) => s.what },
            { head: "By", cell: (s) => s.name },
            { head: "Type", cell: (s) => s.event.eventType },
            { head: "Happened", cell: (s) => <Time at={s.event.time} /> },
          ]}
        />
      ) : null}
    </div>
  );
}
