import { EyeOff } from "lucide-react";
import type { ReactNode } from "react";
import { withheld } from "../api/rows";

// Withheld stands where a value may not be seen by this session.
export function Withheld() {
  return (
    <span className="withheld" title="Withheld: no permission lets this session see it">
      <EyeOff size={12} aria-hidden /> withheld
    </span>
  );
}

// Value shows whatever a row may hold.
export function Value({ of }: { of: unknown }): ReactNode {
  if (of === null || of === undefined || of === "") return <span className="quiet">–</span>;
  if (of === withheld) return <Withheld />;
  if (typeof of === "boolean") return of ? "yes" : "no";
  if (typeof of === "number") return of.toLocaleString("en-US");
  if (typeof of === "string") return instant.test(of) ? <Time at={of} /> : of;
  return <code>{JSON.stringify(of)}</code>;
}

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

const clock = new Intl.DateTimeFormat("en-CA", { dateStyle: "short", timeStyle: "medium", hourCycle: "h23", timeZone: "UTC" });

// Time is an instant in UTC, as logs and events have it.
export function Time({ at }: { at?: string | null }) {
  if (!at) return <span className="quiet">–</span>;
  if (at === withheld) return <Withheld />;
  const t = new Date(at);
  if (Number.isNaN(t.getTime())) return at;
  return (
    <time dateTime={at} title={`${at} · ${ago(t)}`}>
      {clock.format(t).replace(",", "")}
    </time>
  );
}

export function ago(t: Date): string {
  const s = Math.round((Date.now() - t.getTime()) / 1000);
  if (s < 0) return "to come";
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]] as const) if (s >= size) return `${Math.floor(s / size)} ${unit} ago`;
  return `${s} s ago`;
}

// Money is dollars as rows hold them, a text.
export function Money({ of }: { of?: string | null }) {
  if (of === withheld) return <Withheld />;
  if (!of) return <span className="quiet">–</span>;
  return <span className="num">{Number(of).toLocaleString("en-US", { style: "currency", currency: "USD" })}</span>;
}

export const count = (n: number) => n.toLocaleString("en-US");

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  for (const unit of ["KB", "MB", "GB"]) if ((n /= 1024) < 1024 || unit === "GB") return `${n.toFixed(n < 10 ? 1 : 0)} ${unit}`;
  return "";
}

const tones: Record<string, string> = {
  PAID: "good", APPROVED: "good", COVERED: "good", OVERTURNED: "good", CURED: "good", ACTIVE: "good", CONFIRMED: "good", running: "good", CURRENT: "good", APPLIED: "good", ok: "good",
  DENIED: "bad", NOT_COVERED: "bad", UPHELD: "bad", EXPIRED: "bad", QUARANTINED: "bad", REJECTED: "bad", REVERSED: "bad",
  PENDED: "warn", IN_GRACE: "warn", MISSED: "warn", UNDECIDED: "warn", PAUSED: "warn", SHADOW: "warn", PARTIALLY_OVERTURNED: "warn", OPEN: "warn", restoring: "warn", IN_REVIEW: "warn", INFO_REQUESTED: "warn", DEPRECATED: "warn",
};

// Status is a state as a word in its colour; the word says it all.
export function Status({ of }: { of?: string | null }) {
  if (of === withheld) return <Withheld />;
  if (!of) return <span className="quiet">–</span>;
  return <span className={`status ${tones[of] ?? ""}`}>{of.replaceAll("_", " ")}</span>;
}
