import { Link } from "@tanstack/react-router";
import { may, useSession } from "../api/session";

// Because are the events that made a row. Each leads to its way.
export function Because({ ids, count }: { ids: string[]; count: number }) {
  return (
    <>
      <ul className="ids">
        {ids.map((id) => (
          <li key={id}>
            <EventId id={id} />
          </li>
        ))}
      </ul>
      {count > ids.length ? <p className="quiet">and {count - ids.length} more</p> : null}
    </>
  );
}

// EventId leads to the event's way, where the session may ask for it.
export function EventId({ id, short }: { id: string; short?: boolean }) {
  const who = useSession();
  const text = short && id.length > 13 ? `${id.slice(0, 8)}…` : id;
  if (!may.subscribe(who)) return <span className="mono" title={id}>{text}</span>;
  return (
    <Link to={"/trace/$id" as string} params={{ id } as never} className="mono" title={id}>
      {text}
    </Link>
  );
}
