import type { Row } from "../api/rows";

const words = { opening: "opening", live: "live", behind: "reconnecting", failed: "ended" };

// Live says whether the page follows what it shows.
export function Live({ state }: { state: keyof typeof words }) {
  return (
    <span className={`live ${state}`} role="status">
      {words[state]}
    </span>
  );
}

// Fresh says how recent a row is.
export function Fresh({ row }: { row: Row<unknown> }) {
  const age = row.as_of?.age_seconds;
  return (
    <span className="quiet">
      {row.stale ? "stale" : "fresh"}
      {age !== undefined ? ` · ${age < 10 ? age.toFixed(1) : Math.round(age)} s` : ""}
      {row.as_of?.lag ? ` · ${row.as_of.lag} records behind` : ""}
      {row.as_of?.replica ? " · from a copy" : ""}
      {row.version ? ` · ${row.version}` : ""}
    </span>
  );
}
