import assert from "node:assert/strict";
import { test } from "node:test";
import { makeOutbox, worthRepeating } from "../src/outbox.js";

class Shelf {
  getItem(key) {
    return this[key] ?? null;
  }
  setItem(key, value) {
    this[key] = value;
  }
  removeItem(key) {
    delete this[key];
  }
}

const failure = (status, code = "Error") => Object.assign(new Error(code), { status, code });
const entry = (id, more = {}) => ({ id, body: { label: "cat" }, ...more });

test("answers stay until the server has them, in order, also for the next page", async () => {
  const storage = new Shelf();
  const sent = [];
  let up = false;
  const send = async (each) => {
    if (!up) throw failure(0);
    sent.push(each.id);
    return {};
  };
  const box = makeOutbox({ send, storage, owner: "ada" });
  await box.put(entry("a"));
  await box.put(entry("b"));
  assert.equal(box.size, 2);
  up = true;
  const reloaded = makeOutbox({ send, storage, owner: "ada" });
  assert.equal(await reloaded.flush(), null);
  assert.deepEqual(sent, ["a", "b"]);
  assert.equal(reloaded.size, 0);
});

test("a refused answer is said and not sent for ever", async () => {
  const refused = [];
  const send = async () => {
    throw failure(409, "Lease");
  };
  const box = makeOutbox({ send, storage: new Shelf(), owner: "ada", onRefused: (each, error) => refused.push([each.id, error.status]) });
  await box.put(entry("a"));
  assert.deepEqual(refused, [["a", 409]]);
  assert.equal(box.size, 0);
});

test("what may pass is kept: no network, no session, a busy server or task", () => {
  for (const status of [0, 401, 408, 429, 500, 503]) assert.equal(worthRepeating(failure(status)), true, String(status));
  assert.equal(worthRepeating(failure(409, "Conflict")), true);
  for (const [status, code] of [[400, "Label"], [403, "PermissionDenied"], [404, "NotFound"], [409, "TaskClosed"]]) {
    assert.equal(worthRepeating(failure(status, code)), false, code);
  }
});

test("one person's answers are never sent in another's name", async () => {
  const storage = new Shelf();
  const down = async () => {
    throw failure(0);
  };
  await makeOutbox({ send: down, storage, owner: "ada" }).put(entry("a"));
  assert.equal(makeOutbox({ send: down, storage, owner: "ada.b" }).size, 0);
  assert.equal(makeOutbox({ send: down, storage, owner: "ad" }).size, 0);
  assert.equal(makeOutbox({ send: down, storage, owner: "ada" }).size, 1);
});

test("two tabs on one shelf lose nothing", async () => {
  const storage = new Shelf();
  const seen = new Set();
  const send = async (each) => {
    await new Promise((done) => setTimeout(done, 5));
    seen.add(each.id);
    return {};
  };
  const tabs = [0, 1].map(() => makeOutbox({ send, storage, owner: "ada" }));
  await Promise.all([tabs[0].put(entry("a")), tabs[1].put(entry("b")), tabs[0].put(entry("c"))]);
  await Promise.all(tabs.map((each) => each.flush()));
  assert.deepEqual([...seen].sort(), ["a", "b", "c"]);
  assert.equal(tabs[0].size, 0);
});

test("a correction of an answer still waiting learns its id when that has arrived", async () => {
  const storage = new Shelf();
  const sent = [];
  let up = false;
  const send = async (each) => {
    if (!up) throw failure(0);
    sent.push(each.body);
    return { annotation_id: `id-of-${each.id}` };
  };
  const box = makeOutbox({ send, storage, owner: "ada" });
  await box.put(entry("first"));
  await box.put({ id: "second", after: "first", body: { label: "dog" } });
  up = true;
  await box.flush();
  assert.deepEqual(sent, [{ label: "cat" }, { label: "dog", supersedes: "id-of-first" }]);
});
