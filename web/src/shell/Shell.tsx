import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { LogOut, Menu, Monitor, Moon, Search, Sun } from "lucide-react";
import { Suspense, lazy, useEffect, useState } from "react";
import { Problem } from "../api/http";
import { session, signOut, useSession } from "../api/session";
import { ErrorBox, Loading } from "../parts/states";
import { groups, pages } from "../pages";
import { SignIn } from "./SignIn";
import { type Theme, useTheme } from "./theme";

const Palette = lazy(() => import("./Palette"));

// Shell is what every page stands in: who is there, where one can go.
export function Shell() {
  const { data, error, isPending } = useQuery(session);
  const [theme, setTheme] = useTheme();
  if (isPending) return <Loading what="the session" />;
  const ended = error instanceof Problem && error.status === 401;
  if (error && !ended) return <ErrorBox error={error} />;
  if (!data?.signedIn || ended) return <SignIn oidc={!!data?.oidc} ended={ended} />;
  return <Frame theme={theme} setTheme={setTheme} />;
}

function Frame({ theme, setTheme }: { theme: Theme; setTheme: (t: Theme) => void }) {
  const who = useSession();
  const client = useQueryClient();
  const [searching, search] = useState(false);
  const [menu, setMenu] = useState(false);
  const place = useRouterState({ select: (s) => s.location.pathname });
  useEffect(() => setMenu(false), [place]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const typing = (e.target as HTMLElement).closest("input, textarea, select, [contenteditable=true]");
      if ((e.key === "k" && (e.ctrlKey || e.metaKey)) || (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey)) {
        e.preventDefault();
        search(true);
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const leave = async () => {
    await signOut();
    client.clear();
    location.assign("/portal/");
  };
  const next: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
  const ThemeIcon = { system: Monitor, light: Sun, dark: Moon }[theme];
  return (
    <div className={menu ? "frame open" : "frame"}>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="bar">
        <button className="icon menu" aria-label="Menu" aria-expanded={menu} onClick={() => setMenu(!menu)}>
          <Menu size={16} />
        </button>
        <Link to="/" className="brand">
          payerflow
        </Link>
        <button className="find" onClick={() => search(true)}>
          <Search size={14} aria-hidden /> Search pages, types, keys <kbd>Ctrl K</kbd>
        </button>
        <span className="who" title={`token ${who.token}`}>
          {who.team}
          {who.application ? ` · ${who.application}` : ""}
          {who.scopes.admin ? <b className="tag">admin</b> : null}
        </span>
        <button className="icon" onClick={() => setTheme(next[theme])} aria-label={`Theme: ${theme}`} title={`Theme: ${theme}`}>
          <ThemeIcon size={16} />
        </button>
        <button className="icon" onClick={() => void leave()} aria-label="Sign out" title="Sign out">
          <LogOut size={16} />
        </button>
      </header>
      <nav className="side" aria-label="Pages">
        {groups.map((group) => {
          const there = pages.filter((p) => p.group === group && p.icon && p.may(who));
          if (there.length === 0) return null;
          return (
            <section key={group}>
              <h2>{group}</h2>
              {there.map((p) => (
                <Link key={p.path} to={p.path} activeOptions={{ exact: p.path === "/", includeSearch: false }}>
                  {p.icon ? <p.icon size={15} aria-hidden /> : null} {p.label}
                </Link>
              ))}
            </section>
          );
        })}
      </nav>
      <main id="page" tabIndex={-1}>
        <Suspense fallback={<Loading what="the page" />}>
          <Outlet />
        </Suspense>
      </main>
      {searching ? (
        <Suspense>
          <Palette close={() => search(false)} />
        </Suspense>
      ) : null}
    </div>
  );
}
