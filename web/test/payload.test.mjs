import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, indented, loadPayload, shaped } from "../src/payload.js";

const fail = async () => {
  throw new Error("no");
};
const never = async () => assert.fail("not to be called");

test("text that came with the task needs no request", async () => {
  const found = await loadPayload({ content_type: "text/plain; charset=utf-8", text: "hello" }, never, { download: never });
  assert.deepEqual(found, { kind: "text", text: "hello", raw: "hello" });
});

test("an image whose link ran out is asked for again, once", async () => {
  const asked = [];
  const decode = async (url) => {
    asked.push(url);
    if (url === "old") throw new Error("403");
    return { width: 8, height: 8 };
  };
  const found = await loadPayload({ content_type: "image/png", payload_url: "old" }, async () => ({ payload_url: "new" }), { decode });
  assert.deepEqual(found, { kind: "image", url: "new", width: 8, height: 8 });
  assert.deepEqual(asked, ["old", "new"]);
});

test("what cannot be shown says why, and whether another try could help", async () => {
  const odd = await loadPayload({ content_type: "application/x-npy" }, never, {});
  assert.match(odd.why, /x-npy/);
  assert.equal(odd.final, true);
  const gone = await loadPayload({ content_type: "image/png", payload_url: "u" }, fail, { decode: fail });
  assert.equal(gone.kind, "broken");
  assert.equal(gone.final, false);
});

test("CSV is a table, JSON is indented, broken JSON is text", () => {
  assert.deepEqual(cells('41,"Paris, ""the"" city",,x'), ["41", 'Paris, "the" city', "", "x"]);
  assert.deepEqual(cells(",b,"), ["", "b", ""]);
  assert.deepEqual(shaped("a,b\n1,2\n", "text/csv"), { kind: "table", head: ["a", "b"], rows: [["1", "2"]], more: 0 });
  assert.equal(shaped('{"a":1}', "application/json").text, '{\n  "a": 1\n}');
  assert.equal(shaped("{", "application/json").text, "{");
});

test("a first line of numbers is data, and rows that are left out are counted", () => {
  assert.deepEqual(shaped("5.1,x\n4.9,y", "text/csv"), { kind: "table", head: null, rows: [["5.1", "x"], ["4.9", "y"]], more: 0 });
  assert.deepEqual(shaped("a,b", "text/csv"), { kind: "table", head: null, rows: [["a", "b"]], more: 0 });
  const long = shaped(Array(70).fill("1,2").join("\n"), "application/csv");
  assert.deepEqual([long.rows.length, long.more], [50, 20]);
});

test("JSON is indented without changing what it says", () => {
  assert.equal(indented('{"id":12345678901234567890,"p":1.0,"x":[],"y":{},"z":[1,{"q":"a,b: [\\"]"}]}'), `{
  "id": 12345678901234567890,
  "p": 1.0,
  "x": [],
  "y": {},
  "z": [
    1,
    {
      "q": "a,b: [\\"]"
    }
  ]
}`);
  assert.equal(indented('["\\u05e9\\u05dc\\u05d5\\u05dd"]'), '[\n  "שלום"\n]');
  for (const given of ["7", '"a"', "null", "[]", '{"a":[[],[{}]],"b":"\\\\"}']) assert.deepEqual(JSON.parse(indented(given)), JSON.parse(given));
});
