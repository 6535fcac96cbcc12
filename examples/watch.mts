// Reads a row, a batch, the rows under a key, and watches a row, with fetch
// alone: a browser, Deno, Bun, Node 22.18 or newer. No build.
//
// PAYERFLOW_URL and PAYERFLOW_TOKEN say where, and as whom.
// usage: node watch.mts CLAIM MEMBER

declare const process: { env: Record<string, string | undefined>; argv: string[] };

const url = process.env.PAYERFLOW_URL ?? "http://127.0.0.1:8080";
const authorization = `Bearer ${process.env.PAYERFLOW_TOKEN}`;

export type Row<T> = { view: string; key: string; value: T; withheld?: string[]; position?: string };
type Page<T> = { rows: Row<T>[]; next?: string };

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(url + path, { ...init, headers: { authorization, ...init.headers } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.code}: ${body.detail}`);
  return body;
}

export const get = <T>(view: string, key: string) => ask<Row<T>>(`/v1/views/${view}/${encodeURIComponent(key)}`);

export const batch = <T>(view: string, keys: string[]) =>
  ask<{ rows: { status: number; row?: Row<T> }[] }>(`/v1/views/${view}/batch`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ keys }),
  });

/** The rows under a key, page by page. */
export async function* under<T>(view: string, key: string): AsyncGenerator<Row<T>> {
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page: Page<T> = await ask(`/v1/views/${view}/${encodeURIComponent(key)}?limit=200&cursor=${cursor}`);
    yield* page.rows;
    cursor = page.next;
  }
}

export type Change = { kind: string; data: any; resume: string };

const passing = [429, 503, 504];

/** A row, then each committed state of it. Breaks are resumed behind the last one. */
export async function* watch(view: string, key: string, resume = ""): AsyncGenerator<Change> {
  for (;;) {
    const dead = new AbortController();
    let patience = setTimeout(() => dead.abort(), 45_000);
    let refused: string | undefined;
    try {
      const answer = await fetch(`${url}/v1/views/${view}/${encodeURIComponent(key)}`, {
        headers: { authorization, accept: "text/event-stream", ...(resume && { "last-event-id": resume }) }, signal: dead.signal,
      });
      if (!answer.ok) {
        if (!passing.includes(answer.status)) refused = (await answer.json()).code;
      } else {
        for await (const e of events(answer.body!)) {
          clearTimeout(patience);
          patience = setTimeout(() => dead.abort(), 45_000);
          resume = e.resume || resume;
          if (e.kind === "end") {
            if (!passing.includes(e.data.status)) refused = e.data.code;
            break;
          }
          if (e.data !== undefined) yield { ...e, resume };
        }
      }
    } catch {
      // it is resumed
    } finally {
      clearTimeout(patience);
      dead.abort();
    }
    if (refused) throw new Error(refused);
    await new Promise((later) => setTimeout(later, 1000));
  }
}

/** The events of a stream; those without data are signs of life. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Change> {
  const text = new TextDecoder();
  const reader = body.getReader();
  for (let rest = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += text.decode(value, { stream: true });
    for (let at = rest.indexOf("\n\n"); at >= 0; at = rest.indexOf("\n\n")) {
      const fields = Object.fromEntries(rest.slice(0, at).split("\n").map((line) => line.split(/: (.*)/s, 2)));
      rest = rest.slice(at + 2);
      yield { kind: fields.event ?? "", data: fields.data && JSON.parse(fields.data), resume: fields.id ?? "" };
    }
  }
}

const [claim, member] = process.argv.slice(2);
if (claim) {
  console.log(JSON.stringify(await get("claim-status", claim)));
  console.log(JSON.stringify(await batch("claim-status", [claim])));
  const rows: unknown[] = [];
  for await (const row of under("claims-by-member", member)) rows.push(row);
  console.log(JSON.stringify({ rows }));
  for await (const change of watch("claim-status", claim)) console.log(JSON.stringify(change.data));
}
