import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Problem } from "../api/http";
import { session, signIn } from "../api/session";

const failures: Record<string, string> = {
  ISSUER_AWAY: "The sign-in provider does not answer. Try again, or use a token.",
  SIGN_IN_EXPIRED: "The sign-in took too long, or was begun in another window. Try again.",
  SIGN_IN_FAILED: "The provider's answer was not taken: it must name a team for this deployment. Ask whoever runs it.",
  TOKEN_TOO_LONG: "The provider's token is longer than a browser keeps. Ask whoever runs it for fewer claims.",
};

// SignIn exchanges a token for a session.
export function SignIn({ oidc, ended }: { oidc: boolean; ended: boolean }) {
  const client = useQueryClient();
  const failed = new URLSearchParams(location.search).get("failed");
  const [wrong, setWrong] = useState(failed ? (failures[failed] ?? failures.SIGN_IN_FAILED!) : "");
  const [busy, setBusy] = useState(false);
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    const token = String(new FormData(form).get("token") ?? "").trim();
    if (!token) return setWrong("Put a token in.");
    setBusy(true);
    try {
      const who = await signIn(token);
      form.reset();
      client.setQueryData(session.queryKey, who);
    } catch (err) {
      setWrong(err instanceof Problem ? sentence(err.detail) : String(err));
      setBusy(false);
    }
  };
  return (
    <main className="signin">
      <form onSubmit={(e) => void submit(e)} aria-labelledby="signin">
        <h1 id="signin">payerflow</h1>
        {ended ? <p role="status">The session has ended. Sign in again.</p> : null}
        {oidc ? (
          <>
            <a className="button primary" href={`/portal/sign-in/oidc?to=${encodeURIComponent(location.pathname + location.search)}`}>
              Sign in with your organisation
            </a>
            <p className="or">or with a token</p>
          </>
        ) : null}
        <label htmlFor="token">Token</label>
        <input id="token" name="token" type="password" autoComplete="off" autoFocus spellCheck={false} aria-describedby="tokenhelp" aria-invalid={!!wrong} />
        <p id="tokenhelp" className="quiet">
          On the machine of a demo: <code>payerflow token print admin</code>. Elsewhere an administrator makes one: <code>payerflow token create</code>.
        </p>
        {wrong ? (
          <p className="bad" role="alert">
            {wrong}
          </p>
        ) : null}
        <button className="primary" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
