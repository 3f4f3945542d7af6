import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { keysOf, meanings } from "./keys.js";
import { moment } from "./mine.js";
import { loadPayload } from "./payload.js";
import { Sample } from "./sample.js";

/** What people could not agree on: all answers side by side, and the reviewer's word. */
export function Review({ api, about, onTrouble }) {
  const [state, setState] = useState({ phase: "loading", waiting: [], task: null, said: "" });
  const [comment, setComment] = useState("");
  const [dialog, setDialog] = useState(false);
  const now = useRef(state);
  // A key may follow before the screen does.
  const words = useRef("");
  const say = (text) => setComment((words.current = text));
  const set = (change) => setState((now.current = { ...now.current, ...change }));
  const keys = keysOf(about.label_schema.classes);
  const { phase, task, waiting } = state;

  async function attempt(work) {
    try {
      return await work();
    } catch (error) {
      if (error.status === 401) return onTrouble(error);
      set({ said: error.message, phase: now.current.task ? "task" : "failed" });
    }
  }
  /** The most urgent one but `done`, which the list may still hold for a moment. */
  const next = (done) =>
    attempt(async () => {
      const { tasks } = await api.reviews(about.name);
      const rest = tasks.filter((each) => each.task_id !== done);
      if (!rest.length) return set({ phase: "empty", waiting: [], task: null });
      await open(rest[0].task_id, rest);
    });
  async function open(id, rest = now.current.waiting) {
    set({ phase: "loading", task: null });
    say("");
    const found = await api.review(about.name, id);
    const payload = await loadPayload(found, (each) => api.payload(each));
    set({ phase: "task", waiting: rest, task: { ...found, payload } });
  }
  const pass = () => {
    const place = waiting.findIndex((each) => each.task_id === task?.task_id);
    const other = waiting[(place + 1) % waiting.length];
    if (other && other.task_id !== task?.task_id) attempt(() => open(other.task_id));
  };
  const rule = (label) =>
    phase === "task" &&
    attempt(async () => {
      const { task_id } = now.current.task;
      set({ phase: "sending" });
      await api.rule(about.name, task_id, { label, comment: words.current });
      set({ said: `Ruled: ${label}.`, task: null });
      await next(task_id);
    });
  const giveBack = (words) =>
    attempt(async () => {
      const { task_id } = now.current.task;
      setDialog(false);
      set({ phase: "sending" });
      await api.giveBack(about.name, task_id, words);
      set({ said: "Sent back: one more person is asked.", task: null });
      await next(task_id);
    });
  useEffect(() => {
    next();
  }, [about.name]);
  useEffect(() => {
    if (phase !== "empty" && phase !== "failed") return;
    const again = setInterval(() => next(), 5000);
    return () => clearInterval(again);
  }, [phase]);
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (dialog) return event.key === "Escape" && setDialog(false);
      if (event.target.closest?.("input, textarea, select")) return;
      const meant = meanings(event).find((each) => keys.has(each) || ["s", "arrowright"].includes(each));
      if (keys.has(meant)) rule(keys.get(meant));
      else if (meant === "s" && phase === "task") event.preventDefault(), setDialog(true);
      else if (event.key === "ArrowRight") pass();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });

  if (phase === "empty") return html`<main class="list"><div class="state" role="status"><h2>Nothing to review</h2><p>${state.said} Tasks come here when people disagree and nobody else may be asked. The page looks again by itself.</p></div></main>`;
  if (phase === "failed") return html`<main class="list"><div class="state" role="alert"><h2>The reviews cannot be read</h2><p>${state.said}</p><button onClick=${() => next()}>Try again</button></div></main>`;
  const ready = phase === "task";
  const keyOf = new Map([...keys].map(([key, name]) => [name, key]));
  return html`<main class="work">
    <section class="stage" aria-label="Task in review">
      ${task ? html`<${Sample} task=${task} key=${task.task_id} onPainted=${() => {}} onRetry=${() => attempt(() => open(task.task_id))} onSkip=${pass} />` : html`<div class="sample"><p class="state slow" role="status">Loading…</p></div>`}
      ${task && html`<${Answers} task=${task} />`}
      <p class="unseen" role="status" aria-live="polite">${task ? `Task in review, ${task.annotations.length} answers` : ""}</p>
    </section>
    <aside aria-label="Ruling">
      <section class="choices" aria-label="Classes">
        <h2>Which class is it?</h2>
        <ul class=${about.label_schema.classes.some((each) => each.description || each.name.length > 12) ? "wide" : ""}>
          ${about.label_schema.classes.map((each) => html`<li key=${each.name}><button aria-disabled=${!ready} aria-keyshortcuts=${keyOf.get(each.name)} onClick=${() => rule(each.name)}><kbd aria-hidden="true">${keyOf.get(each.name)}</kbd><span dir="auto">${each.name}<${Votes} task=${task} label=${each.name} /></span></button></li>`)}
        </ul>
      </section>
      <label class="why">Why? <span class="quiet">kept with the ruling</span>
        <input value=${comment} maxlength="1000" onInput=${(event) => say(event.target.value)} onKeyDown=${(event) => event.key === "Escape" && event.target.blur()} />
      </label>
      <div class="actions two">
        <button disabled=${!ready} aria-keyshortcuts="s" onClick=${() => setDialog(true)}>Send back <kbd aria-hidden="true">s</kbd></button>
        <button disabled=${!ready || waiting.length < 2} aria-keyshortcuts="ArrowRight" onClick=${pass}>Next <kbd aria-hidden="true">→</kbd></button>
      </div>
      <p class="last" role="status">${state.said || ""}</p>
      <section class="guide" aria-label="Guidelines" tabindex="0"><h2>Guidelines</h2><p dir="auto">${about.guidelines || "None written yet."}</p></section>
      <p class="progress quiet">${waiting.length === 1 ? "1 task waits" : `${waiting.length} tasks wait`} for a ruling</p>
    </aside>
    ${dialog && html`<${Back} onSend=${giveBack} onClose=${() => setDialog(false)} />`}
  </main>`;
}

function Votes({ task, label }) {
  const count = task?.annotations.filter((each) => each.label === label).length;
  return count ? html`<small>${count === 1 ? "1 answer" : `${count} answers`}</small>` : null;
}

function Answers({ task }) {
  const sure = task.prediction.slice(0, 3).map((each) => `${each.label} ${Math.round(each.probability * 100)} %`);
  return html`<div class="answers">
    <table>
      <caption class="unseen">Answers</caption>
      <thead><tr><th scope="col">Who</th><th scope="col">Answer</th><th scope="col">Given</th><th scope="col">Took</th></tr></thead>
      <tbody>${task.annotations.map((each) => html`<tr key=${each.annotator}><td dir="auto">${short(each.annotator)}</td><td dir="auto"><b>${each.label}</b></td><td><time datetime=${each.submitted_at}>${moment(new Date(each.submitted_at))}</time></td><td>${each.seconds_spent.toFixed(0)} s</td></tr>`)}</tbody>
    </table>
    <p class="quiet">The model: ${sure.length ? sure.join(", ") : "gave no probabilities"}. Asked because: ${task.reason || "unknown"}.</p>
    ${task.comments.map((each) => html`<p class="quiet" key=${each.at}>Sent back before: “${each.text}”</p>`)}
  </div>`;
}

/** Names of the user pool are long ids; their beginning tells people apart. */
const short = (name) => (/^[0-9a-f-]{36}$/.test(name) ? name.slice(0, 8) : name);

function Back({ onSend, onClose }) {
  const [words, setWords] = useState("");
  const send = (event) => (event.preventDefault(), words.trim() && onSend(words));
  return html`<${Dialog} title="Send back to one more annotator" onClose=${onClose}>
    <form class="back" onSubmit=${send}>
      <label>What should they look at?<input autofocus value=${words} maxlength="1000" onInput=${(event) => setWords(event.target.value)} /></label>
      <div class="row"><button class="primary" disabled=${!words.trim()}>Send back</button><button type="button" onClick=${onClose}>Keep it <kbd aria-hidden="true">Esc</kbd></button></div>
    </form>
  <//>`;
}
