import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get, query } from "../api/http";
import type { Row, Rows } from "../api/rows";
import { Panel } from "./Panel";
import { type Column, Table } from "./Table";
import { ErrorBox, Loading } from "./states";

type Asked = Record<string, string | number | undefined>;

// RowList is pages of a view's rows; more come when they are asked for.
export function RowList<T>({ view, asked, columns, to, empty, title }: { view: string; asked: Asked; columns: Column<Row<T>>[]; to?: (r: Row<T>) => string; empty: ReactNode; title?: ReactNode }) {
  const at = (cursor: string) => query(`/v1/views/${view}`, { limit: 100, ...asked, cursor });
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ["rows", at("")],
    queryFn: ({ pageParam, signal }) => get<Rows<T>>(at(pageParam), signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
  });
  if (error) return <ErrorBox error={error} again={() => void refetch()} />;
  if (isPending) return <Loading what="rows" />;
  const rows = data.pages.flatMap((p) => p.rows);
  const last = data.pages.at(-1);
  const failed = data.pages.reduce((n, p) => n + (p.failed ?? 0), 0);
  if (rows.length === 0 && !hasNextPage) return <>{empty}</>;
  return (
    <Panel title={title} flush>
      <Table label="Rows" rows={rows} id={(r) => r.key + (r.row ?? "") + JSON.stringify(r.value).slice(0, 80)} to={to} columns={columns} />
      {hasNextPage || failed ? (
        <div className="more">
          {hasNextPage ? (
            <button onClick={() => void fetchNextPage()} disabled={isFetchingNextPage}>
              {isFetchingNextPage ? "Loading…" : "More rows"}
            </button>
          ) : null}
          <span className="quiet">
            {rows.length} shown{asked.sort ? "; each page is sorted by itself" : ""}
            {last?.partial ? `; the search stopped at its bound (${last.partial}), more goes on behind it` : ""}
            {failed ? `; the condition failed on ${failed} rows` : ""}
          </span>
        </div>
      ) : null}
    </Panel>
  );
}
