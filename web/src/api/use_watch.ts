import { useEffect, useState } from "react";
import { Problem } from "./http";
import type { Row } from "./rows";
import { watch } from "./watch";

export type Watched<T> = { row: Row<T> | null; state: "opening" | "live" | "behind" | "failed"; changed: number; problem?: Problem };

// useRow is a row as it is now, and stays so.
export function useRow<T>(path: string): Watched<T> {
  const [at, set] = useState<Watched<T>>({ row: null, state: "opening", changed: 0 });
  useEffect(() => {
    const stop = new AbortController();
    set({ row: null, state: "opening", changed: 0 });
    watch(
      path,
      ({ event, data }) => {
        if (event === "row") set((w) => ({ ...w, row: data, state: "live", changed: w.changed + 1 }));
        if (event === "gone") set((w) => ({ ...w, row: null, state: "live", changed: w.changed + 1 }));
      },
      (live) => set((w) => (live ? w : { ...w, state: "behind" })),
      stop.signal,
    ).catch((problem) => set((w) => ({ ...w, state: "failed", problem })));
    return () => stop.abort();
  }, [path]);
  return at;
}

export type WatchedRows<T> = { rows: Map<string, Row<T>>; state: "opening" | "live" | "behind" | "failed"; latest?: string; problem?: Problem };

// useRowsUnder are the rows under a key as they are now, and stay so.
export function useRowsUnder<T>(path: string | null): WatchedRows<T> {
  const [at, set] = useState<WatchedRows<T>>({ rows: new Map(), state: "opening" });
  useEffect(() => {
    set({ rows: new Map(), state: "opening" });
    if (!path) return;
    const stop = new AbortController();
    let synced = false;
    let rows = new Map<string, Row<T>>();
    watch(
      path,
      ({ event, data }) => {
        if (event === "reset") rows = new Map();
        if (event === "row") rows = new Map(rows).set(data.row, data);
        if (event === "gone" && data?.row) (rows = new Map(rows)).delete(data.row);
        const done = event === "synced" || (event === "gone" && !data?.row);
        const latest = synced && event === "row" ? data.row : undefined;
        synced ||= done;
        if (synced) set((w) => ({ rows, state: "live", latest: latest ?? w.latest }));
      },
      (live) => set((w) => (live ? w : { ...w, state: "behind" })),
      stop.signal,
    ).catch((problem) => set((w) => ({ ...w, state: "failed", problem })));
    return () => stop.abort();
  }, [path]);
  return at;
}
