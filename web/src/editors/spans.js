// Spans of a text and relations between them. Places are counted in code points, as Python counts characters: an emoji is one.
import * as things from "./things.js";

export const start = () => ({ ...things.start(), relations: [], from: null, marked: null });
export const from = (value) => ({ ...start(), items: value.spans, relations: (value.relations || []).map((each) => ({ label: each.label, from: each.from, to: each.to })) });
export const label = (draft) => JSON.stringify({ spans: draft.items.map(({ label, start, end }) => ({ label, start, end })), relations: draft.relations.map((each) => ({ label: each.label, from: each.from, to: each.to })) });
export const quiet = things.onlySelects;

/** Words and single signs: {start, end} in code points. */
export function tokens(text) {
  const found = [];
  for (const match of text.matchAll(/[\p{L}\p{M}\p{N}_]+|[^\s]/gu)) {
    const begin = points(text.slice(0, match.index));
    found.push({ start: begin, end: begin + points(match[0]) });
  }
  return found;
}

/** How many code points a text has. */
export const points = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

export const slice = (text, { start, end }) => [...text].slice(start, end).join("");

/** The text cut where spans begin and end: [{start, end, text, spans: [indices], ends: [indices]}]. */
export function pieces(text, items) {
  const letters = [...text];
  const cuts = [...new Set([0, letters.length, ...items.flatMap((each) => [each.start, each.end])])].filter((each) => each <= letters.length).sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, index) => {
    const end = cuts[index + 1];
    const within = (each) => each.start <= start && end <= each.end;
    const spans = items.flatMap((each, place) => (within(each) ? [place] : [])).sort((a, b) => items[a].end - items[a].start - (items[b].end - items[b].start));
    return { start, end, text: letters.slice(start, end).join(""), spans, ends: spans.filter((each) => items[each].end === end) };
  });
}

/** Marked text gets a label; the same span with the same label is there once. */
export function labelled(draft, label, text) {
  const marked = draft.marked && trimmed(draft.marked, text);
  if (!marked) return things.choose(draft, label);
  const there = draft.items.findIndex((each) => each.start === marked.start && each.end === marked.end && each.label === label);
  if (there >= 0) return { ...draft, at: there, marked: null };
  return things.added({ ...draft, marked: null, current: null }, { label, ...marked });
}

/** Spaces at the ends are not part of what was meant; null where nothing is left. */
export function trimmed({ start, end }, text) {
  const letters = [...text];
  while (start < end && !letters[start].trim()) start += 1;
  while (end > start && !letters[end - 1].trim()) end -= 1;
  return start < end ? { start, end } : null;
}

function removed(draft) {
  const gone = draft.at;
  const next = things.removed(draft);
  if (!next) return undefined;
  const place = (index) => (index > gone ? index - 1 : index);
  const relations = draft.relations.filter((each) => each.from !== gone && each.to !== gone).map((each) => ({ ...each, from: place(each.from), to: place(each.to) }));
  return { ...next, relations, from: null };
}

export function related(draft, label) {
  const { from, at: to } = draft;
  if (from === null || to === null || from === to) return undefined;
  const known = draft.relations.some((each) => each.label === label && each.from === from && each.to === to);
  return { ...draft, from: null, relations: known ? draft.relations : [...draft.relations, { label, from, to }] };
}

/** Word by word with the arrows: the mark moves, or grows with Shift. */
function marked(draft, event, text) {
  const words = tokens(text);
  if (!words.length) return undefined;
  const by = event.key === "ArrowRight" ? 1 : -1;
  const now = draft.marked ?? draft.items[draft.at];
  if (!now) return { ...draft, at: null, marked: by > 0 ? words[0] : words.at(-1) };
  const last = words.findLastIndex((each) => each.start < now.end);
  const first = words.findIndex((each) => each.end > now.start);
  if (event.shiftKey) {
    const next = Math.min(Math.max(last + by, first), words.length - 1);
    return { ...draft, marked: { start: words[first].start, end: words[next].end } };
  }
  const next = Math.min(Math.max((by > 0 ? last : first) + by, 0), words.length - 1);
  return { ...draft, at: null, marked: words[next] };
}

export function press(draft, key, event, about) {
  const { keys, relationKeys, text } = about;
  const link = draft.from !== null && relationKeys.has(key) && related(draft, relationKeys.get(key));
  if (link) return link;
  if (keys.has(key)) return labelled(draft, keys.get(key), text);
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") return marked(draft, event, text);
  if (event.key === "Enter" && event.shiftKey && draft.at !== null) return { ...draft, from: draft.from === draft.at ? null : draft.at };
  if (event.key === "Delete" || event.key === "Backspace") return removed(draft);
  if (event.key === "Escape" && (draft.marked || draft.from !== null)) return { ...draft, marked: null, from: null };
  const next = things.press(draft, key, event, about);
  return next && { ...next, marked: null };
}
