import assert from "node:assert/strict";
import { test } from "node:test";
import { makeOutbox } from "../src/outbox.js";

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

test("answers stay until the server has them, in order, also for the next page", async () => {
  const shelf = storage();
  const sent = [];
  let up = false;
  const send = async (entry) => {
    if (!up) throw Object.assign(new Error("offline"), { status: 0 });
    sent.push(entry.id);
    return {};
  };
  const box = makeOutbox(send, shelf);
  await box.put({ id: "a" });
  await box.put({ id: "b" });
  assert.equal(box.size, 2);
  up = true;
  const reloaded = makeOutbox(send, shelf);
  assert.equal(await reloaded.flush(), null);
  assert.deepEqual(sent, ["a", "b"]);
  assert.equal(reloaded.size, 0);
});

test("a refused answer is said and not sent for ever", async () => {
  const refused = [];
  const box = makeOutbox(async () => { throw Object.assign(new Error("gone"), { status: 409 }); }, storage());
  box.listen(() => {}, (entry, error) => refused.push([entry.id, error.status]));
  await box.put({ id: "a" });
  assert.deepEqual(refused, [["a", 409]]);
  assert.equal(box.size, 0);
});
