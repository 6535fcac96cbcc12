import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";

export type Column<T> = { head: string; cell: (row: T) => ReactNode; num?: boolean; width?: string };

type Props<T> = {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  to?: (row: T) => string; // where a row leads; its first cell is the link
  marked?: (row: T) => boolean;
  end?: () => void; // called where the last rows are seen
};

const rowHeight = 30;

// Table shows rows, any number of them: only those in sight are in the page
// where there are many.
export function Table<T>(props: Props<T>) {
  return props.rows.length > 200 ? <LongTable {...props} /> : <ShortTable {...props} />;
}

function Head<T>({ columns }: { columns: Column<T>[] }) {
  return (
    <thead>
      <tr>
        {columns.map((c) => (
          <th key={c.head} scope="col" className={c.num ? "num" : undefined} style={c.width ? { width: c.width } : undefined}>
            {c.head}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Cells<T>({ columns, row, to }: { columns: Column<T>[]; row: T; to?: string }) {
  return columns.map((c, i) => (
    <td key={c.head} className={c.num ? "num" : undefined}>
      {i === 0 && to ? <a href={`/portal${to}`}>{c.cell(row)}</a> : c.cell(row)}
    </td>
  ));
}

// useGo follows a row's link without loading the page anew, also where the row
// and not the link was clicked.
function useGo() {
  const navigate = useNavigate();
  return (e: React.MouseEvent, to?: string) => {
    const target = e.target as HTMLElement;
    const link = target.closest("a");
    if (!to || e.defaultPrevented || e.metaKey || e.ctrlKey || target.closest("button, input, summary") || (link && link.getAttribute("href") !== `/portal${to}`)) return;
    if (!link && String(getSelection()).length > 0) return;
    e.preventDefault();
    void navigate({ href: `/portal${to}` });
  };
}

function ShortTable<T>({ label, columns, rows, id, to, marked }: Props<T>) {
  const go = useGo();
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label}>
        <Head columns={columns} />
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)} className={`${to ? "leads" : ""}${marked?.(row) ? " marked" : ""}`} onClick={(e) => go(e, to?.(row))}>
              <Cells columns={columns} row={row} to={to?.(row)} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LongTable<T>({ label, columns, rows, id, to, marked, end }: Props<T>) {
  const go = useGo();
  const box = useRef<HTMLDivElement>(null);
  const seen = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    onChange: (v) => {
      const last = v.getVirtualItems().at(-1);
      if (last && last.index > rows.length - 30) end?.();
    },
  });
  const items = seen.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = seen.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div className="scroll long" ref={box} tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label} aria-rowcount={rows.length + 1}>
        <Head columns={columns} />
        <tbody>
          <tr aria-hidden style={{ height: before }} />
          {items.map((item) => {
            const row = rows[item.index]!;
            return (
              <tr key={id(row)} aria-rowindex={item.index + 2} className={`${to ? "leads" : ""}${marked?.(row) ? " marked" : ""}`} style={{ height: rowHeight }} onClick={(e) => go(e, to?.(row))}>
                <Cells columns={columns} row={row} to={to?.(row)} />
              </tr>
            );
          })}
          <tr aria-hidden style={{ height: after }} />
        </tbody>
      </table>
    </div>
  );
}
