// Event types, as the registry has them.

export type FieldClass = { pointer: string; class: string; source?: string; json?: boolean };
export type EventType = {
  name: string; version: number; owner: string; doc?: string; schema: string; keyField?: string; topic?: string; subject?: string;
  fields?: FieldClass[]; metadata?: FieldClass[]; tags?: string[]; sample?: string; state: string; parts?: string[];
};
export type Named<T> = { name: string; version: number; row: T };
export type Page<T> = { offset: number; rows: Named<T>[]; next?: string };
export type Topic = { name: string; owner: string; partitions: number; retentionDays: number; keyField: string; eventTypes: string[]; producers: string[]; consumers: string[] };
export type Registry = { offset: number; topics: Topic[] };

export type Schema = {
  type?: string | string[]; properties?: Record<string, Schema>; items?: Schema; required?: string[]; enum?: unknown[]; const?: unknown;
  format?: string; description?: string; pattern?: string; maxLength?: number; oneOf?: Schema[]; anyOf?: Schema[];
};

export function parsed<T>(text: string | undefined): T | null {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

export const kinds = (s: Schema): string[] => (Array.isArray(s.type) ? s.type : s.type ? [s.type] : s.enum || s.const !== undefined ? ["string"] : ["any"]).filter((k) => k !== "null");

export type Field = { pointer: string; schema: Schema; required: boolean; depth: number };

// fieldsOf are the fields that a schema names, those within others behind them.
export function fieldsOf(schema: Schema | null, at = "", depth = 0): Field[] {
  const required = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {}).flatMap(([name, s]) => {
    const pointer = `${at}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    return [{ pointer, schema: s, required: required.has(name), depth }, ...fieldsOf(s, pointer, depth + 1), ...(s.items ? fieldsOf(s.items, `${pointer}/*`, depth + 1) : [])];
  });
}

export const pretty = (text: string) => {
  const v = parsed<unknown>(text);
  return v === null ? text : JSON.stringify(v, null, 2);
};
