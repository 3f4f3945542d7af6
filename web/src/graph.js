// The lineage picture without its drawing: what is known of the graph, and where it stands. Causes are left of the
// middle, consequences right of it; on each side a column for each kind, in the loop's order.

const LOOP = ["endpoint", "capture", "source", "sample", "selection", "feedback", "task", "batch", "annotation", "review", "consensus", "import", "version", "training", "evaluation", "model", "deployment"];
export const CARD = { width: 168, height: 46 };
const GAP = { across: 62, down: 14, head: 34 };

/** A graph of one piece, as the API tells it. */
export const graphOf = (piece) => grow({ middle: piece.middle, nodes: new Map(), edges: new Map() }, piece);

/** The graph with a piece more. What stood somewhere stays there; the new stands as far from the middle as its side of
 * the piece's own middle says. */
export function grow(graph, piece) {
  const nodes = new Map(graph.nodes);
  const edges = new Map(graph.edges);
  const base = nodes.get(piece.middle)?.step ?? 0;
  for (const each of piece.nodes) {
    const before = nodes.get(each.id);
    nodes.set(each.id, { ...each, title: each.title || before?.title || "", step: before ? before.step : stepOf(base, each.step), up: least(before?.up, each.up), down: least(before?.down, each.down) });
  }
  for (const each of piece.edges) edges.set(`${each.source} ${each.target}`, each);
  return { middle: graph.middle, nodes, edges };
}

/** Nothing beside the middle may come to stand in it. */
const stepOf = (base, step) => base + step || Math.sign(step);

const least = (one, other) => (one == null ? other : other == null ? one : Math.min(one, other));


/** Whether there is anything behind a node that the picture does not show: a number, "?" where nobody looked, or 0. */
export function hidden(node, side) {
  const left = node[side];
  if (left == null) return node.kind === "endpoint" || (side === "up" ? node.step < 0 : node.step > 0) ? "?" : 0;
  return left;
}

/** Where everything stands: {width, height, columns: [{kind, x}], places: Map(id → {x, y})}. */
export function layout(graph) {
  const columns = new Map();
  for (const node of graph.nodes.values()) {
    const key = columnOf(graph, node);
    if (!columns.has(key)) columns.set(key, []);
    columns.get(key).push(node);
  }
  const order = [...columns.keys()].sort((one, other) => one - other);
  const tallest = Math.max(...[...columns.values()].map((each) => each.length));
  const height = GAP.head + tallest * (CARD.height + GAP.down);
  const places = new Map();
  // From the middle outwards, so that each stands beside what it hangs on.
  const outwards = [...order].sort((one, other) => Math.abs(one) - Math.abs(other));
  for (const key of outwards) stack(columns.get(key), order.indexOf(key), height, graph, places);
  return {
    width: order.length * (CARD.width + GAP.across) + GAP.across,
    height: height + GAP.down,
    columns: order.map((key, index) => ({ kind: columns.get(key)[0].kind, x: left(index), side: Math.sign(key) })),
    places,
  };
}

const left = (index) => GAP.across + index * (CARD.width + GAP.across);

/** A number that orders columns; 0 is the middle's. */
function columnOf(graph, node) {
  if (node.id === graph.middle) return 0;
  const rank = LOOP.indexOf(node.kind) + 1;
  if (node.step > 0) return node.kind === "endpoint" ? LOOP.length + 1 : rank;
  return rank - LOOP.length - 2;
}

function stack(nodes, index, height, graph, places) {
  const wish = new Map(nodes.map((each) => [each.id, wished(each, graph, places)]));
  const sorted = [...nodes].sort((one, other) => wish.get(one.id) - wish.get(other.id) || (one.id < other.id ? -1 : 1));
  const row = CARD.height + GAP.down;
  const free = height - GAP.head - nodes.length * row;
  const top = GAP.head + free / 2;
  sorted.forEach((each, place) => places.set(each.id, { x: left(index), y: top + place * row }));
}

/** The mean height of what is placed already and joined to a node by an arrow. */
function wished(node, graph, places) {
  const heights = [];
  for (const edge of graph.edges.values()) {
    const other = edge.source === node.id ? edge.target : edge.target === node.id ? edge.source : null;
    if (other && places.has(other)) heights.push(places.get(other).y);
  }
  return heights.length ? heights.reduce((sum, each) => sum + each, 0) / heights.length : Infinity;
}

/** The path of an arrow between two places. */
export function arrow(from, to) {
  const middle = CARD.height / 2;
  const columns = Math.abs(to.x - from.x) / (CARD.width + GAP.across);
  if (from.x === to.x) {
    // Within a column: out at the right and in again.
    const x = from.x + CARD.width;
    return `M${x} ${from.y + middle}C${x + 44} ${from.y + middle} ${x + 44} ${to.y + middle} ${x + 7} ${to.y + middle}`;
  }
  const back = to.x < from.x;
  const start = { x: back ? from.x : from.x + CARD.width, y: from.y + middle };
  const end = { x: back ? to.x + CARD.width + 7 : to.x - 7, y: to.y + middle };
  const bend = Math.max(26, Math.abs(end.x - start.x) / 2) * (back ? -1 : 1);
  // Past the cards of columns between, not under them.
  const lift = columns > 1.5 && Math.abs(to.y - from.y) < CARD.height ? -1.15 * CARD.height : 0;
  return `M${start.x} ${start.y}C${start.x + bend / (lift ? 2 : 1)} ${start.y + lift} ${end.x - bend / (lift ? 2 : 1)} ${end.y + lift} ${end.x} ${end.y}`;
}

/** The node next to one in a direction: ArrowLeft, ArrowRight, ArrowUp or ArrowDown. */
export function beside(places, id, key) {
  const here = places.get(id);
  const ahead = { ArrowLeft: (at) => here.x - at.x, ArrowRight: (at) => at.x - here.x, ArrowUp: (at) => here.y - at.y, ArrowDown: (at) => at.y - here.y }[key];
  const upright = key === "ArrowUp" || key === "ArrowDown";
  let best = null;
  for (const [other, at] of places) {
    const far = ahead(at);
    if (far <= 0 || (upright && at.x !== here.x)) continue;
    const cost = far * 2 + Math.abs(upright ? 0 : at.y - here.y);
    if (!best || cost < best.cost) best = { other, cost };
  }
  return best?.other ?? null;
}

/** What a node is called on its card. */
export function nameOf(node) {
  if (node.title) return node.title;
  if (node.name.startsWith("arn:")) return node.name.split("/").slice(-2).join("/");
  return /^[0-9a-f]{24,}$/.test(node.name) ? node.name.slice(0, 10) : node.name;
}
