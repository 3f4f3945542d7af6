import { h, render } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";
import { makeApi } from "./api.js";
import { changePassword, read, signIn, signOut } from "./auth.js";
import { keysOf } from "./keys.js";
import { makeOutbox } from "./outbox.js";

const html = htm.bind(h);
const HEARTBEAT_MS = 20000;
const POLL_MS = 3000;
const SMALL = 160;

function SignIn({ config, onDone }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [session, setSession] = useState(null);
  const [trouble, setTrouble] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    setTrouble("");
    try {
      if (session) await changePassword(config, name, password, session);
      else {
        const { challenge } = await signIn(config, name, password);
        if (challenge) {
          setPassword("");
          return setSession(challenge);
        }
      }
      onDone();
    } catch (error) {
      setTrouble(error.message);
    }
  };
  return html`<form class="sign-in" onSubmit=${submit}>
    <h1>${session ? "Choose a new password" : "Sign in to label"}</h1>
    <label>Name<input name="username" autocomplete="username" required value=${name} disabled=${!!session} onInput=${(e) => setName(e.target.value)} /></label>
    <label>${session ? "New password" : "Password"}<input name="password" type="password" required autocomplete=${session ? "new-password" : "current-password"} value=${password} onInput=${(e) => setPassword(e.target.value)} /></label>
    ${trouble && html`<p class="bad" role="alert">${trouble}</p>`}
    <button class="primary">${session ? "Save and sign in" : "Sign in"}</button>
  </form>`;
}

function Sample({ task }) {
  const [text, setText] = useState(null);
  const [small, setSmall] = useState(false);
  const isImage = task.content_type.startsWith("image/");
  useEffect(() => {
    if (!isImage) fetch(task.payload_url).then((r) => r.text()).then(setText);
  }, [task.task_id]);
  if (!isImage) return html`<div class="sample"><pre>${text ?? "…"}</pre></div>`;
  return html`<div class="sample">
    <img class=${small ? "small" : ""} src=${task.payload_url} alt="The sample to label" onLoad=${(e) => setSmall(e.target.naturalWidth <= SMALL)} />
  </div>`;
}

function Workbench({ api, project, onSignOut }) {
  const [about, setAbout] = useState(null);
  const [task, setTask] = useState(null);
  const [former, setFormer] = useState(null);
  const [notice, setNotice] = useState("");
  const [showKeys, setShowKeys] = useState(false);
  const [skipping, setSkipping] = useState(false);
  const next = useRef(null);
  const since = useRef(Date.now());
  const done = useRef(new Map());
  const outbox = useRef(null);
  const refresh = useCallback(() => api.project(project).then(setAbout).catch(report), [project]);

  function report(error) {
    if (error.status === 401) return onSignOut();
    setNotice(error.message);
  }
  outbox.current ??= (() => {
    const box = makeOutbox((entry) => api.annotate(entry), localStorage);
    box.listen(
      (entry, answer) => {
        done.current.set(entry.task_id, answer.annotation_id);
        setNotice("");
        refresh();
      },
      (_, error) => setNotice(error.status === 409 ? "That task was given to somebody else meanwhile; your answer was not needed." : error.message),
    );
    return box;
  })();

  const claim = useCallback(async () => {
    const found = (await api.claim(project)).task;
    if (found && found.content_type.startsWith("image/")) new Image().src = found.payload_url;
    return found;
  }, [project]);

  const advance = useCallback(async () => {
    setSkipping(false);
    since.current = Date.now();
    try {
      const ready = next.current ? await next.current : await claim();
      next.current = null;
      setTask(ready);
      if (ready) next.current = claim().catch(() => null);
    } catch (error) {
      report(error);
      setTask(null);
    }
  }, [claim]);

  useEffect(() => {
    refresh();
    advance();
    outbox.current.flush();
  }, [project]);
  useEffect(() => {
    if (task) {
      const beat = setInterval(() => api.heartbeat(task).catch(report), HEARTBEAT_MS);
      return () => clearInterval(beat);
    }
    const poll = setInterval(() => (next.current = null, advance(), refresh()), POLL_MS);
    return () => clearInterval(poll);
  }, [task]);
  useEffect(() => {
    const retry = setInterval(() => outbox.current.size && outbox.current.flush().then((left) => left && setNotice(`${left.message} ${outbox.current.size} answers wait here and are sent again.`)), POLL_MS);
    return () => clearInterval(retry);
  }, []);

  const answer = (label) => {
    if (!task) return;
    const seconds_spent = (Date.now() - since.current) / 1000;
    const supersedes = task.supersedes;
    const body = supersedes ? { supersedes, label, seconds_spent } : { lease_token: task.lease_token, label, seconds_spent };
    setFormer({ ...task, label });
    outbox.current.put({ id: `${task.task_id}-${label}`, project, task_id: task.task_id, body }).then((left) => left && setNotice(`${left.message} Your answer is kept and sent again.`));
    advance();
  };
  const undo = async () => {
    if (!former) return;
    await outbox.current.flush();
    const supersedes = done.current.get(former.task_id);
    if (!supersedes) return setNotice("The last answer is still on its way: try again in a moment.");
    if (task) next.current = Promise.resolve(task);
    setTask({ ...former, supersedes });
    setFormer(null);
  };
  const skip = async (reason) => {
    try {
      await api.skip(task, reason);
    } catch (error) {
      report(error);
    }
    advance();
  };
  const keys = about ? keysOf(about.label_schema.classes) : new Map();
  useEffect(() => {
    const press = (event) => {
      if (event.metaKey || event.altKey || event.target.matches("input, select")) return;
      if ((event.ctrlKey && event.key === "z") || (!event.ctrlKey && event.key === "u")) return event.preventDefault(), undo();
      if (event.ctrlKey) return;
      if (event.key === "?") return setShowKeys((shown) => !shown);
      if (event.key === "s" && task) return setSkipping(true);
      if (event.key === "Escape") return setSkipping(false), setShowKeys(false);
      const label = keys.get(event.key.toLowerCase());
      if (label && !skipping) answer(label);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });

  if (!about) return html`<p class="empty" role="status">Loading…</p>`;
  const keyOf = new Map([...keys].map(([key, name]) => [name, key]));
  const { progress } = about;
  return html`<main class="work">
    <section aria-label="Sample">
      ${notice && html`<p class="notice" role="status" aria-live="polite">${notice}</p>`}
      ${task
        ? html`<${Sample} task=${task} key=${task.task_id} />`
        : html`<div class="sample"><p class="empty" role="status">Nothing to label right now.<br />The page looks again every few seconds.</p></div>`}
    </section>
    <aside>
      <h2>Classes</h2>
      <ul class="classes">
        ${about.label_schema.classes.map(
          (each) => html`<li><button disabled=${!task} aria-pressed=${task?.label === each.name ? "true" : "false"} title=${each.description} onClick=${() => answer(each.name)}><kbd>${keyOf.get(each.name)}</kbd>${each.name}</button></li>`,
        )}
      </ul>
      <h2>Actions</h2>
      <div class="actions">
        <button disabled=${!task || !!task.supersedes} onClick=${() => setSkipping(true)}>Skip <kbd>s</kbd></button>
        <button disabled=${!former} onClick=${undo}>Undo <kbd>u</kbd></button>
        <button onClick=${() => setShowKeys(!showKeys)}>Keys <kbd>?</kbd></button>
      </div>
      ${skipping && html`<div role="group" aria-label="Why skip"><h2>Why skip?</h2><div class="actions">${["Unreadable", "No class fits", "Unsure"].map((why) => html`<button onClick=${() => skip(why)}>${why}</button>`)}</div></div>`}
      ${showKeys && html`<div><h2>Keys</h2><p>A class key answers. <kbd>s</kbd> skips, <kbd>u</kbd> or <kbd>Ctrl</kbd> <kbd>z</kbd> undoes, <kbd>Esc</kbd> closes.</p></div>`}
      <h2>Guidelines</h2>
      <p>${about.guidelines || "None written yet."}</p>
      <h2>Progress</h2>
      <p class="progress">Today you answered <b>${progress.mine_today}</b>, ${progress.mine_total} in all.<br />${progress.open} open, ${progress.settled} settled.</p>
    </aside>
  </main>`;
}

function Mine({ api, project }) {
  const [work, setWork] = useState(null);
  useEffect(() => {
    api.work(project).then(setWork);
  }, [project]);
  if (!work) return html`<p class="empty" role="status">Loading…</p>`;
  return html`<main class="list">
    <h2>Your last answers</h2>
    <table><thead><tr><th>Label</th><th>When</th><th>Task is</th></tr></thead>
    <tbody>${work.annotations.map((each) => html`<tr><td>${each.label}</td><td>${new Date(each.submitted_at).toLocaleString()}</td><td>${each.status}</td></tr>`)}</tbody></table>
  </main>`;
}

function App({ config }) {
  const [signedIn, setSignedIn] = useState(!!read());
  const [projects, setProjects] = useState([]);
  const [project, setProject] = useState(null);
  const [view, setView] = useState("label");
  const [trouble, setTrouble] = useState("");
  const api = useRef(makeApi(config)).current;
  const leave = () => (signOut(), setSignedIn(false), setProject(null));
  useEffect(() => {
    if (!signedIn) return;
    api.projects().then(
      (answer) => (setProjects(answer.projects), setProject(answer.projects[0]?.name ?? null), setTrouble("")),
      (error) => (error.status === 401 ? leave() : setTrouble(error.message)),
    );
  }, [signedIn]);
  if (!signedIn) return html`<${SignIn} config=${config} onDone=${() => setSignedIn(true)} />`;
  return html`<header>
      <img src="/mark.svg" alt="" /><h1>trueup</h1>
      ${projects.length > 1 && html`<select aria-label="Project" value=${project} onChange=${(e) => setProject(e.target.value)}>${projects.map((each) => html`<option value=${each.name}>${each.title}</option>`)}</select>`}
      <nav>
        <button aria-pressed=${view === "mine"} onClick=${() => setView(view === "mine" ? "label" : "mine")}>${view === "mine" ? "Back to labeling" : "My work"}</button>
        <button onClick=${theme} aria-label="Switch between light and dark">◐</button>
        <button onClick=${leave}>Sign out</button>
      </nav>
    </header>
    ${trouble && html`<p class="notice" role="alert">${trouble}</p>`}
    ${project && (view === "mine" ? html`<${Mine} api=${api} project=${project} />` : html`<${Workbench} api=${api} project=${project} key=${project} onSignOut=${leave} />`)}`;
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("trueup.theme", root.dataset.theme);
}

const kept = localStorage.getItem("trueup.theme");
if (kept) document.documentElement.dataset.theme = kept;
fetch("/config.json")
  .then((response) => response.json())
  .then((config) => render(html`<${App} config=${config} />`, document.getElementById("app")))
  .catch(() => (document.getElementById("app").textContent = "The workbench's configuration cannot be read."));
