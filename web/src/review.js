import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog, NoneDialog } from "./dialog.js";
import { describe } from "./editors/describe.js";
import { makeDrafts } from "./editors/draft.js";
import { PlaneTools } from "./editors/plane.js";
import { useEditor } from "./editors/use.js";
import { html } from "./html.js";
import { keysOf, meanings } from "./keys.js";
import { lineageOf } from "./lineage.js";
import { moment } from "./mine.js";
import { loadPayload } from "./payload.js";
import { Sample } from "./sample.js";
import { stageOf } from "./workbench.js";

// A reviewer's changes to somebody's answer last as long as the page.
const kept = new Map();
const drafts = makeDrafts({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) });

const OWN = ["e", "s", "arrowright", "#", "v", "u", "enter"];

/** What people could not agree on: all answers side by side, and the reviewer's word. */
export function Review({ api, about, onTrouble }) {
  const [state, setState] = useState({ phase: "loading", waiting: [], task: null, said: "" });
  const [comment, setComment] = useState("");
  const [dialog, setDialog] = useState(null);
  const [seen, setSeen] = useState(0);
  const [guide, setGuide] = useState({ text: about.guidelines, number: 0 });
  const now = useRef(state);
  // A key may follow before the screen does.
  const words = useRef("");
  const say = (text) => setComment((words.current = text));
  const set = (change) => setState((now.current = { ...now.current, ...change }));
  const schema = about.label_schema;
  const keys = keysOf(schema.classes);
  const { phase, task, waiting } = state;
  const shown = task && { ...task, label: task.annotations[seen]?.label, began: seen };
  const editor = useEditor({ task: phase === "task" ? shown : null, schema, drafts, onSubmit: (label) => rule(label) });

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
    setSeen(0);
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
    now.current.phase === "task" &&
    attempt(async () => {
      const { task_id } = now.current.task;
      set({ phase: "sending" });
      await api.rule(about.name, task_id, { label, comment: words.current });
      set({ said: `Ruled: ${describe(label)}.`, task: null });
      await next(task_id);
    });
  const giveBack = (words) =>
    attempt(async () => {
      const { task_id } = now.current.task;
      setDialog(null);
      set({ phase: "sending" });
      await api.giveBack(about.name, task_id, words);
      set({ said: "Sent back: one more person is asked.", task: null });
      await next(task_id);
    });
  const readGuide = () => attempt(async () => {
    const found = await api.project(about.name);
    setGuide({ text: found.guidelines, number: found.guidelines_version });
  });
  const writeGuide = async (text, reason) => {
    try {
      const made = await api.writeGuidelines(about.name, { text, reason, after: guide.number, task_id: now.current.task?.task_id });
      setGuide({ text: made.guidelines, number: made.guidelines_version });
      set({ said: "The guidelines are changed for everybody." });
      setDialog(null);
      return "";
    } catch (error) {
      if (error.status === 401) onTrouble(error);
      if (error.code === "Conflict") await readGuide();
      return error.message;
    }
  };
  useEffect(() => {
    next();
    readGuide();
  }, [about.name]);
  useEffect(() => {
    if (phase !== "empty" && phase !== "failed") return;
    const again = setInterval(() => next(), 5000);
    return () => clearInterval(again);
  }, [phase]);
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (dialog) return event.key === "Escape" && setDialog(null);
      if (event.target.closest?.("input, textarea, select")) return;
      const onButton = event.target.closest?.("button, a") && ["Enter", " "].includes(event.key);
      if (editor && !onButton && editor.press(event, meanings(event))) return event.preventDefault();
      const meant = meanings(event).find((each) => (!editor && keys.has(each)) || OWN.includes(each));
      if (!editor && keys.has(meant)) rule(keys.get(meant));
      else if (meant === "s" && phase === "task") event.preventDefault(), setDialog("back");
      else if (meant === "e") event.preventDefault(), setDialog("guide");
      else if (meant === "#" && phase === "task" && schema.none_of_these) event.preventDefault(), setDialog("none");
      else if (meant === "u") editor?.undo();
      else if (meant === "v" && task) setSeen((seen + 1) % Math.max(1, task.annotations.length));
      else if (event.key === "Enter" && !onButton) editor?.submit();
      else if (event.key === "ArrowRight") pass();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });

  if (phase === "empty") return html`<main class="list"><div class="state" role="status"><h2>Nothing to review</h2><p>${state.said} Tasks come here when people disagree and nobody else may be asked. The page looks again by itself.</p></div></main>`;
  if (phase === "failed") return html`<main class="list"><div class="state" role="alert"><h2>The reviews cannot be read</h2><p>${state.said}</p><button onClick=${() => next()}>Try again</button></div></main>`;
  const ready = phase === "task";
  return html`<main class="work">
    <section class="stage" aria-label="Task in review">
      ${task ? html`<${Sample} task=${task} key=${task.task_id} stage=${stageOf(editor)} tools=${editor?.picture && editor.ready && html`<${PlaneTools} plane=${editor.plane} />`} onPainted=${() => {}} onRetry=${() => attempt(() => open(task.task_id))} onSkip=${pass} />` : html`<div class="sample"><p class="state slow" role="status">Loading…</p></div>`}
      ${task && html`<${Answers} task=${task} seen=${editor ? seen : null} onSee=${setSeen} />`}
      <p class="unseen" role="status" aria-live="polite">${task ? `Task in review, ${task.annotations.length} answers` : ""}</p>
    </section>
    <aside aria-label="Ruling">
      ${editor ? editor.draft && html`<${editor.Panel} ...${editor} submit=${editor.submit} /><button class="primary send" aria-disabled=${!editor.ready} onClick=${() => editor.submit()}>Rule so <kbd aria-hidden="true">Enter</kbd></button>` : html`<${Ruling} schema=${schema} keys=${keys} task=${task} ready=${ready} onRule=${rule} />`}
      <label class="why">Why? <span class="quiet">kept with the ruling</span>
        <input value=${comment} maxlength="1000" onInput=${(event) => say(event.target.value)} onKeyDown=${(event) => event.key === "Escape" && event.target.blur()} />
      </label>
      <div class=${schema.none_of_these ? "actions" : "actions two"}>
        <button disabled=${!ready} aria-keyshortcuts="s" onClick=${() => setDialog("back")}>Send back <kbd aria-hidden="true">s</kbd></button>
        ${schema.none_of_these && html`<button disabled=${!ready} aria-keyshortcuts="#" onClick=${() => setDialog("none")}>None fits <kbd aria-hidden="true">#</kbd></button>`}
        <button disabled=${!ready || waiting.length < 2} aria-keyshortcuts="ArrowRight" onClick=${pass}>Next <kbd aria-hidden="true">→</kbd></button>
      </div>
      <p class="last" role="status">${editor?.missing || state.said || ""}</p>
      <section class="guide" aria-label="Guidelines" tabindex="0"><h2>Guidelines <button class="small" aria-keyshortcuts="e" onClick=${() => setDialog("guide")}>Edit <kbd aria-hidden="true">e</kbd></button></h2><p dir="auto">${guide.text || "None written yet."}</p></section>
      <p class="progress quiet">${waiting.length === 1 ? "1 task waits" : `${waiting.length} tasks wait`} for a ruling</p>
    </aside>
    ${dialog === "back" && html`<${Back} onSend=${giveBack} onClose=${() => setDialog(null)} />`}
    ${dialog === "guide" && html`<${Guide} guide=${guide} about=${task} onSend=${writeGuide} onClose=${() => setDialog(null)} />`}
    ${dialog === "none" && html`<${NoneDialog} onSend=${(proposed) => (setDialog(null), rule(JSON.stringify({ none: true, proposed })))} onClose=${() => setDialog(null)} />`}
  </main>`;
}

function Ruling({ schema, keys, task, ready, onRule }) {
  const keyOf = new Map([...keys].map(([key, name]) => [name, key]));
  return html`<section class="choices" aria-label="Classes">
    <h2>Which class is it?</h2>
    <ul class=${schema.classes.some((each) => each.description || each.name.length > 12) ? "wide" : ""}>
      ${schema.classes.map((each) => html`<li key=${each.name}><button aria-disabled=${!ready} aria-keyshortcuts=${keyOf.get(each.name)} onClick=${() => onRule(each.name)}><kbd aria-hidden="true">${keyOf.get(each.name)}</kbd><span dir="auto">${each.name}<${Votes} task=${task} label=${each.name} /></span></button></li>`)}
    </ul>
  </section>`;
}

function Votes({ task, label }) {
  const count = task?.annotations.filter((each) => each.label === label).length;
  return count ? html`<small>${count === 1 ? "1 answer" : `${count} answers`}</small>` : null;
}

function Answers({ task, seen, onSee }) {
  const sure = task.prediction.slice(0, 3).map((each) => `${each.label} ${Math.round(each.probability * 100)} %`);
  return html`<div class="answers">
    <table>
      <caption class="unseen">Answers</caption>
      <thead><tr><th scope="col">Who</th><th scope="col">Answer</th><th scope="col">Given</th><th scope="col">Took</th>${seen !== null && html`<th scope="col"><span class="quiet"><kbd>v</kbd></span></th>`}</tr></thead>
      <tbody>${task.annotations.map((each, index) => html`<tr key=${each.annotator} aria-current=${seen === index ? "true" : undefined}><td dir="auto">${short(each.annotator)}</td><td dir="auto"><b>${describe(each.label)}</b>${each.flagged && html` <span class="flag">flagged</span>`}${each.comment && html` <span class="quiet">“${each.comment}”</span>`}</td><td><time datetime=${each.submitted_at}>${moment(new Date(each.submitted_at))}</time></td><td>${each.seconds_spent.toFixed(0)} s</td>${seen !== null && html`<td><button class="small" aria-pressed=${seen === index} onClick=${() => onSee(index)}>Show</button></td>`}</tr>`)}</tbody>
    </table>
    <p><a href=${lineageOf(task.project, `task:${task.task_id}`)}>Where it comes from, and what came of it</a></p>
    <p class="quiet">The model: ${sure.length ? sure.join(", ") : "gave no probabilities"}. Asked because: ${task.reason || "unknown"}.</p>
    ${task.skips?.map((each) => html`<p class="quiet" key=${each.at}>Passed on by ${short(each.by)}: “${each.reason || "no reason"}”</p>`)}
    ${task.comments.map((each) => html`<p class="quiet" key=${each.at}>Sent back before: “${each.text}”</p>`)}
  </div>`;
}

/** Names of the user pool are long ids; their beginning tells people apart. */
const short = (name) => (/^[0-9a-f-]{36}$/.test(name) ? name.slice(0, 8) : name);

/** What annotators read, beside the dispute that shows what it lacks. */
function Guide({ guide, about, onSend, onClose }) {
  const [text, setText] = useState(guide.text);
  const [reason, setReason] = useState("");
  const [trouble, setTrouble] = useState("");
  const send = async (event) => {
    event.preventDefault();
    if (text.trim() && reason.trim()) setTrouble(await onSend(text, reason.trim()));
  };
  return html`<${Dialog} title="Edit the guidelines" onClose=${onClose}>
    <form class="back" onSubmit=${send}>
      <label>What everybody reads from now on<textarea rows="9" maxlength="20000" value=${text} onInput=${(event) => setText(event.target.value)} dir="auto"></textarea></label>
      <label>Why? <span class="quiet">kept with the version${about ? ", as is this task" : ""}</span><input value=${reason} maxlength="1000" onInput=${(event) => setReason(event.target.value)} /></label>
      <p class="trouble" role="alert">${trouble}</p>
      <div class="row"><button class="primary" disabled=${!text.trim() || !reason.trim() || text.trim() === guide.text.trim()}>Change them</button><button type="button" onClick=${onClose}>Back <kbd aria-hidden="true">Esc</kbd></button></div>
    </form>
  <//>`;
}

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
