// What stands beside the sample while an answer is built: classes, things drawn, reasons.
import { html } from "../html.js";
import { multilabel, PREFERRED, steps } from "./choices.js";
import { SIZES } from "./mask.js";
import { spanText } from "./wording.js";
import { palette, removed } from "./things.js";
import { press as pressSpans, related } from "./spans.js";

const keyNames = (keys) => new Map([...keys].map(([key, name]) => [name, key]));

function Choice({ name, description, keyName, pressed, disabled, tone, onClick }) {
  return html`<li><button aria-disabled=${disabled} aria-pressed=${pressed} aria-keyshortcuts=${keyName} onClick=${onClick}>
    <kbd aria-hidden="true">${keyName || "–"}</kbd>${tone && html`<i class=${`swatch ${tone}`} aria-hidden="true"></i>`}<span dir="auto">${name}${description && html`<small>${description}</small>`}</span>
  </button></li>`;
}

export function ClassPanel({ title, schema, keys, ready, pressed, onChoose, colored }) {
  const named = keyNames(keys);
  const wide = schema.classes.some((each) => each.description || each.name.length > 12);
  return html`<section class=${`choices ${colored ? "narrow" : ""}`} aria-label="Classes"><h2>${title}</h2>
    <ul class=${wide ? "wide" : ""}>${schema.classes.map((each) => html`<${Choice} key=${each.name} name=${each.name} description=${each.description} keyName=${named.get(each.name)} pressed=${pressed(each.name)} disabled=${!ready} tone=${colored && palette(schema, each.name)} onClick=${() => ready && onChoose(each.name)} />`)}</ul>
  </section>`;
}

export const MultilabelPanel = ({ schema, keys, ready, draft, set }) =>
  html`<${ClassPanel} title="Which classes are there?" schema=${schema} keys=${keys} ready=${ready} pressed=${(name) => draft.chosen.includes(name)} onChoose=${(name) => set(multilabel.toggle(draft, name))} />`;

/** Text that is written: Ctrl and Enter send it, Escape gives the keys back. */
export function Writing({ label, value, rows, onInput, onSubmit, hint }) {
  const press = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.preventDefault(), onSubmit();
    if (event.key === "Escape") event.target.blur();
  };
  return html`<label class="writing">${label} ${hint && html`<span class="quiet">${hint}</span>`}<textarea rows=${rows} maxlength="20000" value=${value} onInput=${(event) => onInput(event.target.value)} onKeyDown=${press} dir="auto"></textarea></label>`;
}

export const TextPanel = ({ draft, set, submit }) =>
  html`<section class="choices" aria-label="Answer"><${Writing} label="What is it?" hint="Ctrl Enter sends" rows="6" value=${draft.text} onInput=${(text) => set({ text })} onSubmit=${submit} /></section>`;

export function RatingPanel({ schema, ready, draft, set, submit }) {
  return html`<section class="choices" aria-label="Rating"><h2>How good is it?</h2>
    <ul class="row-of" role="group">${steps(schema.scale).map(({ number, key }) => html`<li key=${number}><button aria-disabled=${!ready} aria-pressed=${draft.rating === number} aria-keyshortcuts=${key} onClick=${() => ready && set({ ...draft, rating: number })}>${number}</button></li>`)}</ul>
    <${Writing} label="Why?" rows="2" value=${draft.critique} onInput=${(critique) => set({ ...draft, critique })} onSubmit=${submit} />
  </section>`;
}

export function PreferencePanel({ ready, draft, set, submit }) {
  return html`<section class="choices" aria-label="Preference"><h2>Which answer is better?</h2>
    <ul class="wide">${PREFERRED.map(({ name, key, title }) => html`<${Choice} key=${name} name=${title} keyName=${key} pressed=${draft.preferred === name} disabled=${!ready} onClick=${() => ready && set({ ...draft, preferred: name })} />`)}</ul>
    <${Writing} label="Why?" rows="2" value=${draft.critique} onInput=${(critique) => set({ ...draft, critique })} onSubmit=${submit} />
  </section>`;
}

/** The things that were drawn, each a button: to see, to choose and to remove without a pointer. */
function Things({ title, rows, draft, set }) {
  const choose = (index) => set({ ...draft, at: draft.at === index ? null : index }, true);
  return html`<section class="things" aria-label=${title}><h2>${title} <span class="quiet">${rows.length || "none yet"}</span></h2>
    <ul>${rows.map((row, index) => html`<li key=${index}><button class="small" aria-pressed=${draft.at === index} onClick=${() => choose(index)}><i class=${`swatch ${row.tone}`} aria-hidden="true"></i><span dir="auto">${row.text}</span></button></li>`)}</ul>
  </section>`;
}

const pressedOf = (draft, schema) => (name) => (draft.at === null ? (draft.current ?? schema.classes[0].name) === name : draft.items[draft.at]?.label === name);

export function BoxPanel({ schema, keys, ready, draft, set, act, what = "Boxes", extent = (each) => `${Math.round(each.right - each.left)} × ${Math.round(each.bottom - each.top)}` }) {
  const rows = draft.items.map((each) => ({ tone: palette(schema, each.label), text: `${each.label} · ${extent(each)}` }));
  return html`<${ClassPanel} title="Draw with" schema=${schema} keys=${keys} ready=${ready} pressed=${pressedOf(draft, schema)} onChoose=${act.choose} colored=${true} />
    <${Things} title=${what} rows=${rows} draft=${draft} set=${set} />
    <div class="row hints"><button class="small" disabled=${draft.at === null} aria-keyshortcuts="Delete" onClick=${() => set(removed(draft))}>Remove <kbd aria-hidden="true">Del</kbd></button></div>`;
}

export const PolygonPanel = (given) => html`<${BoxPanel} ...${given} what="Polygons" extent=${(each) => `${each.points.length} corners`} />`;

export function MaskPanel({ schema, keys, ready, draft, set, act }) {
  const tool = (name, title, key) => html`<button class="small" aria-pressed=${draft.tool === name} aria-keyshortcuts=${key} onClick=${() => set({ ...draft, tool: draft.tool === name ? "brush" : name }, true)}>${title} <kbd aria-hidden="true">${key === "Delete" ? "Del" : key}</kbd></button>`;
  const wider = (by) => set({ ...draft, size: Math.min(Math.max(draft.size + by, 0), SIZES.length - 1) }, true);
  return html`<${ClassPanel} title="Paint with" schema=${schema} keys=${keys} ready=${ready} pressed=${(name) => draft.tool !== "eraser" && schema.classes[draft.current - 1]?.name === name} onChoose=${act.choose} colored=${true} />
    <div class="row hints" role="toolbar" aria-label="Brush">
      ${tool("eraser", "Eraser", "Delete")}${tool("fill", "Fill", ";")}
      <button class="small" aria-label="Smaller brush" onClick=${() => wider(-1)}><kbd aria-hidden="true">[</kbd></button><span class="quiet" role="status">${SIZES[draft.size]} px</span><button class="small" aria-label="Larger brush" onClick=${() => wider(1)}><kbd aria-hidden="true">]</kbd></button>
    </div>`;
}

export function SpanPanel({ schema, keys, relationKeys, ready, draft, set, act, payload }) {
  const text = payload.raw ?? payload.text ?? "";
  const rows = draft.items.map((each) => ({ tone: palette(schema, each.label), text: `${each.label} · ${spanText(text, each)}` }));
  const named = keyNames(relationKeys);
  const begin = () => set(pressSpans(draft, "enter", { key: "Enter", shiftKey: true }, { keys, relationKeys, text }), true);
  const link = (name) => {
    const next = related(draft, name);
    if (next) set(next);
  };
  const drop = (index) => set({ ...draft, relations: draft.relations.filter((_, place) => place !== index) });
  const pressed = (name) => (draft.at === null ? draft.current === name : draft.items[draft.at]?.label === name);
  return html`<${ClassPanel} title=${draft.marked ? "What is it?" : "Mark text, then choose"} schema=${schema} keys=${keys} ready=${ready} pressed=${pressed} onChoose=${act.choose} colored=${true} />
    <${Things} title="Spans" rows=${rows} draft=${draft} set=${set} />
    <div class="row hints"><button class="small" disabled=${draft.at === null} onClick=${() => act.key("Delete")}>Remove <kbd aria-hidden="true">Del</kbd></button>
      ${schema.relations?.length > 0 && html`<button class="small" disabled=${draft.at === null} aria-pressed=${draft.from !== null} onClick=${begin}>Relate… <kbd aria-hidden="true">⇧ Enter</kbd></button>`}</div>
    ${schema.relations?.length > 0 && html`<section class="things" aria-label="Relations"><h2>Relations <span class="quiet">${draft.from !== null ? `from “${spanText(text, draft.items[draft.from])}” to another span` : draft.relations.length || "none yet"}</span></h2>
      ${draft.from !== null && html`<ul class="row-of">${schema.relations.map((each) => html`<li key=${each.name}><button class="small" disabled=${draft.at === null || draft.at === draft.from} onClick=${() => link(each.name)}><kbd aria-hidden="true">${named.get(each.name)}</kbd> ${each.name}</button></li>`)}</ul>`}
      <ul>${draft.relations.map((each, index) => html`<li key=${index} class="relation"><span dir="auto">${spanText(text, draft.items[each.from])} <b>${each.label}</b> ${spanText(text, draft.items[each.to])}</span><button class="small" aria-label=${`Remove the relation ${each.label}`} onClick=${() => drop(index)}>✕</button></li>`)}</ul>
    </section>`}`;
}
