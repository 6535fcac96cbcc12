import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { useEffect, useRef, useState } from "react";
import { get, query } from "../api/http";
import { useSession } from "../api/session";
import { pages } from "../pages";

type Types = { rows: { name: string; row: { doc?: string } }[] };

// Palette goes anywhere by the keyboard: to a page, a type, or whatever a page
// knows to do with a key or an id.
export default function Palette({ close }: { close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const navigate = useNavigate();
  const who = useSession();
  const [text, setText] = useState("");
  useEffect(() => box.current?.showModal(), []);
  const word = text.trim();
  const types = useQuery({
    queryKey: ["palette", word],
    queryFn: ({ signal }) => get<Types>(query("/v1/event-types", { q: word, limit: 8 }), signal),
    enabled: word.length > 1,
  });
  const go = (to: string) => {
    close();
    void navigate({ href: `/portal${to}` });
  };
  const able = pages.filter((p) => p.may(who));
  const low = word.toLowerCase();
  const named = able.filter((p) => p.icon && `${p.label} ${p.group} ${p.words ?? ""}`.toLowerCase().includes(low));
  return (
    <dialog ref={box} className="palette" aria-label="Search" onClose={close} onClick={(e) => e.target === box.current && close()}>
      <Command shouldFilter={false} label="Search">
        <Command.Input value={text} onValueChange={setText} placeholder="Page, event type, claim, member, event id…" autoFocus />
        <Command.List label="Results">
          <Command.Empty>Nothing by that name.</Command.Empty>
          {named.length > 0 ? (
            <Command.Group heading="Pages">
              {named.map((p) => (
                <Command.Item key={p.path} value={`page ${p.path}`} onSelect={() => go(p.path)}>
                  {p.icon ? <p.icon size={15} aria-hidden /> : null}
                  {p.label}
                  <span className="quiet">{p.group}</span>
                </Command.Item>
              ))}
            </Command.Group>
          ) : null}
          {word.length > 1 ? (
            <>
              <Command.Group heading={`With “${word.length > 40 ? word.slice(0, 40) + "…" : word}”`}>
                {able
                  .filter((p) => p.find)
                  .map((p) => (
                    <Command.Item key={p.path} value={`find ${p.path}`} onSelect={() => go(p.find!.to(word))}>
                      {p.find!.label}
                    </Command.Item>
                  ))}
              </Command.Group>
              {types.data && types.data.rows.length > 0 ? (
                <Command.Group heading="Event types">
                  {types.data.rows.map((t) => (
                    <Command.Item key={t.name} value={`type ${t.name}`} onSelect={() => go(`/catalogue/${encodeURIComponent(t.name)}`)}>
                      <code>{t.name}</code>
                      <span className="quiet cut">{t.row.doc}</span>
                    </Command.Item>
                  ))}
                </Command.Group>
              ) : null}
            </>
          ) : null}
        </Command.List>
      </Command>
    </dialog>
  );
}
