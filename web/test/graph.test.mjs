import assert from "node:assert/strict";
import { test } from "node:test";
import { CARD, arrow, beside, graphOf, grow, hidden, layout, nameOf } from "../src/graph.js";

const node = (id, step, more = {}) => ({ id, kind: id.split(":")[0], name: id.split(":")[1], title: "", step, up: 0, down: 0, at_least: false, ...more });
const edge = (source, target) => ({ source, target, actor: "ada", at: "2026-05-03T10:00:00Z", note: "" });
const piece = () => ({
  middle: "version:2",
  nodes: [node("version:2", 0), node("consensus:a", -1), node("version:1", -1), node("annotation:x", -2, { up: null }), node("training:t", 1), node("version:3", 1), node("model:m", 2), node("endpoint:e", 3, { up: null, down: null })],
  edges: [edge("consensus:a", "version:2"), edge("version:1", "version:2"), edge("annotation:x", "consensus:a"), edge("version:2", "training:t"), edge("version:2", "version:3"), edge("training:t", "model:m"), edge("model:m", "endpoint:e")],
});

test("causes stand left, consequences right, each kind in a column of the loop's order", () => {
  const { columns, places } = layout(graphOf(piece()));
  assert.deepEqual(columns.map((each) => each.kind), ["annotation", "consensus", "version", "version", "version", "training", "model", "endpoint"]);
  const x = (id) => places.get(id).x;
  for (const { source, target } of piece().edges) assert.ok(x(source) < x(target), `${source} ${target}`);
});

test("no two cards lie on each other, and all lie within the picture", () => {
  const { width, height, places } = layout(graphOf(piece()));
  const all = [...places.values()];
  for (const one of all) {
    assert.ok(one.x >= 0 && one.y >= 0 && one.x + CARD.width <= width && one.y + CARD.height <= height);
    for (const other of all) assert.ok(one === other || one.x !== other.x || Math.abs(one.y - other.y) >= CARD.height);
  }
});

test("a served endpoint is where the picture ends, whatever lies behind it", () => {
  const graph = graphOf(piece());
  assert.equal(hidden(graph.nodes.get("endpoint:e"), "down"), "?");
  assert.equal(hidden(graph.nodes.get("annotation:x"), "up"), "?");
  assert.equal(hidden(graph.nodes.get("version:2"), "up"), 0);
});

test("a piece more leaves what stands in its place, and nothing comes to stand in the middle", () => {
  const graph = graphOf(piece());
  const more = {
    middle: "annotation:x",
    nodes: [node("annotation:x", 0), node("task:t", -1), node("consensus:a", 1), node("consensus:b", 1, { up: null, down: null })],
    edges: [edge("task:t", "annotation:x"), edge("annotation:x", "consensus:a"), edge("annotation:x", "consensus:b")],
  };
  const grown = grow(graph, more);
  assert.deepEqual([grown.nodes.size, grown.edges.size], [10, 9]);
  assert.equal(grown.nodes.get("task:t").step, -3);
  assert.equal(grown.nodes.get("consensus:a").step, -1);
  assert.equal(hidden(grown.nodes.get("annotation:x"), "up"), 0);
  const deep = grow(graph, { middle: "version:1", nodes: [node("version:1", 0), node("training:old", 1)], edges: [edge("version:1", "training:old")] });
  assert.equal(deep.nodes.get("training:old").step, 1);
});

test("arrow keys go to the card that lies there", () => {
  const { places } = layout(graphOf(piece()));
  assert.equal(beside(places, "version:2", "ArrowRight"), "version:3");
  assert.equal(beside(places, "training:t", "ArrowRight"), "model:m");
  assert.equal(beside(places, "version:2", "ArrowUp"), null);
  assert.equal(beside(places, "endpoint:e", "ArrowRight"), null);
  assert.ok(["version:1"].includes(beside(places, "version:2", "ArrowLeft")));
});

test("an arrow goes from card to card, and within a column around", () => {
  const { places } = layout(graphOf(piece()));
  for (const { source, target } of piece().edges) assert.match(arrow(places.get(source), places.get(target)), /^M[\d.]+ [\d.]+C(-?[\d.]+ ){5}-?[\d.]+$/);
  assert.match(arrow({ x: 10, y: 10 }, { x: 10, y: 90 }), /^M178 33C222 33 222 113 185 113$/);
});

test("what is long is called by what tells it apart", () => {
  assert.equal(nameOf(node("version:" + "a".repeat(64), 0, { title: "v7" })), "v7");
  assert.equal(nameOf(node("sample:" + "a".repeat(64), 0)), "aaaaaaaaaa");
  assert.equal(nameOf({ name: "arn:aws:sagemaker:us-east-1:1:model-package/pets/3", title: "" }), "pets/3");
  assert.equal(nameOf(node("training:trueup-pets-v1", 0)), "trueup-pets-v1");
});
