import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";

export type Asked = { method?: string; path: string; body?: unknown; accept?: string; cli?: string };

// Page is a page's head and body. asked is the request that shows the same
// outside of the portal.
export function Page({ title, sub, asked, actions, children }: { title: ReactNode; sub?: ReactNode; asked?: Asked; actions?: ReactNode; children: ReactNode }) {
  return (
    <>
      <div className="head">
        <div>
          <h1>{title}</h1>
          {sub ? <p className="quiet">{sub}</p> : null}
        </div>
        <div className="actions">
          {actions}
          {asked ? <CopyAs label="curl" text={curl(asked)} /> : null}
          {asked?.cli ? <CopyAs label="CLI" text={asked.cli} /> : null}
        </div>
      </div>
      <Title of={title} />
      {children}
    </>
  );
}

function Title({ of }: { of: ReactNode }) {
  const text = typeof of === "string" ? of : "";
  useEffect(() => {
    document.title = text ? `${text} · payerflow` : "payerflow";
  }, [text]);
  return null;
}

// CopyAs copies a command; what it copies is its tooltip.
export function CopyAs({ label, text }: { label: string; text: string }) {
  const [done, set] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  const Icon = done ? Check : Copy;
  return (
    <button className="copy" title={text} onClick={() => void copy()} aria-label={`Copy as ${label}`}>
      <Icon size={13} aria-hidden /> {done ? "Copied" : label}
    </button>
  );
}

// shell is a text as a POSIX shell takes it as one word.
export const shell = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// curl is the request for a shell, with the token left to who runs it.
export function curl({ method, path, body, accept }: Asked): string {
  const parts = ["curl", accept === "text/event-stream" ? "-sN" : "-s"];
  if (method && method !== "GET" && !(method === "POST" && body !== undefined)) parts.push("-X", method);
  parts.push("-H", '"Authorization: Bearer $TOKEN"');
  if (accept) parts.push("-H", shell(`Accept: ${accept}`));
  if (body !== undefined) parts.push("-H", shell("Content-Type: application/json"), "-d", shell(JSON.stringify(body)));
  parts.push(shell(location.origin + path));
  return parts.join(" ");
}
