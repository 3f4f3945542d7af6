// What boxes, polygons and spans have in common: a list of things with labels, one of which may be selected (`at`), and the
// class that the next one gets (`current`).

export const start = () => ({ items: [], at: null, current: null });

/** A class chosen: the selected thing's, or the next one's. */
export const choose = (draft, label) => (draft.at === null ? { ...draft, current: label } : { ...replaced(draft, draft.at, { label }), current: label });

export const replaced = (draft, index, change) => ({ ...draft, items: draft.items.map((each, place) => (place === index ? { ...each, ...change } : each)) });

/** The new thing is selected, so that keys go on with it. */
export const added = (draft, item) => ({ ...draft, items: [...draft.items, item], at: draft.items.length });

export function removed(draft) {
  if (draft.at === null) return undefined;
  const items = draft.items.filter((_, index) => index !== draft.at);
  return { ...draft, items, at: null };
}

/** The next thing or the one before, then none, and so on round. */
export function cycled(draft, by) {
  const count = draft.items.length;
  if (!count) return undefined;
  const place = draft.at === null ? -1 : draft.at;
  const next = (((place + 1 + by) % (count + 1)) + (count + 1)) % (count + 1);
  return { ...draft, at: next === 0 ? null : next - 1 };
}

/** Keys that all of them have. Undefined where the key means nothing here. */
export function press(draft, key, event, { keys }) {
  if (keys.has(key)) return choose(draft, keys.get(key));
  if (event.key === "PageDown") return cycled(draft, 1);
  if (event.key === "PageUp") return cycled(draft, -1);
  if (event.key === "Delete" || event.key === "Backspace") return removed(draft);
  if (event.key === "Escape" && draft.at !== null) return { ...draft, at: null };
  return undefined;
}

/** Whether only the selection differs: no step to go back to. */
export const onlySelects = (before, after) => before.items === after.items && (before.relations === after.relations);

export const palette = (schema, label) => `k${Math.max(0, schema.classes.findIndex((each) => each.name === label)) % 10}`;
export const rounded = (number) => Math.round(number * 100) / 100;
export const within = (number, low, high) => Math.min(Math.max(number, low), high);
