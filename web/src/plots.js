// Small plots: pure functions from figures to marks, drawn as SVG with a table of the same figures behind each.
import { useState } from "preact/hooks";
import { html } from "./html.js";

const WIDTH = 560;
const HEIGHT = 150;
const PAD = { left: 44, right: 12, top: 10, bottom: 24 };

/** Where numbers lie on an axis, and a few round ones to name. */
export function axis(low, high, from, to) {
  const span = high - low || 1;
  const step = 10 ** Math.floor(Math.log10(span));
  const size = span / step < 2 ? step / 2 : span / step < 5 ? step : step * 2;
  const ticks = [];
  for (let tick = Math.ceil(low / size) * size; tick <= high + size / 1e6; tick += size) ticks.push(Number(tick.toPrecision(12)));
  return { place: (value) => from + ((value - low) / span) * (to - from), ticks };
}

export const short = (value) => (value === null || value === undefined ? "–" : Math.abs(value) >= 100 || Number.isInteger(value) ? value.toLocaleString() : value.toFixed(2));

function Frame({ label, ticks, place, names, children, height = HEIGHT }) {
  return html`<svg class="plot" viewBox=${`0 0 ${WIDTH} ${height}`} role="img" aria-label=${label}>
    ${ticks.map((tick) => html`<g key=${tick}><line class="grid" x1=${PAD.left} x2=${WIDTH - PAD.right} y1=${place(tick)} y2=${place(tick)} /><text class="tick" x=${PAD.left - 6} y=${place(tick) + 4} text-anchor="end">${short(tick)}</text></g>`)}
    ${children}
    ${names.map(({ x, text }) => html`<text class="tick" x=${x} y=${height - 6} text-anchor="middle">${text}</text>`)}
  </svg>`;
}

const slots = (count) => {
  const room = (WIDTH - PAD.left - PAD.right) / Math.max(1, count);
  return { room, at: (index) => PAD.left + room * (index + 0.5) };
};

/** At most a dozen names below, evenly. */
const named = (rows, at) => {
  const every = Math.ceil(rows.length / 8);
  return rows.flatMap((row, index) => (index % every === 0 ? [{ x: at(index), text: row.short ?? row.name }] : []));
};

/** rows: [{name, value}] */
export function Bars({ label, rows }) {
  const most = Math.max(1, ...rows.map((each) => each.value));
  const { place, ticks } = axis(0, most, HEIGHT - PAD.bottom, PAD.top);
  const { room, at } = slots(rows.length);
  return html`<${Frame} label=${label} ticks=${ticks} place=${place} names=${named(rows, at)}>
    ${rows.map((each, index) => html`<rect key=${each.name} class="bar" x=${at(index) - room * 0.36} width=${room * 0.72} y=${place(each.value)} height=${Math.max(0, HEIGHT - PAD.bottom - place(each.value))}><title>${each.name}: ${short(each.value)}</title></rect>`)}
  <//>`;
}

/** rows: [{name, value, low, high, marked?}], with intervals; between `low` and 1. */
export function Dots({ label, rows, low = 0 }) {
  const least = Math.min(low, ...rows.map((each) => each.low ?? each.value ?? 0));
  const { place, ticks } = axis(least, 1, HEIGHT - PAD.bottom, PAD.top);
  const { at } = slots(rows.length);
  return html`<${Frame} label=${label} ticks=${ticks} place=${place} names=${named(rows, at)}>
    ${rows.map((each, index) =>
      each.value === null || each.value === undefined
        ? null
        : html`<g key=${each.name} class=${each.marked ? "dot marked" : "dot"}>
            ${each.low !== null && html`<line x1=${at(index)} x2=${at(index)} y1=${place(each.low)} y2=${place(each.high)} />`}
            <circle cx=${at(index)} cy=${place(each.value)} r="4" /><title>${each.name}: ${short(each.value)} (${short(each.low)} to ${short(each.high)})</title>
          </g>`,
    )}
  <//>`;
}

/** A plot with its title, and the table of the same figures. */
export function Plotted({ title, note, head, rows, children }) {
  const [open, setOpen] = useState(false);
  return html`<section class="figure" aria-label=${title}>
    <h3>${title}${note && html` <span class="quiet">${note}</span>`}</h3>
    ${rows.length ? children : html`<p class="quiet">Nothing yet.</p>`}
    ${rows.length > 0 && html`<button class="small" aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? "Hide the table" : "Table"}</button>`}
    ${open && html`<div class="sheet"><table><thead><tr>${head.map((each) => html`<th scope="col">${each}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td dir="auto">${cell}</td>`)}</tr>`)}</tbody></table></div>`}
  </section>`;
}
