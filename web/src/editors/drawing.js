// The stages on which boxes, polygons and masks are drawn.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import * as boxes from "./boxes.js";
import * as mask from "./mask.js";
import { Plane } from "./plane.js";
import * as polygons from "./polygons.js";
import { palette, replaced } from "./things.js";

const HANDLE = 7;

function Tag({ x, y, scale, color, text }) {
  return html`<text class=${`tag ${color}`} x=${x} y=${y - 5 / scale} font-size=${13 / scale}>${text}</text>`;
}

/** What was drawn, for nobody to change; the same marks in an editor have handles. */
function Rectangle({ item, scale, color, selected }) {
  const { left, top, right, bottom, label } = item;
  return html`<g class=${`shape ${color} ${selected ? "selected" : ""}`}>
    <rect class="halo" x=${left} y=${top} width=${right - left} height=${bottom - top} stroke-width=${4 / scale} />
    <rect x=${left} y=${top} width=${right - left} height=${bottom - top} stroke-width=${(selected ? 3 : 2) / scale} />
    <${Tag} x=${left} y=${top} scale=${scale} color=${color} text=${label} />
  </g>`;
}

const corners = ({ left, top, right, bottom }) => [[left, top], [right, top], [right, bottom], [left, bottom]];

export function BoxStage({ payload, draft, set, schema, plane, size, readOnly }) {
  const [drag, setDrag] = useState(null);
  const { scale } = plane;
  const near = HANDLE / scale;
  const down = (at) => {
    if (readOnly) return;
    const chosen = draft.at === null ? null : draft.items[draft.at];
    const corner = chosen ? corners(chosen).findIndex(([x, y]) => Math.hypot(x - at.x, y - at.y) <= near * 1.5) : -1;
    if (corner >= 0) return setDrag({ what: "corner", fixed: toPoint(corners(chosen)[(corner + 2) % 4]), now: at });
    const hit = topmost(draft.items, at, near);
    if (hit !== null && hit === draft.at) return setDrag({ what: "box", from: at, now: at });
    if (hit !== null && !draft.current) return set({ ...draft, at: hit }, true);
    setDrag({ what: "new", from: at, now: at, hit });
  };
  const move = (at) => drag && setDrag({ ...drag, now: at });
  const up = () => {
    if (!drag) return;
    const next = result(drag);
    setDrag(null);
    if (next) set(next);
    else if (drag.what === "new") set({ ...draft, at: drag.hit ?? topmost(draft.items, drag.from, near) }, true);
  };
  function result({ what, from, fixed, now }) {
    if (what === "new") return far(from, now) ? boxes.drawn({ ...draft, at: null }, from, now, size, schema) : undefined;
    if (what === "box") return far(from, now) ? replaced(draft, draft.at, boxes.moved(draft.items[draft.at], now.x - from.x, now.y - from.y, size)) : undefined;
    const box = boxes.spanned(fixed, now, size);
    return box ? replaced(draft, draft.at, box) : undefined;
  }
  const far = (one, other) => Math.hypot(one.x - other.x, one.y - other.y) * scale > 3;
  const shown = (drag && result(drag)) || draft;
  return html`<${Plane} plane=${plane} payload=${payload} cursor=${readOnly ? "" : "draws"} label="The sample to label" onDown=${down} onMove=${move} onUp=${up}>
    ${shown.items.map((item, index) => html`<${Rectangle} key=${index} item=${item} scale=${scale} color=${palette(schema, item.label)} selected=${!readOnly && index === shown.at} />`)}
    ${!readOnly && shown.at !== null && shown.items[shown.at] && corners(shown.items[shown.at]).map(([x, y]) => html`<rect class="handle" x=${x - near / 2} y=${y - near / 2} width=${near} height=${near} stroke-width=${1.5 / scale} />`)}
  <//>`;
}

const toPoint = ([x, y]) => ({ x, y });

/** The smallest box that a place lies in. */
function topmost(items, { x, y }, near) {
  let best = null;
  items.forEach((each, index) => {
    const inside = x >= each.left - near && x <= each.right + near && y >= each.top - near && y <= each.bottom + near;
    const area = (each.right - each.left) * (each.bottom - each.top);
    if (inside && (best === null || area < best.area)) best = { index, area };
  });
  return best?.index ?? null;
}

const line = (points) => points.map(([x, y]) => `${x},${y}`).join(" ");

export function PolygonStage({ payload, draft, set, schema, plane, size, readOnly }) {
  const [drag, setDrag] = useState(null);
  const [hover, setHover] = useState(null);
  const { scale } = plane;
  const near = HANDLE / scale;
  const down = (at) => {
    if (readOnly) return;
    if (!draft.open.length && draft.at !== null) {
      const { points } = draft.items[draft.at];
      const corner = points.findIndex(([x, y]) => Math.hypot(x - at.x, y - at.y) <= near * 1.5);
      if (corner >= 0) return setDrag({ corner, from: at, now: at });
      if (within(points, at)) return setDrag({ corner: null, from: at, now: at });
    }
    const hit = draft.open.length ? null : draft.items.findLastIndex((each) => within(each.points, at));
    if (hit !== null && hit >= 0 && !draft.current) return set({ ...draft, at: hit, corner: null }, true);
    const next = polygons.pointed(draft, at, near * 1.5, size, schema);
    if (next) set(next);
  };
  const moved = (drag) => polygons.moved({ ...draft, corner: drag.corner }, drag.now.x - drag.from.x, drag.now.y - drag.from.y, size);
  const move = (at) => (drag ? setDrag({ ...drag, now: at }) : draft.open.length && setHover(at));
  const up = () => {
    if (!drag) return;
    const next = Math.hypot(drag.now.x - drag.from.x, drag.now.y - drag.from.y) * scale > 2 ? moved(drag) : { ...draft, corner: drag.corner };
    setDrag(null);
    if (next) set(next, polygons.quiet(draft, next));
  };
  const double = () => {
    const next = draft.open.length && polygons.closed(draft, schema);
    if (next) set(next);
  };
  const shown = (drag && moved(drag)) || draft;
  const open = draft.open.length ? [...draft.open, ...(hover ? [[hover.x, hover.y]] : [])] : [];
  return html`<${Plane} plane=${plane} payload=${payload} cursor=${readOnly ? "" : "draws"} label="The sample to label" onDown=${down} onMove=${move} onUp=${up} onDouble=${double}>
    ${shown.items.map((item, index) => html`<g key=${index} class=${`shape ${palette(schema, item.label)} ${!readOnly && index === shown.at ? "selected" : ""}`}>
      <polygon class="halo" points=${line(item.points)} stroke-width=${4 / scale} />
      <polygon points=${line(item.points)} stroke-width=${2 / scale} />
      <${Tag} ...${highest(item.points)} scale=${scale} color=${palette(schema, item.label)} text=${item.label} />
    </g>`)}
    ${!readOnly && shown.at !== null && shown.items[shown.at]?.points.map(([x, y], index) => html`<circle class=${`handle ${index === draft.corner ? "now" : ""}`} cx=${x} cy=${y} r=${near * 0.6} stroke-width=${1.5 / scale} />`)}
    ${open.length > 0 && html`<g class=${`shape ${palette(schema, boxes.classOf(draft, schema))}`}><polyline class="halo" points=${line(open)} stroke-width=${4 / scale} /><polyline points=${line(open)} stroke-width=${2 / scale} /><circle class="handle" cx=${open[0][0]} cy=${open[0][1]} r=${near * 0.7} stroke-width=${1.5 / scale} /></g>`}
  <//>`;
}

const highest = (points) => toPoint(points.reduce((best, each) => (each[1] < best[1] ? each : best)));

function within(points, { x, y }) {
  let found = false;
  points.forEach(([x1, y1], index) => {
    const [x2, y2] = points[(index + 1) % points.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) found = !found;
  });
  return found;
}

// As in app.css, for pixels.
export const COLORS = [[230, 80, 0], [0, 120, 220], [190, 0, 160], [0, 150, 90], [200, 160, 0], [120, 60, 220], [0, 160, 180], [220, 30, 60], [110, 130, 0], [130, 90, 60]];
const OPACITY = 140;

function paint(context, pixels, { width, height }) {
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const colors = new Uint32Array([0, ...COLORS.map(([r, g, b]) => (OPACITY << 24) | (b << 16) | (g << 8) | r)].map((each) => each >>> 0));
  for (let at = 0; at < pixels.length; at += 1) if (pixels[at]) words[at] = colors[((pixels[at] - 1) % COLORS.length) + 1];
  context.putImageData(image, 0, 0);
}

export function MaskStage({ payload, draft, set, schema, plane, size, readOnly }) {
  const canvas = useRef(null);
  const live = useRef(null);
  const [at, setAt] = useState(null);
  const show = (pixels) => paint(canvas.current.getContext("2d"), pixels, size);
  useLayoutEffect(() => show(mask.decoded(draft.runs, size)), [draft.runs, payload.url]);
  const which = draft.tool === "eraser" ? 0 : draft.current;
  const down = (place) => {
    if (readOnly) return;
    if (draft.tool === "fill") return set(mask.used(draft, size, place, place));
    live.current = { pixels: mask.decoded(draft.runs, size), last: place };
    move(place);
  };
  const move = (place) => {
    setAt(place);
    if (!live.current) return;
    mask.stroke(live.current.pixels, size, live.current.last, place, mask.SIZES[draft.size], which);
    live.current.last = place;
    show(live.current.pixels);
  };
  const up = () => {
    if (!live.current) return;
    const runs = mask.encoded(live.current.pixels);
    live.current = null;
    set({ ...draft, runs });
  };
  useEffect(() => setAt(draft.cursor), [draft.cursor]);
  const layer = html`<canvas ref=${canvas} width=${size.width} height=${size.height}></canvas>`;
  return html`<${Plane} plane=${plane} payload=${payload} canvas=${layer} cursor=${readOnly ? "" : "paints"} label="The sample to label" onDown=${down} onMove=${move} onUp=${up}>
    ${!readOnly && at && html`<circle class="brush" cx=${at.x} cy=${at.y} r=${Math.max(mask.SIZES[draft.size] / 2, 0.5)} stroke-width=${1.5 / plane.scale} /><circle class="brush inner" cx=${at.x} cy=${at.y} r=${Math.max(mask.SIZES[draft.size] / 2, 0.5)} stroke-width=${1 / plane.scale} />`}
  <//>`;
}
