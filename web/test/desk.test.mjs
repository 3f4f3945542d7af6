import assert from "node:assert/strict";
import { test } from "node:test";
import { makeDesk } from "../src/desk.js";
import { makeOutbox } from "../src/outbox.js";

const refusal = (status, code) => Object.assign(new Error(code), { status, code });
const soon = () => new Promise((done) => setTimeout(done, 5));

/** A desk on a server that hands out tasks t1, t2, …; `world` may be changed under way. */
function world(tasks = 9) {
  const kept = new Map();
  const storage = Object.assign(Object.create({
    getItem(key) { return this[key] ?? null; },
    setItem(key, value) { this[key] = value; },
    removeItem(key) { delete this[key]; },
  }), {});
  const it = { now: 1e6, up: true, given: 0, sent: [], skipped: [], beats: [], refuse: null, over: 0, slow: 0 };
  const answered = async (value) => {
    if (!it.up) throw refusal(0, "Offline");
    return value();
  };
  const api = {
    project: () => answered(() => ({ progress: { mine_today: 0, mine_total: 0, open: 1, settled: 0, review: 0 } })),
    claim: () => answered(() => {
      it.now += it.slow;
      return { task: it.given < tasks ? { task_id: `t${++it.given}`, project: "p", lease_token: `l${it.given}` } : null };
    }),
    heartbeat: (task) => answered(() => {
      it.beats.push(task.task_id);
      if (it.refuse) throw it.refuse;
      return {};
    }),
    annotate: (entry) => answered(async () => {
      await it.held;
      if (it.refuse) throw it.refuse;
      it.seconds = entry.body.seconds_spent;
      it.sent.push([entry.task_id, entry.body.label, entry.body.supersedes ?? entry.body.lease_token]);
      return { annotation_id: `a${it.sent.length}` };
    }),
    skip: (task, reason) => answered(() => {
      if (it.refuse) throw it.refuse;
      it.skipped.push([task.task_id, reason]);
    }),
    payload: () => answered(() => ({ content_type: "text/plain", text: "again" })),
  };
  it.desk = () => makeDesk({
    api,
    about: { name: "p", lease_seconds: 60, progress: { mine_today: 0, mine_total: 0, open: 1, settled: 0, review: 0 } },
    load: async () => ({ kind: "text", text: "x" }),
    outbox: (listeners) => makeOutbox({ send: api.annotate, storage, owner: "ada", ...listeners }),
    shelf: { read: () => JSON.parse(kept.get("d") || "null"), write: (held) => kept.set("d", JSON.stringify(held)) },
    onSessionOver: () => (it.over += 1),
    clock: { now: () => it.now },
  });
  return it;
}

async function begun(it) {
  const desk = it.desk();
  await desk.start();
  desk.painted(desk.state.task);
  return desk;
}

async function say(desk, label) {
  desk.painted(desk.state.task);
  desk.answer(label);
  await soon();
}

test("the next task is shown at once and the answer goes out", async () => {
  const it = world();
  const desk = await begun(it);
  desk.answer("cat");
  assert.equal(desk.state.task.task_id, "t2");
  await soon();
  assert.deepEqual(it.sent, [["t1", "cat", "l1"]]);
  assert.equal(desk.state.progress.mine_today, 1);
});

test("an answer that is under way keeps nobody waiting, and all leave in their order", async () => {
  const it = world();
  const desk = await begun(it);
  let release;
  it.held = new Promise((done) => (release = done));
  for (const label of ["cat", "dog", "fox", "cat"]) await say(desk, label);
  assert.deepEqual([desk.state.task.task_id, desk.state.waiting, it.sent], ["t5", 4, []]);
  release();
  await soon();
  assert.deepEqual(it.sent.map(([task]) => task), ["t1", "t2", "t3", "t4"]);
  assert.deepEqual([desk.state.task.task_id, desk.state.waiting], ["t5", 0]);
});

test("whoever answers faster than tasks come has more of them at hand, and fewer again once they look longer", async () => {
  const it = world(99);
  it.slow = 400;
  const desk = await begun(it);
  assert.equal(desk.state.ahead.length, 2);
  const answers = async (count, ms) => {
    for (let each = 0; each < count; each += 1) {
      desk.painted(desk.state.task);
      it.now += ms;
      desk.answer("cat");
      await soon();
    }
    return desk.state.ahead.length;
  };
  assert.equal(await answers(4, 100), 6);
  assert.equal(await answers(9, 5000), 2);
});

test("a key that comes before the sample is on the screen answers nothing", async () => {
  const it = world();
  const desk = await begun(it);
  desk.answer("cat");
  desk.answer("cat");
  await soon();
  assert.equal(it.sent.length, 1);
});

test("undo, another answer: it supersedes the first, and the task in hand comes back after it", async () => {
  const it = world();
  const desk = await begun(it);
  await say(desk, "cat");
  desk.undo();
  await soon();
  assert.equal(desk.state.task.task_id, "t1");
  assert.equal(desk.state.task.label, "cat");
  await say(desk, "dog");
  assert.deepEqual(it.sent, [["t1", "cat", "l1"], ["t1", "dog", "a1"]]);
  assert.equal(desk.state.task.task_id, "t2");
  desk.undo();
  await soon();
  await say(desk, "fox");
  assert.deepEqual(it.sent.at(-1), ["t1", "fox", "a2"]);
  assert.equal(desk.state.progress.mine_today, 1);
});

test("undo and the same answer again, or Esc, sends nothing", async () => {
  const it = world();
  const desk = await begun(it);
  await say(desk, "cat");
  desk.undo();
  await soon();
  await say(desk, "cat");
  desk.undo();
  await soon();
  desk.keep();
  assert.equal(it.sent.length, 1);
  assert.equal(desk.state.task.task_id, "t2");
});

test("undo while offline: both answers leave in order, the second correcting the first", async () => {
  const it = world();
  const desk = await begun(it);
  it.up = false;
  await say(desk, "cat");
  desk.undo();
  await soon();
  await say(desk, "dog");
  assert.equal(desk.state.waiting, 2);
  assert.equal(desk.state.offline, true);
  it.up = true;
  desk.online(true);
  await soon();
  assert.deepEqual(it.sent, [["t1", "cat", "l1"], ["t1", "dog", "a1"]]);
});

test("a reload takes up the tasks that are still held, and none that is not", async () => {
  const it = world();
  const before = await begun(it);
  await say(before, "cat");
  before.close();
  const after = await begun(it);
  assert.equal(after.state.task.task_id, "t2");
  assert.equal(it.given, 4);
  after.close();
  it.now += 61000;
  const late = await begun(it);
  assert.equal(late.state.task.task_id, "t5");
});

test("a lease that ended is told, and no key answers that task", async () => {
  const it = world();
  const desk = await begun(it);
  it.now += 61000;
  desk.tick(1);
  assert.equal(desk.state.phase, "lost");
  desk.answer("cat");
  assert.equal(it.sent.length, 0);
  await desk.next();
  assert.equal(desk.state.phase, "task");
});

test("a late answer is refused in clear words and does not count", async () => {
  const it = world();
  const desk = await begun(it);
  it.refuse = refusal(409, "Lease");
  await say(desk, "cat");
  assert.match(desk.state.notice.text, /“cat” came too late/);
  assert.equal(desk.state.progress.mine_today, 0);
  assert.equal(desk.state.history.length, 0);
});

test("leases of all held tasks are prolonged while the person is there, and none when they left", async () => {
  const it = world();
  const desk = await begun(it);
  await desk.beat();
  assert.deepEqual(it.beats, ["t1", "t2", "t3"]);
  it.now += 6 * 60 * 1000;
  await desk.beat();
  assert.equal(it.beats.length, 3);
});

test("a heartbeat that is refused takes the task away", async () => {
  const it = world();
  const desk = await begun(it);
  it.refuse = refusal(409, "Lease");
  await desk.beat();
  assert.equal(desk.state.phase, "lost");
  assert.equal(desk.state.ahead.length, 0);
});

test("the end of the session keeps the answer", async () => {
  const it = world();
  const desk = await begun(it);
  it.refuse = refusal(401, "Unauthorized");
  await say(desk, "cat");
  assert.ok(it.over > 0);
  it.refuse = null;
  await begun(it);
  await soon();
  assert.deepEqual(it.sent, [["t1", "cat", "l1"]]);
});

test("nothing to do is looked into again, but not for somebody who left", async () => {
  const it = world(0);
  const desk = await begun(it);
  assert.equal(desk.state.phase, "empty");
  it.now += 6 * 60 * 1000;
  let asked = 0;
  desk.watch(() => (asked += 1));
  asked = 0;
  desk.tick(4);
  await soon();
  assert.equal(asked, 0);
  desk.touch();
  await soon();
  assert.ok(asked > 0);
});

test("an older answer from the own work is opened and corrected", async () => {
  const it = world();
  const desk = await begun(it);
  await desk.correct({ task_id: "old", annotation_id: "a-old", label: "cat" });
  assert.equal(desk.state.task.task_id, "old");
  await say(desk, "dog");
  assert.deepEqual(it.sent, [["old", "dog", "a-old"]]);
  assert.equal(desk.state.task.task_id, "t1");
});

test("a skip carries its reason", async () => {
  const it = world();
  const desk = await begun(it);
  await desk.skip("Unreadable");
  assert.deepEqual(it.skipped, [["t1", "Unreadable"]]);
  assert.equal(desk.state.task.task_id, "t2");
});

test("a skip that failed is told as what it was", async () => {
  const it = world();
  const desk = await begun(it);
  it.refuse = refusal(503, "Retryable");
  await desk.skip("Unreadable");
  assert.match(desk.state.notice.text, /could not be sent/);
  it.refuse = refusal(409, "Lease");
  await desk.skip("Unreadable");
  assert.match(desk.state.notice.text, /had gone back already/);
});

test("the time spent is one that the API takes, whatever the clock did", async () => {
  const it = world();
  const desk = await begun(it);
  await say(desk, "cat");
  for (const [passed, told] of [[2500, 2.5], [-5000, 0], [9e9, 86400]]) {
    desk.undo();
    await soon();
    desk.painted(desk.state.task);
    it.now += passed;
    desk.answer(passed === -5000 ? "fox" : "dog" + passed);
    await soon();
    assert.equal(it.seconds, told);
  }
});
