import { type ReactNode, useId } from "react";

// Tabs show one of several parts; which one is in the address.
export function Tabs({ of, chosen, choose, label }: { of: { name: string; title: string; body: () => ReactNode }[]; chosen?: string; choose: (name: string) => void; label: string }) {
  const id = useId();
  const now = of.find((t) => t.name === chosen) ?? of[0]!;
  const move = (e: React.KeyboardEvent) => {
    const step = e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const next = of[(of.indexOf(now) + step + of.length) % of.length]!;
    choose(next.name);
    document.getElementById(`${id}${next.name}`)?.focus();
  };
  return (
    <div>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {of.map((t) => (
          <button key={t.name} id={`${id}${t.name}`} role="tab" aria-selected={t === now} aria-controls={`${id}body`} tabIndex={t === now ? 0 : -1} onClick={() => choose(t.name)}>
            {t.title}
          </button>
        ))}
      </div>
      <div id={`${id}body`} role="tabpanel" aria-labelledby={`${id}${now.name}`} className="tabpanel">
        {now.body()}
      </div>
    </div>
  );
}
