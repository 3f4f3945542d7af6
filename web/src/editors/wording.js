// The stage on which spans of a text are marked, and those on which prompts and answers stand.
import { useRef } from "preact/hooks";
import { html } from "../html.js";
import { palette } from "./things.js";
import { labelled, pieces, points, slice } from "./spans.js";

export function SpanStage({ payload, draft, set, schema, readOnly }) {
  const box = useRef(null);
  const text = payload.raw ?? payload.text;
  const { items, marked } = draft;
  const all = marked ? [...items, { ...marked, label: "" }] : items;
  const taken = () => {
    if (readOnly) return;
    const range = document.getSelection();
    if (!range.rangeCount || range.isCollapsed || !box.current.contains(range.anchorNode) || !box.current.contains(range.focusNode)) return;
    const [start, end] = [place(range.anchorNode, range.anchorOffset), place(range.focusNode, range.focusOffset)].sort((a, b) => a - b);
    range.removeAllRanges();
    if (start === null || start === end) return;
    const next = { ...draft, at: null, marked: { start, end } };
    set(draft.current ? labelled(next, draft.current, text) : next, !draft.current);
  };
  const pick = (piece) => {
    if (readOnly || !document.getSelection().isCollapsed) return;
    const own = piece.spans.filter((each) => each < items.length);
    if (own.length) set({ ...draft, at: own[(own.indexOf(draft.at) + 1) % own.length], marked: null }, true);
  };
  return html`<p class="words spans" dir="auto" ref=${box} onMouseUp=${taken} onTouchEnd=${taken}>${pieces(text, all).map((piece) => html`<${Piece} key=${`${piece.start}-${piece.end}`} piece=${piece} draft=${draft} schema=${schema} onPick=${() => pick(piece)} />`)}</p>`;
}

function Piece({ piece, draft, schema, onPick }) {
  const { items } = draft;
  const own = piece.spans.filter((each) => each < items.length);
  const caret = piece.spans.some((each) => each >= items.length);
  const first = own[0];
  const selected = own.includes(draft.at);
  const tone = first === undefined ? "" : palette(schema, items[first].label);
  const tags = piece.ends.filter((each) => each < items.length);
  return html`<span class=${`piece ${tone} ${own.length > 1 ? "deep" : ""} ${selected ? "selected" : ""} ${caret ? "marked" : ""}`} data-start=${piece.start} onClick=${onPick}>${piece.text}</span>${tags.map((each) => html`<small class=${`name ${palette(schema, items[each].label)} ${each === draft.at ? "selected" : ""} ${each === draft.from ? "from" : ""}`}>${items[each].label}</small>`)}`;
}

/** Where in the text, in code points, a place of the page is; null outside of it. */
function place(node, offset) {
  const element = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest(".piece");
  if (!element) return after(node, offset);
  const before = node.nodeType === Node.TEXT_NODE ? node.data.slice(0, offset) : offset ? element.textContent : "";
  return Number(element.dataset.start) + points(before);
}

/** A place between two pieces, as in a label's name: the end of the piece before it. */
function after(node, offset) {
  let at = node.nodeType === Node.TEXT_NODE ? node.parentElement : (node.childNodes[offset - 1] ?? node.childNodes[offset] ?? node);
  while (at && !at.classList?.contains("piece")) at = at.previousElementSibling;
  return at ? Number(at.dataset.start) + points(at.textContent) : null;
}

export const spanText = (text, span) => slice(text, span).replaceAll(/\s+/g, " ").slice(0, 40);

/** A payload's JSON, or null where it has not these texts. */
export function texts(payload, names) {
  try {
    const found = JSON.parse(payload.raw ?? payload.text);
    return names.every((name) => typeof found[name] === "string") ? found : null;
  } catch {
    return null;
  }
}

export function PreferenceStage({ payload, draft, set, readOnly }) {
  const found = texts(payload, ["first", "second"]);
  if (!found) return html`<div class="state" role="alert"><h2>These are not two answers</h2><p>The project asks which of two answers is better, and the sample is no JSON with “prompt”, “first” and “second”. Skip it, and tell whoever runs trueup.</p></div>`;
  const choose = (name) => !readOnly && set({ ...draft, preferred: name });
  return html`<div class="pair">
    ${found.prompt && html`<section class="prompt" aria-label="Prompt"><p dir="auto">${found.prompt}</p></section>`}
    ${["first", "second"].map((name, index) => html`<section key=${name} class=${draft.preferred === name ? "chosen" : ""} aria-label=${`The ${name} answer`} onDblClick=${() => choose(name)}><h3>${index + 1}</h3><p dir="auto">${found[name]}</p></section>`)}
  </div>`;
}

export function RatingStage({ payload }) {
  const found = texts(payload, ["answer"]);
  return html`<div class="pair one">
    ${found.prompt && html`<section class="prompt" aria-label="Prompt"><p dir="auto">${found.prompt}</p></section>`}
    <section aria-label="The answer to rate"><p dir="auto">${found.answer}</p></section>
  </div>`;
}
