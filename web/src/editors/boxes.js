// Boxes: pure moves from one draft to the next.
import * as things from "./things.js";

const { rounded, within } = things;
export const start = things.start;
export const from = (value) => ({ ...start(), items: value.boxes });
export const label = (draft, { width, height }) => JSON.stringify({ width, height, boxes: draft.items.map(({ label, left, top, right, bottom }) => ({ label, left, top, right, bottom })) });
export const quiet = things.onlySelects;

/** The box that two corners span, within the image; null where it has no extent. */
export function spanned(one, other, { width, height }) {
  const [left, right] = [one.x, other.x].sort((a, b) => a - b).map((x) => rounded(within(x, 0, width)));
  const [top, bottom] = [one.y, other.y].sort((a, b) => a - b).map((y) => rounded(within(y, 0, height)));
  return right - left >= 1 && bottom - top >= 1 ? { left, top, right, bottom } : null;
}

/** The box elsewhere, as far as the image goes. */
export function moved(box, dx, dy, { width, height }) {
  const x = within(dx, -box.left, width - box.right);
  const y = within(dy, -box.top, height - box.bottom);
  return { left: rounded(box.left + x), top: rounded(box.top + y), right: rounded(box.right + x), bottom: rounded(box.bottom + y) };
}

export function resized(box, dx, dy, { width, height }) {
  return { right: rounded(within(box.right + dx, box.left + 1, width)), bottom: rounded(within(box.bottom + dy, box.top + 1, height)) };
}

export const classOf = (draft, schema) => draft.current ?? schema.classes[0].name;

/** A box drawn by hand; undefined where it has no extent. */
export function drawn(draft, one, other, size, schema) {
  const box = spanned(one, other, size);
  return box ? things.added(draft, { label: classOf(draft, schema), ...box }) : undefined;
}

export function press(draft, key, event, about) {
  const { size, schema } = about;
  if (event.key === "Enter" && event.shiftKey) {
    const one = { x: size.width * 0.375, y: size.height * 0.375 };
    return drawn(draft, one, { x: size.width - one.x, y: size.height - one.y }, size, schema);
  }
  const toward = arrow(event, size);
  if (toward && draft.at !== null) {
    const box = draft.items[draft.at];
    const change = event.shiftKey ? resized(box, ...toward, size) : moved(box, ...toward, size);
    return things.replaced(draft, draft.at, change);
  }
  return things.press(draft, key, event, about);
}

/** How far an arrow key goes: a hundredth of the image, a pixel at least. */
export function arrow(event, { width, height }) {
  const far = Math.max(1, Math.round(Math.max(width, height) / 100));
  return { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
}
