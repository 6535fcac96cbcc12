import { Link } from "@tanstack/react-router";
import { type FormEvent, Suspense, lazy, useMemo, useState } from "react";
import { type EventType, type Schema, kinds, parsed } from "../api/event_type";
import { type Fault, Problem, post } from "../api/http";
import { CopyAs, shell } from "../parts/Page";
import { Panel } from "../parts/Panel";
import { ErrorBox, Loading } from "../parts/states";

const Editor = lazy(() => import("../parts/Editor"));

type Body = Record<string, unknown>;
type Taken = { id: string; topic: string; partition: number; offset: number; deprecated?: boolean };

// Publish is a form made from a type's schema, filled in with its sample.
export default function Publish({ type }: { type: EventType }) {
  const schema = useMemo(() => parsed<Schema>(type.schema) ?? {}, [type.schema]);
  const [text, setText] = useState(() => JSON.stringify(parsed<Body>(type.sample) ?? blank(schema), null, 2));
  const [raw, setRaw] = useState(false);
  const [synthetic, setSynthetic] = useState(true);
  const [tags, setTags] = useState("");
  const [taken, setTaken] = useState<Taken>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const body = parsed<Body>(text);
  const event = () => ({
    metadata: { eventType: type.name, transactionId: crypto.randomUUID(), timeStamp: new Date().toISOString(), sourceSystem: "portal", synthetic, tags: tags.split(",").map((t) => t.trim()).filter(Boolean) },
    eventBody: body,
  });
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    setTaken(undefined);
    try {
      setTaken(await post<Taken>("/v1/events", event()));
    } catch (err) {
      setError(err);
    }
    setBusy(false);
  };
  const faults = error instanceof Problem ? error.faults : [];
  const put = (name: string, value: unknown) => {
    const { [name]: _, ...rest } = body ?? {};
    setText(JSON.stringify(value === undefined ? rest : { ...rest, [name]: value }, null, 2));
  };
  return (
    <form className="publish stack" onSubmit={(e) => void submit(e)}>
      <Panel
        title="Body"
        side={
          <button type="button" onClick={() => setRaw(!raw)} disabled={!body}>
            {raw ? "As a form" : "As JSON"}
          </button>
        }
      >
        {raw || !body ? (
          <Suspense fallback={<Loading what="the editor" />}>
            <Editor label="Body of the event" value={text} set={setText} />
          </Suspense>
        ) : (
          <div className="form">
            {Object.entries(schema.properties ?? {}).map(([name, s]) => (
              <Field key={name} name={name} schema={s} required={!!schema.required?.includes(name)} value={body[name]} put={(v) => put(name, v)} faults={faults.filter((f) => f.pointer.endsWith(`/${name}`) || f.pointer.includes(`/${name}/`))} />
            ))}
          </div>
        )}
      </Panel>
      <Panel title="Metadata">
        <div className="form">
          <div>
            <label htmlFor="tags">Tags</label>
            <input id="tags" value={tags} onChange={(e) => setTags(e.target.value)} placeholder="gold, next step" />
          </div>
          <label className="check">
            <input type="checkbox" checked={synthetic} onChange={(e) => setSynthetic(e.target.checked)} /> Synthetic: made up, and in no real row or figure
          </label>
        </div>
      </Panel>
      {error ? <ErrorBox error={error} /> : null}
      {taken ? (
        <div className="done" role="status">
          Taken: <Link to={"/trace/$id" as string} params={{ id: taken.id } as never} className="mono">{taken.id}</Link>, on {taken.topic}, partition {taken.partition}, offset {taken.offset}.{taken.deprecated ? " The type is deprecated." : ""}
        </div>
      ) : null}
      <div className="actions">
        <button className="primary" disabled={busy || !body}>
          {synthetic ? "Publish a synthetic event" : "Publish"}
        </button>
        <CopyAs label="curl" text={`curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d ${shell(JSON.stringify(event()))} ${location.origin}/v1/events`} />
      </div>
    </form>
  );
}

function Field({ name, schema, required, value, put, faults }: { name: string; schema: Schema; required: boolean; value: unknown; put: (v: unknown) => void; faults: Fault[] }) {
  const id = `field-${name}`;
  const kind = kinds(schema)[0] ?? "any";
  const choices = schema.const !== undefined ? [schema.const] : schema.enum?.filter((v) => v !== null);
  const help = { "aria-describedby": `${id}-help`, "aria-invalid": faults.length > 0, id } as const;
  const simple = ["string", "number", "integer", "boolean"].includes(kind);
  let input;
  if (choices || kind === "boolean") {
    const all = (choices ?? [true, false]).map(String);
    input = (
      <select {...help} value={value === undefined || value === null ? "" : String(value)} disabled={schema.const !== undefined} onChange={(e) => put(e.target.value === "" ? undefined : kind === "boolean" ? e.target.value === "true" : e.target.value)}>
        <option value="">–</option>
        {all.map((v) => <option key={v}>{v}</option>)}
      </select>
    );
  } else if (simple) {
    const number = kind !== "string";
    input = <input {...help} inputMode={number ? "decimal" : undefined} placeholder={schema.format} value={value === undefined || value === null ? "" : String(value)} onChange={(e) => put(e.target.value === "" ? undefined : number && e.target.value.trim() !== "" && !Number.isNaN(Number(e.target.value)) ? Number(e.target.value) : e.target.value)} />;
  } else input = <Nested help={help} value={value} put={put} />;
  return (
    <div>
      <label htmlFor={id}>
        {name}
        {required ? <span className="bad" title="required"> *</span> : null}
      </label>
      {input}
      <p id={`${id}-help`} className={faults.length ? "bad" : "quiet"}>
        {faults.length ? faults.map((f) => f.message).join("; ") : schema.description}
      </p>
    </div>
  );
}

// Nested is a field that is an object or a list, as JSON.
function Nested({ help, value, put }: { help: object; value: unknown; put: (v: unknown) => void }) {
  const [text, setText] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 1)));
  const bad = text !== "" && parsed(text) === null && text.trim() !== "null";
  return <textarea {...help} rows={4} aria-invalid={bad} spellCheck={false} value={text} onChange={(e) => { setText(e.target.value); const v = parsed(e.target.value); if (v !== null || e.target.value === "") put(v ?? undefined); }} />;
}

const blank = (s: Schema): Body => Object.fromEntries(Object.entries(s.properties ?? {}).filter(([n]) => s.required?.includes(n)).map(([n, p]) => [n, p.const ?? (kinds(p)[0] === "object" ? {} : kinds(p)[0] === "array" ? [] : "")]));
