import { useEffect, useRef, useState } from "preact/hooks";
import { changePassword, signIn } from "./auth.js";
import { html } from "./html.js";

export function SignIn({ config, because, onDone }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [session, setSession] = useState(null);
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  const first = useRef(null);
  const secret = useRef(null);
  useEffect(() => {
    document.title = "Sign in · trueup";
    first.current?.focus();
  }, []);
  useEffect(() => {
    if (session) secret.current?.focus();
  }, [session]);

  async function enter() {
    if (session) return changePassword(config, name, password, session);
    const { challenge } = await signIn(config, name.trim(), password);
    if (!challenge) return;
    setPassword("");
    setSession(challenge);
    return challenge;
  }
  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    setTrouble("");
    setBusy(true);
    try {
      if (!(await enter())) onDone();
    } catch (error) {
      if (session && error.code === "NotAuthorizedException") {
        // Cognito holds a first sign-in open for three minutes.
        setSession(null);
        setPassword("");
        setTrouble("That took too long: sign in once more with the password that you were given.");
        return;
      }
      setTrouble(error.message);
      secret.current?.select();
    } finally {
      setBusy(false);
    }
  }
  return html`<main class="sign-in">
    <form onSubmit=${submit} aria-label="Sign in">
      <div class="brand"><img src="/mark.svg" alt="" width="40" height="40" /><span>trueup</span></div>
      <h1>${session ? "Choose a new password" : "Sign in to label"}</h1>
      ${because && !trouble && html`<p class="because" role="status">${because}</p>`}
      ${session && html`<p class="because">This is your first time here: replace the password that you were given.</p>`}
      <label>Name<input ref=${first} name="username" autocomplete="username" autocapitalize="none" spellcheck=${false} required value=${name} disabled=${!!session} onInput=${(e) => setName(e.target.value)} /></label>
      <label>${session ? "New password" : "Password"}<input ref=${secret} name="password" type="password" required autocomplete=${session ? "new-password" : "current-password"} aria-invalid=${trouble ? "true" : "false"} aria-describedby="trouble" value=${password} onInput=${(e) => setPassword(e.target.value)} /></label>
      <p class="trouble" id="trouble" role="alert">${trouble}</p>
      <button class="primary" aria-disabled=${busy}>${busy ? "Signing in…" : session ? "Save and sign in" : "Sign in"}</button>
      <p class="hint">Accounts are made by whoever runs the project; they also reset a forgotten password.</p>
    </form>
  </main>`;
}
