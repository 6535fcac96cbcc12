import { type ReactNode, useEffect, useId, useState } from "react";

// Filters stand in a line above what they choose.
export function Filters({ children }: { children: ReactNode }) {
  return (
    <form className="filters" role="search" onSubmit={(e) => e.preventDefault()}>
      {children}
    </form>
  );
}

// Text is a filter that is taken over when nothing was typed for a moment.
export function Text({ label, value, set, placeholder, wide }: { label: string; value?: string; set: (v: string) => void; placeholder?: string; wide?: boolean }) {
  const id = useId();
  const [text, setText] = useState(value ?? "");
  useEffect(() => setText(value ?? ""), [value]);
  useEffect(() => {
    if (text === (value ?? "")) return;
    const wait = setTimeout(() => set(text.trim()), 350);
    return () => clearTimeout(wait);
  }, [text]);
  return (
    <span className={wide ? "wide" : undefined}>
      <label htmlFor={id}>{label}</label>
      <input id={id} value={text} placeholder={placeholder} spellCheck={false} autoComplete="off" onChange={(e) => setText(e.target.value)} onKeyDown={(e) => e.key === "Enter" && set(text.trim())} />
    </span>
  );
}

export function Choice({ label, value, set, of, any = "any" }: { label: string; value?: string; set: (v: string) => void; of: readonly string[]; any?: string | null }) {
  const id = useId();
  return (
    <span>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value ?? ""} onChange={(e) => set(e.target.value)}>
        {any === null ? null : <option value="">{any}</option>}
        {of.map((o) => (
          <option key={o} value={o}>
            {o.replaceAll("_", " ")}
          </option>
        ))}
      </select>
    </span>
  );
}

export function Check({ label, value, set }: { label: string; value: boolean; set: (v: boolean) => void }) {
  return (
    <label className="check">
      <input type="checkbox" checked={value} onChange={(e) => set(e.target.checked)} /> {label}
    </label>
  );
}
