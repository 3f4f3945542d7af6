import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { CARD, arrow, beside, graphOf, grow, hidden, layout, nameOf } from "./graph.js";
import { html } from "./html.js";
import { moment } from "./mine.js";

const STEPS = 12;
const WIDE_FAN = 50;
const SIDES = ["up", "down"];
const MARKS = { endpoint: "k1", capture: "k1", source: "k1", deployment: "k1", sample: "k6", selection: "k6", task: "k6", batch: "k6", feedback: "k6", annotation: "k4", review: "k4", consensus: "k4", import: "k3", version: "k3", training: "k5", evaluation: "k5", model: "k5" };
const PLURALS = { endpoint: "Endpoints", capture: "Captures", source: "Sources", sample: "Samples", selection: "Selections", feedback: "Feedback", task: "Tasks", batch: "Batches", annotation: "Answers", review: "Reviews", consensus: "Labels", import: "Imports", version: "Versions", training: "Trainings", evaluation: "Evaluations", model: "Models", deployment: "Deployments" };

/** The address of a thing's lineage. */
export const lineageOf = (project, id) => `#/${encodeURIComponent(project)}/lineage/${encodeURIComponent(id)}`;

/** Who came from whom: causes on the left, consequences on the right. */
export function Lineage({ api, about, id, onTrouble }) {
  const [graph, setGraph] = useState(null);
  const [trouble, setTrouble] = useState("");
  const [looked, setLooked] = useState(null);
  const [said, setSaid] = useState("");
  const wanted = useRef("");

  async function read(what, steps, fan) {
    try {
      return await api.lineage(about.name, what, steps, fan);
    } catch (error) {
      if (error.status === 401) onTrouble(error);
      else if (wanted.current === id) return error.message;
    }
  }
  useEffect(() => {
    wanted.current = id;
    setGraph(null), setTrouble(""), setSaid("");
    if (!id) return;
    read(id, STEPS).then((found) => {
      if (!found || wanted.current !== id) return;
      if (typeof found === "string") return setTrouble(found);
      const made = graphOf(found);
      setGraph(made), setLooked(made.middle);
      setSaid(`${made.nodes.size} things around ${nameOf(made.nodes.get(made.middle))}`);
    });
  }, [about.name, id]);
  const expand = async (node) => {
    const found = await read(node.id, 1, WIDE_FAN);
    if (!found) return;
    if (typeof found === "string") return setSaid(found);
    const grown = grow(graph, found);
    setSaid(`${grown.nodes.size - graph.nodes.size} more`);
    setGraph(grown);
  };
  const centre = (other) => (location.hash = lineageOf(about.name, other));
  return html`<main class="lineage">
    <${Find} id=${id} onFind=${centre} />
    ${trouble && html`<div class="state" role="alert"><h2>Nothing to see of that</h2><p>${trouble}</p></div>`}
    ${!id && html`<div class="state"><h2>Where does it come from, and what came of it?</h2><p>Name a capture, sample, task, answer, label, version, run or model: its id, or its kind and id as in <code>task:4f1c…</code>. A version may be called v3.</p></div>`}
    ${id && !graph && !trouble && html`<p class="state slow" role="status">Loading…</p>`}
    ${graph && html`<div class="seen"><${Picture} graph=${graph} looked=${looked} onLook=${setLooked} onExpand=${expand} onCentre=${centre} /><${Facts} graph=${graph} id=${looked} onExpand=${expand} onCentre=${centre} onLook=${setLooked} /></div>`}
    <p class="unseen" role="status" aria-live="polite">${said}</p>
  </main>`;
}

function Find({ id, onFind }) {
  const [text, setText] = useState(id || "");
  useEffect(() => setText(id || ""), [id]);
  const find = (event) => (event.preventDefault(), text.trim() && onFind(text.trim()));
  return html`<form class="find" onSubmit=${find}>
    <label class="unseen" for="lineage-id">Of what</label>
    <input id="lineage-id" value=${text} placeholder="kind:id, an id alone, or v3" spellcheck=${false} onInput=${(event) => setText(event.target.value)} />
    <button>Show</button>
  </form>`;
}

function Picture({ graph, looked, onLook, onExpand, onCentre }) {
  const box = useRef(null);
  const [scale, setScale] = useState(1);
  const plan = useMemo(() => layout(graph), [graph]);
  const { places } = plan;
  const near = useMemo(() => new Set([...graph.edges.values()].flatMap((each) => (each.source === looked || each.target === looked ? [each.source, each.target] : []))), [graph, looked]);
  useEffect(() => {
    const at = places.get(graph.middle);
    const { clientWidth, clientHeight } = box.current;
    box.current.scrollTo(scale * (at.x + CARD.width / 2) - clientWidth / 2, scale * (at.y + CARD.height / 2) - clientHeight / 2);
  }, [graph.middle, scale]);
  const whole = () => setScale(Math.max(0.2, Math.min(1, box.current.clientWidth / plan.width, box.current.clientHeight / plan.height)));
  const press = (event, node) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow")) {
      const other = beside(places, node.id, event.key);
      if (other) box.current.querySelector(`[data-id="${CSS.escape(other)}"]`)?.focus();
    } else if (event.key === "Enter") onCentre(node.id);
    else if (event.key === " " || event.key === "+") onExpand(node);
    else return;
    event.preventDefault();
  };
  return html`<div class="drawn-graph"><div class="graph" ref=${box} role="group" aria-label="Lineage: causes left, consequences right">
    <svg width=${plan.width * scale} height=${plan.height * scale} viewBox=${`0 0 ${plan.width} ${plan.height}`}>
      <defs><marker id="tip" viewBox="0 0 8 8" refX="1" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" /></marker></defs>
      ${plan.columns.map((each) => html`<text class="column" key=${`${each.kind} ${each.x}`} x=${each.x} y="20">${PLURALS[each.kind]}</text>`)}
      ${[...graph.edges.values()].map((each) => html`<path class=${`arrow ${each.source === looked || each.target === looked ? "near" : ""}`} key=${`${each.source} ${each.target}`} d=${arrow(places.get(each.source), places.get(each.target))} marker-end="url(#tip)"><title>${tell(each)}</title></path>`)}
      ${[...graph.nodes.values()].map((each) => html`<${Card} key=${each.id} node=${each} at=${places.get(each.id)} middle=${each.id === graph.middle} looked=${each.id === looked} far=${near.size > 0 && !near.has(each.id) && each.id !== looked} onLook=${onLook} onPress=${press} onExpand=${onExpand} onCentre=${onCentre} />`)}
    </svg>
    </div>
    <div class="tools" role="group" aria-label="Size"><button aria-pressed=${scale < 1} onClick=${() => (scale < 1 ? setScale(1) : whole())}>${scale < 1 ? "Readable" : "Whole"}</button></div>
  </div>`;
}

function Card({ node, at, middle, looked, far, onLook, onPress, onExpand, onCentre }) {
  const { width, height } = CARD;
  const kinds = ["card", MARKS[node.kind], middle && "middle", looked && "looked", far && "far"].filter(Boolean).join(" ");
  const name = nameOf(node);
  return html`<g transform=${`translate(${at.x} ${at.y})`} class=${kinds}>
    <g role="button" tabindex=${middle ? 0 : -1} data-id=${node.id} aria-label=${`${node.kind} ${name}${middle ? ", in the middle" : ""}`} aria-current=${looked ? "true" : undefined} onFocus=${() => onLook(node.id)} onMouseEnter=${() => onLook(node.id)} onClick=${(event) => event.currentTarget.focus()} onDblClick=${() => onCentre(node.id)} onKeyDown=${(event) => onPress(event, node)}>
      <rect class="face" width=${width} height=${height} rx="9" />
      <path class="stripe" d=${`M9 0H6a6 9 0 0 0-6 9V${height - 9}a6 9 0 0 0 6 9h3z`} />
      <text class="kind" x="18" y="17">${node.kind}${node.title && ` ${cut(nameOf({ ...node, title: "" }), 22 - node.kind.length)}`}</text>
      <text class="name" x="18" y="35">${cut(name)}</text>
    </g>
    ${SIDES.map((side) => hidden(node, side) !== 0 && html`<${More} key=${side} node=${node} side=${side} onExpand=${onExpand} />`)}
  </g>`;
}

/** What the picture leaves out behind a node. */
function More({ node, side, onExpand }) {
  const left = hidden(node, side);
  const text = left === "?" ? "+" : `+${left}${node.at_least ? "…" : ""}`;
  const wide = 14 + 7 * text.length;
  const what = side === "up" ? "causes" : "consequences";
  return html`<g class="more" role="button" tabindex="-1" aria-label=${`Show ${left === "?" ? "" : left} more ${what} of ${node.kind} ${nameOf(node)}`} transform=${`translate(${side === "up" ? -wide / 2 - 3 : CARD.width - wide / 2 + 3} ${CARD.height - 10})`} onClick=${() => onExpand(node)}>
    <title>${left === "?" ? `Look for ${what}` : `${left}${node.at_least ? " or more" : ""} ${what} that are not shown`}</title>
    <rect width=${wide} height="20" rx="10" /><text x=${wide / 2} y="14">${text}</text>
  </g>`;
}

/** Of what is looked at: its whole name, and who drew its arrows, when, and of what. */
function Facts({ graph, id, onExpand, onCentre, onLook }) {
  const node = graph.nodes.get(id);
  const [copied, setCopied] = useState("");
  if (!node) return null;
  const edges = [...graph.edges.values()];
  const left = SIDES.some((side) => node[side] !== 0);
  const copy = () => navigator.clipboard?.writeText(node.id).then(() => setCopied(node.id));
  return html`<aside class="facts" aria-label="What is looked at">
    <h2><span class=${`swatch ${MARKS[node.kind]}`}></span>${node.kind} ${node.title || ""}</h2>
    <p class="id">${node.name}</p>
    <div class="row">
      ${id !== graph.middle && html`<button class="small" onClick=${() => onCentre(id)}>To the middle <kbd aria-hidden="true">Enter</kbd></button>`}
      ${left && html`<button class="small" onClick=${() => onExpand(node)}>Show more <kbd aria-hidden="true">+</kbd></button>`}
      <button class="small" onClick=${copy}>${copied === node.id ? "Copied" : "Copy"}</button>
    </div>
    <${Arrows} title="came from" edges=${edges.filter((each) => each.target === id)} end="source" graph=${graph} onLook=${onLook} />
    <${Arrows} title="led to" edges=${edges.filter((each) => each.source === id)} end="target" graph=${graph} onLook=${onLook} />
    <p class="hint quiet">Arrow keys go from card to card; a double click puts one into the middle.</p>
  </aside>`;
}

const MOST_ARROWS = 8;

function Arrows({ title, edges, end, graph, onLook }) {
  if (!edges.length) return null;
  const sorted = [...edges].sort((one, other) => (one.at < other.at ? -1 : 1));
  return html`<section><h3>${title}</h3><ul>
    ${sorted.slice(0, MOST_ARROWS).map((each) => {
      const other = graph.nodes.get(each[end]);
      return html`<li key=${each[end]}><button class="plain" onClick=${() => onLook(other.id)}>${other.kind} ${nameOf(other)}</button><span class="quiet">${each.note && each.note !== other.title && html`<b>${each.note}</b>, `}${short(each.actor)}, <time datetime=${each.at}>${moment(new Date(each.at))}</time></span>${each[`${end}_hash`] && html`<code title=${each[`${end}_hash`]}>sha256 ${each[`${end}_hash`].slice(0, 12)}</code>`}</li>`;
    })}
  </ul>${sorted.length > MOST_ARROWS && html`<p class="quiet">and ${sorted.length - MOST_ARROWS} more in the picture</p>`}</section>`;
}

const tell = (edge) => `${edge.note ? `${edge.note}: ` : ""}${short(edge.actor)}, ${moment(new Date(edge.at))}${edge.target_hash ? `, sha256 ${edge.target_hash.slice(0, 12)}` : ""}`;
const cut = (text, most = 18) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
/** Names of the user pool are long ids; their beginning tells people apart. */
const short = (name) => (/^[0-9a-f-]{36}$/.test(name) ? name.slice(0, 8) : name);
