import assert from "node:assert/strict";
import test from "node:test";
import * as boxes from "../src/editors/boxes.js";
import { multilabel, preference, rating, steps, text } from "../src/editors/choices.js";
import { describe, valueOf } from "../src/editors/describe.js";
import { back, makeDrafts, step } from "../src/editors/draft.js";
import * as mask from "../src/editors/mask.js";
import * as polygons from "../src/editors/polygons.js";
import * as spans from "../src/editors/spans.js";
import * as things from "../src/editors/things.js";

const schema = { classes: [{ name: "cat" }, { name: "dog" }], relations: [{ name: "chases" }], scale: { low: 1, high: 5 } };
const keys = new Map([["1", "cat"], ["2", "dog"]]);
const relationKeys = new Map([["1", "chases"]]);
const size = { width: 100, height: 80 };
const about = { schema, keys, relationKeys, size };
const key = (name, more = {}) => ({ key: name, ...more });
const play = (model, draft, events, more = {}) => events.reduce((now, event) => model.press(now, event.key.toLowerCase(), event, { ...about, ...more }) ?? now, draft);

test("a draft goes back step by step, and what is only selected is no step", () => {
  let state = { now: { n: 0 }, past: [] };
  state = step(state, { n: 1 });
  state = step(state, { n: 1, at: 2 }, true);
  state = step(state, { n: 2 });
  assert.deepEqual(back(state).now, { n: 1, at: 2 });
  assert.deepEqual(back(back(state)).now, { n: 0 });
  assert.deepEqual(back(back(back(state))).now, { n: 0 });
});

test("drafts outlive a reload, a dozen of them, and a full store", () => {
  const kept = new Map();
  const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
  const drafts = makeDrafts(storage);
  for (let index = 0; index < 20; index += 1) drafts.write(`t${index}`, { index });
  assert.equal(makeDrafts(storage).read("t19").index, 19);
  assert.equal(drafts.read("t3"), null);
  drafts.drop("t19");
  assert.equal(drafts.read("t19"), null);
  storage.setItem = () => {
    throw new Error("quota");
  };
  drafts.write("t1", {});
});

test("several classes are toggled", () => {
  const draft = play(multilabel, multilabel.start(), [key("1"), key("2"), key("1"), key("x")]);
  assert.equal(multilabel.label(draft), '{"classes":["dog"]}');
  assert.deepEqual(multilabel.from({ classes: ["cat"] }), { chosen: ["cat"] });
});

test("an empty text is no answer", () => {
  assert.equal(text.label({ text: "  " }), null);
  assert.equal(text.label({ text: " a\nb " }), '{"text":"a\\nb"}');
});

test("ratings by digits and by arrows, within the scale", () => {
  assert.equal(rating.label(rating.start()), null);
  const draft = play(rating, rating.start(), [key("ArrowRight"), key("ArrowRight")]);
  assert.equal(rating.label({ ...draft, critique: " dull " }), '{"rating":2,"critique":"dull"}');
  assert.equal(play(rating, draft, [key("5"), key("ArrowUp"), key("9")]).rating, 5);
  assert.deepEqual(steps({ low: -1, high: 1 }).map((each) => each.key), ["1", "2", "3"]);
  assert.deepEqual(steps({ low: 0, high: 2 }).map((each) => each.key), ["0", "1", "2"]);
});

test("preferences by digits and by arrows", () => {
  assert.equal(preference.label(preference.start()), null);
  assert.equal(preference.label(play(preference, preference.start(), [key("ArrowRight")])), '{"preferred":"second","critique":""}');
  assert.equal(play(preference, preference.start(), [key("3")]).preferred, "tie");
});

test("boxes are drawn, relabelled, moved, resized and removed by keys", () => {
  let draft = play(boxes, boxes.start(), [key("2"), key("Enter", { shiftKey: true })]);
  assert.deepEqual(draft.items, [{ label: "dog", left: 37.5, top: 30, right: 62.5, bottom: 50 }]);
  draft = play(boxes, draft, [key("1"), key("ArrowLeft"), key("ArrowDown"), key("ArrowRight", { shiftKey: true })]);
  assert.deepEqual(draft.items, [{ label: "cat", left: 36.5, top: 31, right: 62.5, bottom: 51 }]);
  assert.equal(boxes.label(draft, size), '{"width":100,"height":80,"boxes":[{"label":"cat","left":36.5,"top":31,"right":62.5,"bottom":51}]}');
  assert.deepEqual(play(boxes, draft, [key("Delete")]).items, []);
});

test("boxes by the pointer end at the image's edge, and without extent they are none", () => {
  const draft = boxes.drawn(boxes.start(), { x: 90, y: 70 }, { x: 140, y: -9 }, size, schema);
  assert.deepEqual(draft.items, [{ label: "cat", left: 90, top: 0, right: 100, bottom: 70 }]);
  assert.equal(boxes.drawn(draft, { x: 5, y: 5 }, { x: 5.5, y: 40 }, size, schema), undefined);
  assert.deepEqual(boxes.moved(draft.items[0], 50, 50, size), { left: 90, top: 10, right: 100, bottom: 80 });
});

test("things are selected in turn, and none", () => {
  let draft = { ...things.start(), items: [{ label: "cat" }, { label: "dog" }] };
  const seen = [];
  for (let index = 0; index < 4; index += 1) seen.push((draft = things.cycled(draft, 1)).at);
  assert.deepEqual(seen, [0, 1, null, 0]);
  assert.equal(things.cycled(draft, -1).at, null);
  assert.equal(things.cycled(things.start(), 1), undefined);
  assert.equal(things.removed({ ...draft, at: null }), undefined);
});

test("a polygon is closed by its first corner or by Enter, and is no answer before", () => {
  const click = (draft, x, y) => polygons.pointed(draft, { x, y }, 3, size, schema) ?? draft;
  let draft = click(click(polygons.start(), 10, 10), 30, 10);
  assert.equal(polygons.label(draft, size), null);
  assert.equal(polygons.press(draft, "enter", key("Enter"), about), undefined);
  draft = click(click(draft, 30, 500), 11, 11);
  assert.deepEqual(draft.items, [{ label: "cat", points: [[10, 10], [30, 10], [30, 80]] }]);
  draft = play(polygons, draft, [key("End"), key("ArrowRight")]);
  assert.deepEqual(draft.items[0].points[0], [11, 10]);
  draft = play(polygons, draft, [key("Escape")]);
  draft = play(polygons, click(draft, 1, 1), [key("Escape")]);
  assert.deepEqual([draft.open, draft.items.length], [[], 1]);
});

test("a polygon moves as far as the image goes", () => {
  const draft = { ...polygons.start(), items: [{ label: "cat", points: [[90, 70], [99, 70], [99, 79]] }], at: 0 };
  assert.deepEqual(polygons.moved(draft, 50, 50, size).items[0].points, [[91, 71], [100, 71], [100, 80]]);
});

test("masks are painted, erased, filled, and come back from their runs", () => {
  const small = { width: 6, height: 4 };
  let draft = mask.used({ ...mask.start(), size: 0 }, small, { x: 0.5, y: 0.5 }, { x: 5.5, y: 0.5 });
  assert.deepEqual(draft.runs, [[1, 6], [0, 18]]);
  draft = mask.used({ ...draft, tool: "fill", current: 2 }, small, { x: 3, y: 3 }, { x: 3, y: 3 });
  assert.deepEqual(draft.runs, [[1, 6], [2, 18]]);
  draft = mask.used({ ...draft, tool: "eraser", size: 0 }, small, { x: 2.5, y: 0.5 }, { x: 2.5, y: 0.5 });
  assert.deepEqual(draft.runs, [[1, 2], [0, 1], [1, 3], [2, 18]]);
  assert.equal(mask.label(draft, small, schema), '{"width":6,"height":4,"classes":["cat","dog"],"runs":[[1,2],[0,1],[1,3],[2,18]]}');
  assert.deepEqual(mask.encoded(mask.decoded(draft.runs, small)), draft.runs);
  const only = JSON.parse(mask.label({ runs: [[2, 24]] }, small, schema));
  assert.deepEqual([only.classes, only.runs], [["dog"], [[1, 24]]]);
  assert.deepEqual(mask.from(only, schema).runs, [[2, 24]]);
  assert.equal(mask.label(mask.start(), small, schema), '{"width":6,"height":4,"classes":[],"runs":[[0,24]]}');
});

test("masks by keys: class, brush, eraser, fill, and the arrows paint", () => {
  const small = { width: 8, height: 8 };
  let draft = play(mask, mask.start(), [key("2"), key("["), key("["), key("["), key("["), key("]"), key(" ")], { size: small });
  assert.deepEqual([draft.current, draft.size], [2, 1]);
  assert.ok(draft.runs.some(([which]) => which === 2));
  draft = play(mask, draft, [key("Delete"), key("ArrowLeft", { shiftKey: true })], { size: small });
  assert.equal(draft.tool, "eraser");
  assert.equal(play(mask, draft, [key("1"), key(";")], { size: small }).tool, "fill");
});

test("spans count code points, trim spaces, and know their words", () => {
  const words = "🦊 chases\nל dog";
  assert.deepEqual(spans.tokens(words).map((each) => spans.slice(words, each)), ["🦊", "chases", "ל", "dog"]);
  assert.deepEqual(spans.tokens(words)[1], { start: 2, end: 8 });
  let draft = spans.labelled({ ...spans.start(), marked: { start: 1, end: 9 } }, "cat", words);
  assert.deepEqual(draft.items, [{ label: "cat", start: 2, end: 8 }]);
  draft = spans.labelled({ ...draft, marked: { start: 2, end: 8 } }, "cat", words);
  assert.equal(draft.items.length, 1);
  assert.equal(spans.trimmed({ start: 1, end: 2 }, words), null);
});

test("spans and relations by the keyboard alone", () => {
  const more = { text: "a cat chases the dog" };
  let draft = play(spans, spans.start(), [key("ArrowRight"), key("ArrowRight", { shiftKey: true }), key("1")], more);
  assert.deepEqual(draft.items, [{ label: "cat", start: 0, end: 5 }]);
  draft = play(spans, draft, [key("Enter", { shiftKey: true }), key("ArrowRight"), key("ArrowRight"), key("ArrowRight"), key("2"), key("1")], more);
  // The relation's key was asked for while one of the two was chosen: it means the relation.
  assert.deepEqual(draft.items[1], { label: "dog", start: 17, end: 20 });
  assert.deepEqual(draft.relations, [{ label: "chases", from: 0, to: 1 }]);
  assert.equal(spans.label(draft), '{"spans":[{"label":"cat","start":0,"end":5},{"label":"dog","start":17,"end":20}],"relations":[{"label":"chases","from":0,"to":1}]}');
  draft = play(spans, { ...draft, at: 0 }, [key("Delete")], more);
  assert.deepEqual([draft.items.length, draft.relations], [1, []]);
});

test("a text is cut where spans begin and end, the inner one first", () => {
  const found = spans.pieces("abcdef", [{ label: "cat", start: 0, end: 4 }, { label: "dog", start: 2, end: 4 }]);
  assert.deepEqual(found.map((each) => [each.text, each.spans, each.ends]), [["ab", [0], []], ["cd", [1, 0], [1, 0]], ["ef", [], []]]);
});

test("labels in a few words", () => {
  assert.equal(describe("cat"), "cat");
  assert.equal(describe('{"boxes":[{"label":"cat"},{"label":"dog"},{"label":"cat"}]}'), "3 boxes: cat 2, dog");
  assert.equal(describe('{"spans":[],"relations":[]}'), "no spans");
  assert.equal(describe('{"classes":[]}'), "no class");
  assert.equal(describe('{"width":1,"height":1,"classes":["cat"],"runs":[[1,1]]}'), "mask: cat");
  assert.equal(describe('{"none":true,"proposed":"lynx"}'), "none of these (lynx)");
  assert.equal(describe('{"rating":4,"critique":"dull"}'), "4: dull");
  assert.equal([...describe(JSON.stringify({ text: "🦊".repeat(200) }))].length, 120);
  assert.equal(valueOf("{odd"), null);
});
