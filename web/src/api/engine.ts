import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { get } from "./http";

type Input = { topic: string; partition: number; offset: number; lag: number };
export type Group = {
  name: string;
  state: string;
  restarts: number;
  lastError?: string;
  inputs: Input[];
  table?: { topic: string; bytes: number; liveBytes: number; partitions: { partition: number; rows: number; restored: boolean; standby?: boolean; waiting?: number }[] };
  restoring?: string[];
};
export type Engine = { instance: string; guarantee: string; groups: Group[] };

export type Load = { group: Group; rate: number | null; lag: number; rows: number; bytes: number; waiting: number };
export type Sample = { at: number; rate: number; lag: number };

const every = 3_000;
const most = 400; // samples: 20 minutes

const folded = (g: Group) => g.inputs.reduce((sum, i) => sum + Math.max(i.offset, 0), 0);
const behind = (g: Group) => g.inputs.reduce((sum, i) => sum + Math.max(i.lag, 0), 0);

// useLoad is what this worker does now, and did since the page is open. Rates
// are differences of positions, so they need two answers.
export function useLoad() {
  const asked = useQuery({ queryKey: ["engine"], queryFn: ({ signal }) => get<Engine>("/v1/engine", signal), refetchInterval: every, structuralSharing: false });
  const before = useRef<{ at: number; folded: Map<string, number> }>(undefined);
  const kept = useRef<Sample[]>([]);
  const shown = useRef<Load[]>([]);
  return useMemo(() => {
    const at = asked.dataUpdatedAt;
    if (asked.data && at !== before.current?.at) {
      const last = before.current;
      const seconds = last ? (at - last.at) / 1000 : 0;
      shown.current = asked.data.groups.map((group) => ({
        group,
        rate: last && seconds > 0.5 ? Math.max(0, (folded(group) - (last.folded.get(group.name) ?? folded(group))) / seconds) : null,
        lag: behind(group),
        rows: group.table?.partitions.reduce((n, p) => n + p.rows, 0) ?? 0,
        bytes: group.table?.bytes ?? 0,
        waiting: group.table?.partitions.reduce((n, p) => n + (p.waiting ?? 0), 0) ?? 0,
      }));
      before.current = { at, folded: new Map(asked.data.groups.map((g) => [g.name, folded(g)])) };
      if (last) kept.current = [...kept.current, { at: at / 1000, rate: sum(shown.current, (l) => l.rate ?? 0), lag: sum(shown.current, (l) => l.lag) }].slice(-most);
    }
    return { asked, loads: shown.current, samples: kept.current };
  }, [asked]);
}

export const sum = <T>(of: T[], n: (t: T) => number) => of.reduce((all, one) => all + n(one), 0);
