// Polygons: pure moves. `open` holds the corners of the one that is being drawn, `corner` is the selected one's.
import { arrow, classOf } from "./boxes.js";
import * as things from "./things.js";

const { rounded, within } = things;
export const start = () => ({ ...things.start(), open: [], corner: null });
export const from = (value) => ({ ...start(), items: value.polygons });
export const label = (draft, { width, height }) => (draft.open.length ? null : JSON.stringify({ width, height, polygons: draft.items.map(({ label, points }) => ({ label, points })) }));
export const missing = "Close the polygon first: Enter, or click its first corner";
export const quiet = (before, after) => things.onlySelects(before, after) && before.open === after.open;

const inside = ({ x, y }, { width, height }) => [rounded(within(x, 0, width)), rounded(within(y, 0, height))];

/** One corner more; `near` is how close to the first one closes it. */
export function pointed(draft, place, near, size, schema) {
  const [x, y] = inside(place, size);
  const first = draft.open[0];
  if (draft.open.length >= 3 && Math.hypot(first[0] - x, first[1] - y) <= near) return closed(draft, schema);
  return { ...draft, at: null, corner: null, open: [...draft.open, [x, y]] };
}

/** Undefined where there are fewer than three corners, or they enclose nothing. */
export function closed(draft, schema) {
  const points = draft.open;
  if (points.length < 3 || area(points) === 0) return undefined;
  return things.added({ ...draft, open: [], corner: null }, { label: classOf(draft, schema), points });
}

export function area(points) {
  return Math.abs(points.reduce((sum, [x, y], index) => sum + x * points[(index + 1) % points.length][1] - points[(index + 1) % points.length][0] * y, 0)) / 2;
}

/** All corners, or one of them, elsewhere. */
export function moved(draft, dx, dy, size) {
  const { points } = draft.items[draft.at];
  const lowest = (axis) => Math.min(...points.map((each) => each[axis]));
  const highest = (axis) => Math.max(...points.map((each) => each[axis]));
  const shift = draft.corner === null ? [within(dx, -lowest(0), size.width - highest(0)), within(dy, -lowest(1), size.height - highest(1))] : [dx, dy];
  const next = points.map((each, index) => (draft.corner === null || draft.corner === index ? inside({ x: each[0] + shift[0], y: each[1] + shift[1] }, size) : each));
  return area(next) ? things.replaced(draft, draft.at, { points: next }) : undefined;
}

export function press(draft, key, event, about) {
  const { size, schema } = about;
  if (draft.open.length) {
    if (event.key === "Enter") return closed(draft, schema);
    if (event.key === "Escape") return { ...draft, open: [] };
    if (event.key === "Backspace" || event.key === "Delete") return { ...draft, open: draft.open.slice(0, -1) };
  }
  if (event.key === "Enter" && event.shiftKey) {
    const [x, y] = [size.width * 0.375, size.height * 0.375];
    return things.added(draft, { label: classOf(draft, schema), points: [[x, y], [size.width - x, y], [size.width - x, size.height - y], [x, size.height - y]].map(([a, b]) => [rounded(a), rounded(b)]) });
  }
  const toward = arrow(event, size);
  if (toward && draft.at !== null) return moved(draft, ...toward, size);
  if ((event.key === "End" || event.key === "Home") && draft.at !== null) {
    const count = draft.items[draft.at].points.length;
    const by = event.key === "End" ? 1 : -1;
    return { ...draft, corner: draft.corner === null ? (by > 0 ? 0 : count - 1) : (draft.corner + by + count) % count };
  }
  const next = things.press(draft, key, event, about);
  return next && next.at !== draft.at ? { ...next, corner: null } : next;
}
