import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog, NoneDialog } from "./dialog.js";
import { describe } from "./editors/describe.js";
import { makeDrafts } from "./editors/draft.js";
import { KEYS, PICTURE_KEYS } from "./editors/index.js";
import { PlaneTools } from "./editors/plane.js";
import { useEditor } from "./editors/use.js";
import { html } from "./html.js";
import { keysOf, meanings } from "./keys.js";
import { Sample, UNSHOWN } from "./sample.js";

const REASONS = ["Unreadable", "No class fits", "Not sure"];
const OWN = ["u", "s", "?", "#", "/", "!", "escape", "enter"];
const drafts = makeDrafts(sessionStorage);

export function Workbench({ desk, about, elsewhere, onGo }) {
  const [state, setState] = useState(desk.state);
  const [dialog, showDialog] = useState(null);
  const asked = useRef(null);
  const spoken = useSpoken(state);
  useEffect(() => desk.watch(setState), [desk]);
  const schema = about.label_schema;
  const keys = keysOf(schema.classes);
  const { task, phase } = state;
  const remarks = useRemarks(task);
  const answer = (label) => desk.answer(label, remarks.body());
  const editor = useEditor({ task: phase === "task" ? task : null, schema, drafts, onSubmit: answer });
  const correcting = !!task?.corrects;
  const ready = phase === "task" && !!task && task.payload.kind !== "broken";
  const maySkip = phase === "task" && !!task && !correcting;

  /** Keys that follow at once are the dialog's, even before it stands on the screen. */
  function setDialog(name) {
    asked.current = name;
    showDialog(name);
  }
  function skip(reason) {
    setDialog(null);
    editor?.drop();
    desk.skip(reason);
  }
  function answerNone(proposed) {
    setDialog(null);
    if (!ready) return;
    editor?.drop();
    answer(JSON.stringify({ none: true, proposed }));
  }
  const [changed, haveRead] = useRead(about.name, state.guide.number);
  const undo = () => editor?.undo() || desk.undo();
  function inDialog(event) {
    if (event.target.closest("input, textarea")) return;
    const digit = meanings(event).find((each) => /^[1-9]$/.test(each));
    if (asked.current === "skip" && REASONS[digit - 1]) skip(REASONS[digit - 1]);
    if (event.key === "Escape") setDialog(null);
  }
  /** What Enter does: the one thing that is offered. */
  function proceed() {
    if (phase === "lost") return desk.next();
    if (editor?.ready) return editor.submit();
    if (correcting) return desk.keep();
    if (maySkip && !ready) skip(UNSHOWN);
  }
  function act(key, event) {
    if (keys.has(key) && !editor) return answer(keys.get(key));
    if (key === "u") return undo();
    if (key === "?") return setDialog("keys");
    if (key === "s") return maySkip && setDialog("skip");
    if (key === "#") return ready && schema.none_of_these && setDialog("none");
    if (key === "/") return ready && event.preventDefault(), ready && setDialog("comment");
    if (key === "!") return ready && remarks.flag();
    if (key === "escape") return correcting ? desk.keep() : desk.dismiss();
    if (key === "enter") return event.target.closest("button, a, input, select, textarea") || proceed();
  }
  useEffect(() => {
    const press = (event) => {
      desk.touch();
      if (asked.current) return event.repeat || inDialog(event);
      if (event.target.closest?.("input, textarea, select")) return;
      const undoes = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
      if (!undoes && (event.ctrlKey || event.metaKey || event.altKey)) return;
      // A key that is held down must not answer one task after the other.
      if (event.repeat && !(editor && event.key.startsWith("Arrow"))) return /^(Enter| |\w)$/.test(event.key) && event.preventDefault();
      if (undoes) return event.preventDefault(), undo();
      const onButton = event.target.closest?.("button, a") && ["Enter", " "].includes(event.key);
      if (editor && !onButton && editor.press(event, meanings(event))) return event.preventDefault();
      const meant = meanings(event).find((each) => (!editor && keys.has(each)) || OWN.includes(each));
      if (meant) act(meant, event);
    };
    window.addEventListener("keydown", press);
    window.addEventListener("pointermove", desk.touch);
    return () => {
      window.removeEventListener("keydown", press);
      window.removeEventListener("pointermove", desk.touch);
    };
  });

  return html`<main class="work" onClick=${released}>
    <section class="stage" aria-label="Task">
      ${state.notice && html`<${Notice} notice=${state.notice} onClose=${desk.dismiss} />`}
      ${state.standing?.status === "warned" && html`<p class="ribbon" role="status">Take your time: ${state.standing.reason}.</p>`}
      ${state.standing?.status === "training" && html`<p class="ribbon" role="status">Training: after each answer you see the one that is known. ${state.standing.reason}.</p>`}
      ${task?.comments?.length > 0 && html`<p class="ribbon" dir="auto">A reviewer says: <b>${task.comments.at(-1)}</b></p>`}
      ${correcting && html`<p class="ribbon">You answered <b>${describe(task.label)}</b>. ${editor ? "Change it" : "Choose again"}, or keep it: <button class="small" onClick=${desk.keep}>Keep <kbd>Esc</kbd></button></p>`}
      ${task?.prediction && html`<${Said} prediction=${task.prediction} />`}
      ${task ? html`<${Sample} task=${task} key=${task.task_id} stage=${stageOf(editor)} tools=${editor?.picture && editor.ready && html`<${PlaneTools} plane=${editor.plane} />`} onPainted=${() => desk.painted(task)} onRetry=${desk.retry} onSkip=${desk.skip} />` : html`<${Without} state=${state} elsewhere=${elsewhere} onGo=${onGo} onNext=${desk.next} />`}
      <p class="unseen" role="status" aria-live="polite">${spoken}</p>
    </section>
    <aside aria-label="Answer">
      ${editor ? (editor.draft ? html`<${editor.Panel} ...${editor} submit=${editor.submit} />` : html`<section class="choices" aria-label="Answer"></section>`) : html`<${Classes} classes=${schema.classes} keys=${keys} ready=${ready} chosen=${correcting ? task.label : null} onAnswer=${answer} />`}
      ${editor && html`<button class="primary send" aria-disabled=${!editor.ready} aria-keyshortcuts="Enter" onClick=${() => editor.submit()}>Send the answer <kbd aria-hidden="true">${schema.kind === "text" ? "Ctrl Enter" : "Enter"}</kbd></button>`}
      <div class="actions">
        ${schema.none_of_these && html`<button disabled=${!ready} aria-keyshortcuts="#" onClick=${() => setDialog("none")}>None fits <kbd aria-hidden="true">#</kbd></button>`}
        <button disabled=${!ready} aria-pressed=${!!remarks.comment} aria-keyshortcuts="/" onClick=${() => setDialog("comment")}>Comment <kbd aria-hidden="true">/</kbd></button>
        <button disabled=${!ready} aria-pressed=${remarks.flagged} aria-keyshortcuts="!" onClick=${remarks.flag}>Flag <kbd aria-hidden="true">!</kbd></button>
        <button disabled=${!maySkip} aria-keyshortcuts="s" onClick=${() => setDialog("skip")}>Skip <kbd aria-hidden="true">s</kbd></button>
        <button disabled=${!state.history.length && !editor?.draft} aria-keyshortcuts="u" onClick=${undo}>Undo <kbd aria-hidden="true">u</kbd></button>
        <button aria-keyshortcuts="?" onClick=${() => setDialog("keys")}>Keys <kbd aria-hidden="true">?</kbd></button>
      </div>
      <p class="last" role=${editor?.missing ? "alert" : undefined}>${editor?.missing || last(state)}</p>
      <section class=${`guide ${state.guide.text?.length > 90 ? "long" : ""}`} aria-label="Guidelines" tabindex="0">
        <h2>Guidelines${changed && html` <button class="small mark" onClick=${haveRead}>Changed: I have read them</button>`}</h2>
        <p dir="auto">${state.guide.text || "None written yet."}</p>
      </section>
      <${Progress} progress=${state.progress} />
    </aside>
    ${dialog === "skip" && html`<${SkipDialog} onSkip=${skip} onClose=${() => setDialog(null)} />`}
    ${dialog === "none" && html`<${NoneDialog} onSend=${answerNone} onClose=${() => setDialog(null)} />`}
    ${dialog === "comment" && html`<${CommentDialog} before=${remarks.comment} onSend=${(text) => (setDialog(null), remarks.say(text))} onClose=${() => setDialog(null)} />`}
    ${dialog === "keys" && html`<${KeysDialog} keys=${keys} kind=${schema.kind} picture=${editor?.picture} none=${schema.none_of_these} onClose=${() => setDialog(null)} />`}
  </main>`;
}

function last({ history, task }) {
  const item = history.at(-1);
  return item && !task?.corrects ? html`Last answer: <b>${describe(item.label)}</b>` : "";
}

function Notice({ notice, onClose }) {
  return html`<div class=${`notice ${notice.kind}`} role=${notice.kind === "warn" ? "alert" : "status"}>
    <p>${notice.text}</p>
    <button class="small" aria-label="Close this message" onClick=${onClose}>✕</button>
  </div>`;
}

function Classes({ classes, keys, ready, chosen, onAnswer }) {
  const keyOf = new Map([...keys].map(([key, name]) => [name, key]));
  const wide = classes.some((each) => each.description || each.name.length > 12);
  return html`<section class="choices" aria-label="Classes">
    <h2>Which class?</h2>
    <ul class=${wide ? "wide" : ""}>
      ${classes.map((each) => {
        const key = keyOf.get(each.name);
        return html`<li key=${each.name}>
          <button aria-disabled=${!ready} aria-pressed=${chosen === null ? undefined : chosen === each.name} aria-keyshortcuts=${key} onClick=${() => onAnswer(each.name)}>
            <kbd aria-hidden="true">${key || "–"}</kbd><span dir="auto">${each.name}${each.description && html`<small>${each.description}</small>`}</span>
          </button>
        </li>`;
      })}
    </ul>
  </section>`;
}

function Progress({ progress }) {
  const all = progress.open + progress.settled + progress.review;
  return html`<section class="progress" aria-label="Progress">
    <p><span><b>${progress.mine_today}</b> answered today</span><span class="quiet">${progress.mine_total} in all</span></p>
    <progress aria-label="Tasks of this project that are settled" value=${progress.settled} max=${all || 1}></progress>
    <p class="quiet"><span>${progress.settled} of ${all} settled</span><span>${progress.open} open${progress.review ? `, ${progress.review} in review` : ""}</span></p>
  </section>`;
}

/** What stands in the sample's place when no task is in hand. */
function Without({ state, elsewhere, onGo, onNext }) {
  const { phase, why, offline, progress, trouble } = state;
  if (phase === "lost") return html`<${Lost} why=${why} onNext=${onNext} />`;
  if (phase === "offline" || (offline && phase !== "loading")) return panel("You are offline", "Answers given so far are kept in this browser. Work goes on by itself when the connection is back.");
  if (phase === "failed") return panel("The next task could not be fetched", `${trouble} The page tries again every few seconds.`);
  if (phase === "loading") return html`<div class="sample"><p class="state slow" role="status">Fetching a task…</p></div>`;
  const open = progress.open === 1 ? "1 task is open, but you answered or skipped it, or somebody else has it" : `${progress.open} tasks are open, but you answered or skipped them, or others have them`;
  if (state.queue?.status === "paused") return panel("This queue is paused", `${state.queue.reason}. Work goes on by itself once it is opened again.`);
  const why_none = progress.open ? `${open}.` : progress.settled + progress.review ? "All tasks are done." : "No task has come in yet.";
  const more = elsewhere.length > 0 && html`<p>Meanwhile, other projects have open tasks:</p>
    <div class="row">${elsewhere.map((each) => html`<button key=${each.name} onClick=${() => onGo(each.name)}>${each.title} <span class="quiet">${each.open_tasks}</span></button>`)}</div>`;
  return panel("Nothing to label right now", `${why_none} The page looks again every few seconds.`, more);
}

const panel = (title, text, more) => html`<div class="sample"><div class="state"><div role="status"><h2>${title}</h2><p>${text}</p></div>${more}</div></div>`;

const LOST = {
  idle: "You were away for a while, so it went back to the queue for somebody else.",
  expired: "It could not be held for you any longer and went back to the queue for somebody else.",
  gone: "It was given to somebody else, or was closed. You did nothing wrong.",
};

function Lost({ why, onNext }) {
  return html`<div class="sample"><div class="state" role="alert">
    <h2>This task is no longer yours</h2>
    <p>${LOST[why] || LOST.gone}</p>
    <button class="primary" onClick=${onNext}>Next task <kbd aria-hidden="true">Enter</kbd></button>
  </div></div>`;
}

function SkipDialog({ onSkip, onClose }) {
  const [own, setOwn] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (own.trim()) onSkip(own.trim());
  };
  return html`<${Dialog} title="Why skip this task?" onClose=${onClose}>
    <div class="reasons">
      ${REASONS.map((each, index) => html`<button key=${each} aria-keyshortcuts=${index + 1} onClick=${() => onSkip(each)}><kbd aria-hidden="true">${index + 1}</kbd>${each}</button>`)}
      <form onSubmit=${submit}>
        <label>Another reason<input value=${own} maxlength="200" onInput=${(e) => setOwn(e.target.value)} /></label>
        <button aria-disabled=${!own.trim()}>Skip</button>
      </form>
      <p class="quiet">The task goes to somebody else and does not come back to you. <kbd>Esc</kbd> closes.</p>
    </div>
  </${Dialog}>`;
}

/** Whether the guidelines are another version than this browser's annotator has read; the first one seen counts as read. */
function useRead(project, number) {
  const key = `trueup.guidelines|${project}`;
  const [read, setRead] = useState(() => localStorage.getItem(key));
  useEffect(() => {
    if (read === null) setRead(String(number)), localStorage.setItem(key, String(number));
  }, [number]);
  return [read !== null && Number(read) !== number, () => (localStorage.setItem(key, String(number)), setRead(String(number)))];
}

/** A button that the pointer pressed gives the keys back: Enter is to send the answer, not to press it again. */
function released(event) {
  if (event.detail && !event.target.closest("dialog")) event.target.closest("button")?.blur();
}

/** The stage of an editor, drawn where the sample stands; null leaves the sample as it is. */
export function stageOf(editor) {
  if (!editor?.Stage || !editor.ready || editor.suits?.(editor.payload) === false) return null;
  return html`<${editor.Stage} ...${editor} />`;
}

function Said({ prediction }) {
  const best = prediction.classes.map((name, index) => ({ name, chance: prediction.probabilities[index] })).sort((a, b) => (b.chance ?? 0) - (a.chance ?? 0))[0];
  if (!best) return null;
  return html`<p class="said">The model says <b dir="auto">${best.name}</b>${best.chance === undefined ? "" : ` ${Math.round(best.chance * 100)} %`}</p>`;
}

/** What goes with the answer to the task in hand: a comment, and whether a reviewer should look. */
function useRemarks(task) {
  const held = useRef({ id: null, comment: "", flagged: false });
  const [, redraw] = useState(0);
  if (held.current.id !== (task?.task_id ?? null)) held.current = { id: task?.task_id ?? null, comment: "", flagged: false };
  const put = (change) => (Object.assign(held.current, change), redraw((count) => count + 1));
  const { comment, flagged } = held.current;
  return {
    comment,
    flagged,
    say: (text) => put({ comment: text.trim() }),
    flag: () => put({ flagged: !held.current.flagged }),
    body: () => ({ ...(held.current.comment ? { comment: held.current.comment } : {}), ...(held.current.flagged ? { flagged: true } : {}) }),
  };
}

function CommentDialog({ before, onSend, onClose }) {
  const [text, setText] = useState(before);
  const send = (event) => (event.preventDefault(), onSend(text));
  return html`<${Dialog} title="Comment on your answer" onClose=${onClose}>
    <form class="back" onSubmit=${send}>
      <label>It goes with the answer, to whoever reviews it.<input autofocus value=${text} maxlength="1000" onInput=${(event) => setText(event.target.value)} /></label>
      <div class="row"><button class="primary">Keep it <kbd aria-hidden="true">Enter</kbd></button><button type="button" onClick=${onClose}>Back <kbd aria-hidden="true">Esc</kbd></button></div>
    </form>
  <//>`;
}

function KeysDialog({ keys, kind, picture, none, onClose }) {
  const rows = [
    ...(KEYS[kind] ?? []),
    ...(picture ? PICTURE_KEYS : []),
    [["s"], "Skip, with a reason"],
    [["u", "Ctrl Z"], KEYS[kind] ? "One step back; then the last answer" : "Back to the last answer, to change it"],
    ...(none ? [[["#"], "None of these, or a new class"]] : []),
    [["/", "!"], "Comment on the answer; flag it for a reviewer"],
    [["Esc"], "Keep the answer, close a message or a window"],
    [["Enter"], "Go on, where a button says so"],
    [["?"], "This list"],
  ];
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <div class="many" tabindex=${keys.size > 20 ? "0" : undefined} role="group" aria-label="Keys of the classes">
      <dl class="keys">${[...keys].map(([key, name]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${name}</dd></div>`)}</dl>
    </div>
    <dl class="keys one">
      ${rows.map(([names, what]) => html`<div key=${what}><dt>${names.map((each) => html`<kbd>${each}</kbd> `)}</dt><dd>${what}</dd></div>`)}
    </dl>
    <button autofocus onClick=${onClose}>Close</button>
  </${Dialog}>`;
}

/** What a screen reader hears: the answer just given and the next sample. */
function useSpoken({ task, history, phase }) {
  const [spoken, setSpoken] = useState("");
  const before = useRef(0);
  useEffect(() => {
    if (phase !== "task" || !task) return;
    const given = history.length > before.current ? `Answered ${describe(history.at(-1).label)}. ` : "";
    before.current = history.length;
    const { payload } = task;
    const sample = payload.kind === "text" ? payload.text.slice(0, 300) : payload.kind === "image" ? "An image." : payload.kind === "table" ? "A table." : "";
    setSpoken(task.corrects ? `Back to the task that you answered ${describe(task.label)}. ${sample}` : `${given}Next task. ${sample}`);
  }, [task?.task_id, phase]);
  return spoken;
}
