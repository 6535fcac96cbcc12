// Rows of views, as every view answers them.

export const withheld = "***REDACTED***";

export type AsOf = { event_time?: string; lag?: number; age_seconds?: number; replica?: boolean };
export type Row<T = Record<string, unknown>> = {
  view: string;
  key: string;
  row?: string;
  value: T;
  as_of?: AsOf;
  because?: { ids: string[]; count: number };
  withheld?: string[];
  stale?: boolean;
  version?: string;
};
export type Rows<T = Record<string, unknown>> = { rows: Row<T>[]; next?: string; partial?: string; looked?: number; failed?: number };

// list is what a field holds that is a list, also where it may not be seen.
export function list<T>(value: T[] | string | null | undefined): T[] {
  return Array.isArray(value) ? value : [];
}

// quoted is a text as CEL writes it.
export const quoted = (text: string) => JSON.stringify(text);

// all joins conditions that are there.
export const all = (...conditions: (string | false | undefined)[]) => conditions.filter(Boolean).join(" && ");
