// Answers without a drawing: several classes, free text, a rating, a preference.

export const multilabel = {
  start: () => ({ chosen: [] }),
  from: (value) => ({ chosen: value.classes }),
  label: (draft) => JSON.stringify({ classes: draft.chosen }),
  toggle: (draft, name) => ({ chosen: draft.chosen.includes(name) ? draft.chosen.filter((each) => each !== name) : [...draft.chosen, name] }),
  press: (draft, key, event, { keys }) => (keys.has(key) ? multilabel.toggle(draft, keys.get(key)) : undefined),
};

export const text = {
  start: () => ({ text: "" }),
  from: (value) => ({ text: value.text }),
  label: (draft) => (draft.text.trim() ? JSON.stringify({ text: draft.text.trim() }) : null),
  missing: "Write the text first",
  press: () => undefined,
};

/** Every number has a key: itself where it is a digit, else the digit of its place. */
export function steps({ low, high }) {
  const all = Array.from({ length: Math.min(high - low + 1, 201) }, (_, index) => low + index);
  const digits = low >= 0 && high <= 9;
  return all.map((number, index) => ({ number, key: digits ? String(number) : index < 9 ? String(index + 1) : index === 9 ? "0" : null }));
}

export const rating = {
  start: () => ({ rating: null, critique: "" }),
  from: (value) => ({ rating: value.rating, critique: value.critique || "" }),
  label: (draft) => (draft.rating === null ? null : JSON.stringify({ rating: draft.rating, critique: draft.critique.trim() })),
  missing: "Choose a rating first",
  press(draft, key, event, { schema }) {
    const { low, high } = schema.scale;
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by) return { ...draft, rating: Math.min(Math.max((draft.rating ?? (by > 0 ? low - 1 : high + 1)) + by, low), high) };
    const found = steps(schema.scale).find((each) => each.key === key);
    return found && { ...draft, rating: found.number };
  },
};

export const PREFERRED = [
  { name: "first", key: "1", also: "ArrowLeft", title: "The first" },
  { name: "second", key: "2", also: "ArrowRight", title: "The second" },
  { name: "tie", key: "3", also: "ArrowDown", title: "Neither: a tie" },
];

export const preference = {
  start: () => ({ preferred: null, critique: "" }),
  from: (value) => ({ preferred: value.preferred, critique: value.critique || "" }),
  label: (draft) => (draft.preferred ? JSON.stringify({ preferred: draft.preferred, critique: draft.critique.trim() }) : null),
  missing: "Choose one of the answers first",
  press(draft, key, event) {
    const found = PREFERRED.find((each) => each.key === key || each.also === event.key);
    return found && { ...draft, preferred: found.name };
  },
};
