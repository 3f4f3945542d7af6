import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf } from "../src/keys.js";

test("digits label themselves", () => {
  const keys = keysOf([..."0123456789"].map((name) => ({ name })));
  assert.deepEqual([...keys].map(([key, name]) => key === name), Array(10).fill(true));
});

test("the schema's keys win and reserved ones are never given", () => {
  const keys = keysOf([{ name: "spam", key: "s" }, { name: "ham", key: "h" }, { name: "other" }]);
  assert.equal(keys.get("h"), "ham");
  assert.equal(keys.has("s"), false);
  assert.equal(keys.size, 3);
});
