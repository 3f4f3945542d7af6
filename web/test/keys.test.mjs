import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf, meanings } from "../src/keys.js";

test("digits label themselves", () => {
  const keys = keysOf([..."0123456789"].map((name) => ({ name })));
  assert.deepEqual([...keys].map(([key, name]) => key === name), Array(10).fill(true));
});

test("the schema's keys win and reserved ones are never given", () => {
  const keys = keysOf([{ name: "spam", key: "s" }, { name: "ham", key: "H" }, { name: "other" }]);
  assert.equal(keys.get("h"), "ham");
  assert.equal(keys.has("s"), false);
  assert.equal(keys.size, 3);
});

test("every class of a long list gets one key of its own while keys last", () => {
  const keys = keysOf(Array.from({ length: 40 }, (_, number) => ({ name: `class ${number}` })));
  assert.equal(new Set(keys.values()).size, keys.size);
  assert.equal(keys.size, 34);
});

test("a key means what it says, or its place where the layout has no Latin letters or digits", () => {
  assert.deepEqual(meanings({ key: "A", code: "KeyQ", shiftKey: true }), ["a"]);
  assert.deepEqual(meanings({ key: "a", code: "KeyQ", shiftKey: false }), ["a"]);
  assert.deepEqual(meanings({ key: "ы", code: "KeyS", shiftKey: false }), ["ы", "s"]);
  assert.deepEqual(meanings({ key: "&", code: "Digit1", shiftKey: false }), ["&", "1"]);
  assert.deepEqual(meanings({ key: "?", code: "Slash", shiftKey: true }), ["?"]);
});
