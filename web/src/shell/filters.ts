import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

// useFilters are the page's filters. They are in the address and nowhere else.
export function useFilters(): [Record<string, string>, (change: Record<string, string | undefined>) => void] {
  const search = useSearch({ strict: false }) as Record<string, string>;
  const navigate = useNavigate();
  const set = useCallback(
    (change: Record<string, string | undefined>) =>
      void navigate({
        to: ".",
        replace: true,
        search: ((old: Record<string, string>) => Object.fromEntries(Object.entries({ ...old, ...change }).filter(([, v]) => v))) as never,
      }),
    [navigate],
  );
  return [search, set];
}
