import { EventSourceParserStream } from "eventsource-parser/stream";
import { Problem, send } from "./http";

export type Told = { event: "row" | "gone" | "synced" | "reset"; data: any };

// ends are reasons after which asking again would get the same answer.
const ends = new Set(["INVALID_TOKEN", "FORBIDDEN", "NOT_WATCHABLE", "TOO_MANY_ROWS"]);

// watch tells each committed state of a row, or of the rows under a key, until
// signal ends it. It resumes by itself; it fails where that makes no sense.
export async function watch(path: string, tell: (t: Told) => void, state: (live: boolean) => void, signal: AbortSignal): Promise<void> {
  let last = "";
  let pause = 500;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (last) headers["Last-Event-ID"] = last;
      const answer = await send(path, { headers, signal });
      state(true);
      pause = 500;
      const events = answer.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      for await (const e of read(events)) {
        if (e.id) last = e.id;
        if (e.event === "end") {
          const why = JSON.parse(e.data);
          if (ends.has(why.code)) throw new Problem(why.status, why.code, why.detail);
          break;
        }
        if (e.event) tell({ event: e.event as Told["event"], data: e.data ? JSON.parse(e.data) : null });
      }
    } catch (err) {
      if (signal.aborted) return;
      if (err instanceof Problem && err.status === 422 && last) last = "";
      else if (err instanceof Problem && err.status >= 400 && err.status < 500) throw err;
    }
    state(false);
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, 10_000);
  }
}

// read is a stream's chunks; not every browser iterates over streams.
async function* read<T>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
