import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";

const SMALL = 200;
const MARGIN = 48;
export const UNSHOWN = "Cannot be shown";
// Pixels as large as a thumb hide the shape that they make: a tiny picture is easiest to read at about this size.
const READABLE = 320;

/** The payload as large as the panel allows. `onPainted` is called once it stands on the screen. */
export function Sample({ task, stage, tools, onPainted, onRetry, onSkip }) {
  const { payload } = task;
  const panel = useRef(null);
  useLayoutEffect(() => {
    panel.current.scrollTop = 0;
    // Two frames: the first one lays the sample out, the second begins after it was painted.
    const painted = () => {
      panel.current.dataset.painted = task.task_id;
      onPainted();
    };
    let frame = requestAnimationFrame(() => (frame = requestAnimationFrame(painted)));
    return () => cancelAnimationFrame(frame);
  }, [task.payload]);
  const own = stage && payload.kind !== "broken" ? stage : null;
  return html`<div class=${`sample ${own && payload.kind === "image" ? "drawn" : ""}`} ref=${panel} tabindex=${payload.kind === "image" ? undefined : "0"} role="group" aria-label="Sample">${own ?? inside(payload, onRetry, onSkip)}${tools}</div>`;
}

function inside(payload, onRetry, onSkip) {
  if (payload.kind === "image") return html`<${Picture} payload=${payload} onBroken=${onRetry} />`;
  if (payload.kind === "audio") return html`<audio class="clip" controls src=${payload.url} onError=${onRetry}></audio>`;
  if (payload.kind === "table") return html`<${Table} ...${payload} />`;
  if (payload.kind === "broken") return html`<${Broken} payload=${payload} onRetry=${onRetry} onSkip=${onSkip} />`;
  const size = payload.code ? "code" : payload.text.length < 140 && !/[\n\t]/.test(payload.text) ? "short" : "long";
  return html`<p class=${`words ${size}`} dir="auto">${payload.text}</p>`;
}

/** A tiny picture grows by a whole factor, so that all its pixels are alike; a large one shrinks to fit. */
function Picture({ payload, onBroken }) {
  const [room, setRoom] = useState(null);
  const image = useRef(null);
  useLayoutEffect(() => {
    const panel = image.current.parentElement;
    const measure = () => setRoom({ width: panel.clientWidth - MARGIN, height: panel.clientHeight - MARGIN });
    const watcher = new ResizeObserver(measure);
    watcher.observe(panel);
    measure();
    return () => watcher.disconnect();
  }, []);
  const size = room && fitted(payload, room);
  const note = size && size.factor > 1 ? `, ${payload.width} by ${payload.height} pixels, enlarged` : "";
  return html`<img ref=${image} class=${`glass ${payload.width <= SMALL && payload.height <= SMALL ? "crisp" : ""}`} decoding="sync" src=${payload.url} width=${size?.width} height=${size?.height} alt=${`The sample to label${note}`} draggable=${false} onError=${onBroken} />`;
}

export function fitted({ width, height }, room) {
  const most = Math.max(2, READABLE / Math.max(width, height));
  const wish = Math.min(room.width / width, room.height / height, most);
  const factor = wish >= 2 ? Math.floor(wish) : wish;
  return { width: Math.round(width * factor), height: Math.round(height * factor), factor };
}

/** One record stands upright, a value per line, for a person reads it from top to bottom; several are a table. */
function Table({ head, rows, more }) {
  if (rows.length === 1) {
    return html`<div class="sheet"><table>
      <tbody>${rows[0].map((each, index) => html`<tr><th scope="row" dir="auto">${head ? head[index] : index + 1}</th><td dir="auto">${each}</td></tr>`)}</tbody>
    </table></div>`;
  }
  return html`<div class="sheet"><table>
    ${head && html`<thead><tr>${head.map((each) => html`<th scope="col" dir="auto">${each}</th>`)}</tr></thead>`}
    <tbody>${rows.map((row) => html`<tr>${row.map((each) => html`<td dir="auto">${each}</td>`)}</tr>`)}</tbody>
  </table>${more > 0 && html`<p class="quiet">And ${more} more rows that are not shown.</p>`}</div>`;
}

function Broken({ payload, onRetry, onSkip }) {
  return html`<div class="state" role="alert">
    <h2>This sample cannot be shown</h2>
    <p>${payload.why}</p>
    <div class="row"><button class="primary" onClick=${() => onSkip(UNSHOWN)}>Skip it <kbd aria-hidden="true">Enter</kbd></button>${!payload.final && html`<button onClick=${onRetry}>Try again</button>`}</div>
  </div>`;
}
