// Every request goes to the page's own origin, with the header without which
// the session's cookie counts for nothing.

export type Fault = { code?: string; pointer: string; message: string };

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly faults: Fault[] = [],
    readonly retryAfter = 0,
  ) {
    super(`${code}: ${detail}`);
  }
}

const away = new Problem(0, "UNREACHABLE", "no worker answers at this address; it may be starting, or stopped");

export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Payerflow-Portal", "1");
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  } catch (err) {
    if (init.signal?.aborted) throw err;
    throw away;
  }
  if (answer.ok) return answer;
  throw await problem(answer);
}

async function problem(answer: Response): Promise<Problem> {
  const after = Number(answer.headers.get("Retry-After") ?? 0);
  try {
    const p = await answer.json();
    return new Problem(answer.status, p.code ?? "ERROR", p.detail ?? answer.statusText, p.errors ?? [], after);
  } catch {
    return new Problem(answer.status, "ERROR", answer.statusText, [], after);
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send(path, { signal: signal ?? null })).json();
}

export async function post<T>(path: string, body: unknown, more: RequestInit = {}): Promise<T> {
  const headers = new Headers(more.headers);
  headers.set("Content-Type", "application/json");
  const answer = await send(path, { method: "POST", ...more, headers, body: JSON.stringify(body) });
  return answer.status === 204 ? (undefined as T) : answer.json();
}

// query makes an address of a path and what is asked; what is empty is left out.
export function query(path: string, asked: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value !== undefined && value !== "") q.set(name, String(value));
  const text = q.toString();
  return text ? `${path}?${text}` : path;
}

export const segment = encodeURIComponent;
