import { queryOptions, useQuery } from "@tanstack/react-query";
import { get, send } from "./http";

export type Scopes = { publish?: string[]; subscribe?: string[]; read?: string[]; breakGlass?: string[]; admin?: boolean; audit?: boolean };
export type Session = { signedIn: boolean; oidc: boolean; token?: string; team?: string; application?: string; scopes: Scopes };

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => get<Session>("/portal/session", signal),
  staleTime: 60_000,
  retry: (n, err) => n < 3 && "status" in err && (err.status === 0 || err.status === 503),
});

export function useSession(): Session {
  return useQuery(session).data ?? { signedIn: false, oidc: false, scopes: {} };
}

// signIn has the server keep the token in a cookie that no script can read.
export async function signIn(token: string): Promise<Session> {
  return (await send("/portal/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } })).json();
}

export async function signOut(): Promise<void> {
  await send("/portal/session", { method: "DELETE" });
}

// What a session may, as far as the page has to know to leave out what would be
// refused. The server decides.
export const may = {
  read: (s: Session, view: string) => !!s.scopes.admin || (view === "mediator-rules" ? !!s.scopes.read?.includes(view) : matches(s.scopes.read, view)),
  publish: (s: Session, type?: string) => !!s.scopes.admin || (type ? matches(s.scopes.publish, type) : !!s.scopes.publish?.length),
  subscribe: (s: Session) => !!s.scopes.admin || !!s.scopes.subscribe?.length,
  admin: (s: Session) => !!s.scopes.admin,
};

function matches(patterns: string[] | undefined, name: string): boolean {
  return (patterns ?? []).some((p) => new RegExp(`^${p.split("*").map(escaped).join(".*")}$`).test(name));
}

const escaped = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
