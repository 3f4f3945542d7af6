import assert from "node:assert/strict";
import test from "node:test";
import { axis, short } from "../src/plots.js";

test("an axis has a few round numbers", () => {
  assert.deepEqual(axis(0, 10, 100, 0).ticks, [0, 5, 10]);
  assert.deepEqual(axis(0, 1, 100, 0).ticks, [0, 0.5, 1]);
  assert.deepEqual(axis(0.5, 1, 100, 0).ticks, [0.6, 0.8, 1]);
  assert.equal(axis(0, 10, 100, 0).place(5), 50);
  assert.ok(axis(3, 3, 100, 0).ticks.length < 10);
});

test("numbers are as short as they may be", () => {
  assert.equal(short(null), "–");
  assert.equal(short(0.12345), "0.12");
  assert.equal(short(12), "12");
});
