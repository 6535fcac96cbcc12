import type { ReactNode } from "react";
import { Problem } from "../api/http";

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      Loading {what}…
    </p>
  );
}

// Empty says that there is nothing, and what to do next.
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children ? <div>{children}</div> : null}
    </div>
  );
}

// What to do about codes that come up in the portal.
const advice: Record<string, string> = {
  FORBIDDEN: "Sign in with a token whose scopes reach here.",
  RESTORING: "The worker is restoring this table; the page tries again by itself.",
  PARTITION_AWAY: "The worker that has this key does not answer; the page tries again by itself.",
  RULES_STALE: "The worker has lost touch with the brokers; look at Health.",
  AUDIT_UNAVAILABLE: "What is shown has to be written down first, and that does not work now.",
  UNREACHABLE: "Start it again, or try another worker.",
};

// ErrorBox says what went wrong as the server said it, and what to do.
export function ErrorBox({ error, again }: { error: unknown; again?: () => void }) {
  const p = error instanceof Problem ? error : null;
  return (
    <div className="error" role="alert">
      <strong>{p ? p.code : "The page failed"}</strong>
      <p>{p ? p.detail : String(error)}</p>
      {p && p.faults.length > 0 ? (
        <ul>
          {p.faults.map((f, i) => (
            <li key={i}>
              {f.pointer ? <code>{f.pointer}</code> : null} {f.code ? <b>{f.code}</b> : null} {f.message}
            </li>
          ))}
        </ul>
      ) : null}
      {p && advice[p.code] ? <p className="quiet">{advice[p.code]}</p> : null}
      {again ? <button onClick={again}>Try again</button> : null}
    </div>
  );
}
