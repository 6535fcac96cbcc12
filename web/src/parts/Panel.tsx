import type { ReactNode } from "react";

export function Panel({ title, side, children, flush, wide }: { title?: ReactNode; side?: ReactNode; children: ReactNode; flush?: boolean; wide?: boolean }) {
  return (
    <section className={`panel${flush ? " flush" : ""}${wide ? " wide" : ""}`}>
      {title ? (
        <header>
          <h2>{title}</h2>
          {side ? <div className="side">{side}</div> : null}
        </header>
      ) : null}
      {children}
    </section>
  );
}

// Facts are names and values.
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? <span className="quiet">–</span>}</dd>
        </div>
      ))}
    </dl>
  );
}
