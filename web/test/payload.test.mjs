import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, loadPayload, shaped } from "../src/payload.js";

const fail = async () => {
  throw new Error("no");
};
const never = async () => assert.fail("not to be called");

test("text that came with the task needs no request", async () => {
  const found = await loadPayload({ content_type: "text/plain; charset=utf-8", text: "hello" }, never, { download: never });
  assert.deepEqual(found, { kind: "text", text: "hello" });
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
  assert.deepEqual(shaped("a,b\n1,2\n", "text/csv"), { kind: "table", rows: [["a", "b"], ["1", "2"]] });
  assert.equal(shaped('{"a":1}', "application/json").text, '{\n  "a": 1\n}');
  assert.equal(shaped("{", "application/json").text, "{");
});
