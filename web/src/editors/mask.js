// A class for each pixel, painted with a brush. A draft holds runs [class, length], row by row: 0 is nothing, 1 the schema's
// first class. Pixels are a Uint8Array while a stroke lasts.
import { within } from "./things.js";

export const SIZES = [1, 2, 4, 8, 16, 32, 64, 128];
export const start = () => ({ runs: null, current: 1, tool: "brush", size: 3, cursor: null });

/** From a label, whose runs count the classes that it names. */
export function from(value, schema) {
  const place = (value.classes ?? schema.classes.map((each) => each.name)).map((name) => schema.classes.findIndex((each) => each.name === name) + 1);
  return { ...start(), runs: value.runs.map(([which, length]) => [which ? place[which - 1] : 0, length]) };
}

export function label(draft, { width, height }, schema) {
  const runs = draft.runs ?? [[0, width * height]];
  const there = [...new Set(runs.map(([which]) => which))].filter(Boolean).sort((a, b) => a - b);
  const place = new Map([[0, 0], ...there.map((which, index) => [which, index + 1])]);
  return JSON.stringify({ width, height, classes: there.map((which) => schema.classes[which - 1].name), runs: runs.map(([which, length]) => [place.get(which), length]) });
}

export const quiet = (before, after) => before.runs === after.runs;

export function decoded(runs, { width, height }) {
  const pixels = new Uint8Array(width * height);
  let at = 0;
  for (const [which, length] of runs ?? []) pixels.fill(which, at, (at += length));
  return pixels;
}

export function encoded(pixels) {
  const runs = [];
  for (let at = 0, begin = 0; at <= pixels.length; at += 1) {
    if (at < pixels.length && pixels[at] === pixels[begin]) continue;
    runs.push([pixels[begin], at - begin]);
    begin = at;
  }
  return runs;
}

/** A round dab of a brush that is `across` pixels wide; answers the rectangle that it touched. */
export function dab(pixels, { width, height }, { x, y }, across, which) {
  const radius = across / 2;
  const top = Math.max(0, Math.floor(y - radius)), bottom = Math.min(height - 1, Math.ceil(y + radius));
  const left = Math.max(0, Math.floor(x - radius)), right = Math.min(width - 1, Math.ceil(x + radius));
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      const far = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      if (far <= radius || (Math.floor(x) === column && Math.floor(y) === row)) pixels[row * width + column] = which;
    }
  }
  return { left, top, right, bottom };
}

/** From one place to another without a gap. */
export function stroke(pixels, size, one, other, across, which) {
  const steps = Math.max(1, Math.ceil(Math.hypot(other.x - one.x, other.y - one.y) / Math.max(0.5, across / 4)));
  for (let index = 0; index <= steps; index += 1) {
    const share = index / steps;
    dab(pixels, size, { x: one.x + (other.x - one.x) * share, y: one.y + (other.y - one.y) * share }, across, which);
  }
}

/** All pixels that are joined to one and of its class. */
export function fill(pixels, { width, height }, { x, y }, which) {
  const first = Math.floor(y) * width + Math.floor(x);
  const was = pixels[first];
  if (was === undefined || was === which) return false;
  const open = [first];
  pixels[first] = which;
  while (open.length) {
    const at = open.pop();
    const column = at % width;
    for (const next of [column > 0 ? at - 1 : -1, column < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= width * height || pixels[next] !== was) continue;
      pixels[next] = which;
      open.push(next);
    }
  }
  return true;
}

/** What the tool in hand does from one place to another. */
export function used(draft, size, one, other) {
  const pixels = decoded(draft.runs, size);
  if (draft.tool === "fill") fill(pixels, size, other, draft.current);
  else stroke(pixels, size, one, other, SIZES[draft.size], draft.tool === "eraser" ? 0 : draft.current);
  return { ...draft, runs: encoded(pixels) };
}

export function press(draft, key, event, { keys, schema, size }) {
  if (keys.has(key)) {
    const current = schema.classes.findIndex((each) => each.name === keys.get(key)) + 1;
    return { ...draft, current, tool: draft.tool === "eraser" ? "brush" : draft.tool };
  }
  if (event.key === "[" || event.key === "]") return { ...draft, size: within(draft.size + (event.key === "]" ? 1 : -1), 0, SIZES.length - 1) };
  if (event.key === "Delete" || event.key === "Backspace") return { ...draft, tool: draft.tool === "eraser" ? "brush" : "eraser" };
  if (event.key === ";") return { ...draft, tool: draft.tool === "fill" ? "brush" : "fill" };
  const middle = { x: size.width / 2, y: size.height / 2 };
  const far = Math.max(1, SIZES[draft.size] / 2);
  const toward = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
  if (toward) {
    const one = draft.cursor ?? middle;
    const cursor = { x: within(one.x + toward[0], 0, size.width - 0.01), y: within(one.y + toward[1], 0, size.height - 0.01) };
    return { ...(event.shiftKey ? used(draft, size, one, cursor) : draft), cursor };
  }
  if (event.key === " ") return used({ ...draft, cursor: draft.cursor ?? middle }, size, draft.cursor ?? middle, draft.cursor ?? middle);
  return undefined;
}
