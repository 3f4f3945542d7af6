// One annotator's desk in one project: the task in hand, the next ones already fetched, the answers just given.
//
// No view in here: those who `watch` are called with the state after every change. What the desk holds lies in `shelf` too (this
// tab's session storage), for a lease outlives a reload and nobody else can take the task before it ends.
import { describe } from "./editors/describe.js";

// Tasks at hand beyond the one that is looked at. Each is one that nobody else can take meanwhile.
const AHEAD = 2;
const MOST_AHEAD = 6;
const REMEMBERED = 20;
const IDLE_MS = 5 * 60 * 1000;
const NOTICE_MS = 8000;
// What the API takes as the time spent on an answer: a clock may be set back, and a page may stand open for days.
const LONGEST_S = 24 * 60 * 60;
// A refusal that says that the task is not, or no longer, this annotator's.
const GONE = ["Lease", "NotFound", "TaskClosed"];

export function makeDesk({ api, load, outbox, shelf, about, onSessionOver = () => {}, clock = Date }) {
  const project = about.name;
  const lease = about.lease_seconds * 1000;
  const state = {
    phase: "loading",
    task: null,
    ahead: [],
    history: [],
    notice: null,
    offline: false,
    progress: about.progress,
    queue: about.queue,
    standing: about.standing,
    guide: { text: about.guidelines, number: about.guidelines_version ?? 0 },
    waiting: 0,
  };
  const watchers = new Set();
  let filling = null;
  // Milliseconds that this person looks at a task, and that one takes to come: the slowest of late.
  let looked = Infinity;
  let fetched = 0;
  let closed = false;
  let opening = false;
  let stale = false;
  let shownAt = 0;
  let touchedAt = clock.now();
  let beatAt = clock.now();

  const changed = () => {
    state.waiting = box.size;
    shelf.write({ task: bare(state.task), ahead: state.ahead.map(bare), history: state.history.map(bare) });
    if (!closed) for (const watch of watchers) watch({ ...state });
  };
  const say = (kind, text) => {
    state.notice = { kind, text, at: clock.now() };
  };
  const box = outbox({ onSent: arrived, onRefused: refused, onChange: () => changed() });
  const away = () => clock.now() - touchedAt > IDLE_MS;
  const waiting = () => ["empty", "offline", "failed"].includes(state.phase);
  const live = (task) => task.corrects || task.heldUntil > clock.now();

  /** Every call to the API goes through here: it tells the network's state and the session's end. */
  async function ask(call) {
    try {
      const answer = await call();
      state.offline = false;
      return answer;
    } catch (error) {
      state.offline = error.status === 0;
      if (error.status === 401) onSessionOver();
      throw error;
    } finally {
      changed();
    }
  }

  // ------------------------------------------------------------ tasks come

  function show(task) {
    state.task = task;
    state.phase = task ? "task" : state.phase;
    shownAt = 0;
    changed();
  }

  /** The next live task at once when one is at hand. */
  async function advance() {
    state.ahead = state.ahead.filter(live);
    const ready = state.ahead.shift();
    if (ready) show(ready);
    else {
      state.phase = "loading";
      show(null);
    }
    await fill();
  }

  /** A reserve, and those that will be answered while one is fetched: a fast annotator never waits, a slow one holds few. */
  const wanted = () => Math.min(AHEAD + Math.floor(fetched / looked), MOST_AHEAD);

  function fill() {
    filling ??= claimMore().finally(() => (filling = null));
    return filling;
  }

  async function claimMore() {
    while (!closed && state.ahead.length + (state.task ? 1 : 0) <= wanted()) {
      let found;
      try {
        found = await claim();
      } catch (error) {
        return stay(error);
      }
      if (closed) return;
      if (!found) return stay(null);
      state.ahead.push(found);
      if (!state.task && !opening && state.phase !== "lost") show(state.ahead.shift());
      else changed();
    }
  }

  async function claim() {
    const asked = clock.now();
    const { task } = await ask(() => api.claim(project));
    if (!task) return null;
    task.heldUntil = asked + lease;
    const found = await withPayload(task);
    fetched = Math.max(clock.now() - asked, 0.8 * fetched);
    return found;
  }

  async function withPayload(task) {
    return { ...task, payload: await load(task, (each) => api.payload(each)) };
  }

  /** Nothing came: say why, unless a task is in hand. */
  function stay(error) {
    if (!state.task && state.phase !== "lost") {
      state.phase = !error ? "empty" : error.status === 0 ? "offline" : error.status === 401 ? "loading" : "failed";
      state.trouble = error?.message;
    }
    changed();
  }

  // ------------------------------------------------------------ answers go

  /** `more` goes with it: {comment, flagged}. */
  function answer(label, more = {}) {
    const task = state.task;
    if (!task || state.phase !== "task" || !shownAt || task.payload.kind === "broken") return;
    if (task.corrects && task.label === label && !Object.keys(more).length) return keep();
    const seconds_spent = Math.min(Math.max((clock.now() - shownAt) / 1000, 0), LONGEST_S);
    // Whoever quickens is served at once, whoever slows down bit by bit.
    looked = Math.max(1, (Math.min(looked, 1000 * seconds_spent) + 1000 * seconds_spent) / 2);
    const entry = { id: crypto.randomUUID(), project, task_id: task.task_id, label, body: { label, seconds_spent, ...more } };
    if (!task.corrects) entry.body.lease_token = task.lease_token;
    else if (task.corrects.annotation_id) entry.body.supersedes = task.corrects.annotation_id;
    else entry.after = task.corrects.entry;
    entry.correction = !!task.corrects;
    remember({ ...task, label, corrects: { entry: entry.id } });
    if (!entry.correction) count(1);
    state.notice = null;
    send(entry);
    advance();
  }

  function send(entry) {
    box.put(entry).then(sent);
  }

  /** What an emptied or stuck outbox means. */
  function sent(error) {
    if (!error) return;
    state.offline = error.status === 0;
    if (error.status === 401) onSessionOver();
    changed();
  }

  function arrived(entry, said) {
    state.offline = false;
    stale = true;
    if (said.known) say(said.known === entry.label ? "info" : "warn", taught(said.known, entry.label));
    for (const each of [state.task, ...state.ahead, ...state.history]) {
      if (each?.corrects?.entry === entry.id) each.corrects.annotation_id = said.annotation_id;
    }
    changed();
  }

  function refused(entry, error) {
    if (!entry.correction) count(-1);
    state.history = state.history.filter((each) => each.corrects.entry !== entry.id);
    if (state.task?.corrects?.entry === entry.id) lose("gone");
    say("warn", refusal(entry, error));
    changed();
  }

  function count(by) {
    state.progress = { ...state.progress, mine_today: state.progress.mine_today + by, mine_total: state.progress.mine_total + by };
  }

  function remember(task) {
    state.history = [...state.history, task].slice(-REMEMBERED);
  }

  /** Back to the last answer, to give another; the task in hand waits. */
  function undo() {
    if (!state.history.length) return;
    state.notice = null;
    open(async () => state.history.pop());
  }

  /** Leave the answer as it is. */
  function keep() {
    if (!state.task?.corrects) return;
    remember(state.task);
    advance();
  }

  /** An earlier answer, to be corrected: {task_id, annotation_id, label, content_type?}. */
  function correct(item) {
    const former = { project, task_id: item.task_id, label: item.label, corrects: { annotation_id: item.annotation_id } };
    return open(async () => ({ ...former, ...(await ask(() => api.payload(former))) }));
  }

  /** Put the task in hand aside and show what `find` brings; no key may hit the old one meanwhile. */
  async function open(find) {
    if (opening) return;
    opening = true;
    if (state.task) state.ahead.unshift(state.task);
    state.phase = "loading";
    show(null);
    try {
      const task = await find();
      show(task.payload ? task : await withPayload(task));
    } catch (error) {
      say("warn", `That answer cannot be opened: ${error.message}`);
    } finally {
      opening = false;
    }
    if (!state.task) advance();
  }

  async function skip(reason) {
    const task = state.task;
    if (!task || task.corrects) return;
    state.notice = null;
    const done = ask(() => api.skip(task, reason)).catch((error) => {
      if (GONE.includes(error.code)) say("info", "That task had gone back already; nothing to skip.");
      else if (error.status !== 401) say("warn", "The skip could not be sent. The task goes back by itself when its time is up.");
      changed();
    });
    advance();
    await done;
  }

  // ------------------------------------------------------------ time passes

  async function beat() {
    if (away()) return;
    const held = [state.task, ...state.ahead].filter((each) => each && !each.corrects && each.heldUntil > clock.now());
    await Promise.all(held.map(prolong));
  }

  async function prolong(task) {
    const asked = clock.now();
    try {
      await ask(() => api.heartbeat(task));
      task.heldUntil = asked + lease;
    } catch (error) {
      if (!GONE.includes(error.code)) return;
      if (state.task === task) lose("gone");
      state.ahead = state.ahead.filter((each) => each !== task);
    }
    changed();
  }

  function lose(why) {
    state.phase = "lost";
    state.why = why;
    state.task = null;
    changed();
  }

  /** Once a second: leases end, notices fade, waiting answers are tried again, an empty desk looks for work. */
  function tick(second, visible = true) {
    const now = clock.now();
    const here = visible && !away();
    if (state.task && !live(state.task)) lose(away() ? "idle" : "expired");
    if (state.notice && now - state.notice.at > NOTICE_MS) (state.notice = null), changed();
    if (now - beatAt > lease / 3) (beatAt = now), beat();
    if (second % 3 === 0 && box.size) box.flush().then(sent);
    if (second % 4 === 0 && here && waiting()) fill();
    if (here && second % (state.offline ? 4 : stale ? 8 : 30) === 0) refresh();
  }

  async function refresh() {
    const fresh = await ask(() => api.project(project)).catch(() => null);
    if (!fresh) return;
    stale = false;
    state.queue = fresh.queue;
    state.standing = fresh.standing;
    state.guide = { text: fresh.guidelines, number: fresh.guidelines_version };
    const coming = box.size;
    state.progress = { ...fresh.progress, mine_today: fresh.progress.mine_today + coming, mine_total: fresh.progress.mine_total + coming };
    changed();
  }

  // ------------------------------------------------------------ the desk itself

  /** Take up what the shelf kept, or fetch the first task. */
  async function start() {
    const kept = shelf.read();
    state.history = kept?.history ?? [];
    const held = [kept?.task, ...(kept?.ahead ?? [])].filter((each) => each && live(each));
    if (box.size) box.flush().then(sent);
    const answered = new Set(state.history.map((each) => each.task_id));
    for (const each of held) {
      if (answered.has(each.task_id) && !each.corrects) continue;
      const task = await withPayload(each);
      if (state.task) state.ahead.push(task);
      else show(task);
    }
    await fill();
  }

  return {
    state,
    start,
    answer,
    undo,
    keep,
    correct,
    skip,
    tick,
    beat,
    next: advance,
    /** The person is here. Nobody who is away is given tasks, so somebody who comes back is served at once. */
    touch: () => {
      const back = away();
      touchedAt = clock.now();
      if (back && waiting()) fill();
    },
    dismiss: () => ((state.notice = null), changed()),
    /** The sample is on the screen: time runs from here, and answers count from here. */
    painted: (task) => task === state.task && (shownAt ||= clock.now()),
    online: (yes) => {
      state.offline = !yes;
      changed();
      if (yes) box.flush().then(sent), fill();
    },
    retry: async () => state.task && show(await withPayload(state.task)),
    close: () => (closed = true),
    /** Calls `change` with the state now and after every change; answers how to stop that. */
    watch: (change) => {
      watchers.add(change);
      change({ ...state });
      return () => void watchers.delete(change);
    },
  };
}

/** What a task is without its payload, which is fetched anew. */
const bare = (task) => task && { ...task, payload: undefined };

/** In training: what is known of the task just answered. */
const taught = (known, label) => (known === label ? `Right: ${describe(known)}.` : `The answer is ${describe(known)}; you said ${describe(label)}.`);

function refusal(entry, error) {
  const said = describe(entry.label);
  if (entry.correction) return `Your correction to “${said}” was not taken, the earlier answer stands: ${error.message}`;
  const what = `Your answer “${said}”`;
  if (error.code === "Lease") return `${what} came too late: the task’s time was up and it went back to the queue. It was not counted.`;
  if (error.code === "TaskClosed") return `${what} was not needed any more: the task had been closed meanwhile. It was not counted.`;
  return `${what} was refused and not counted: ${error.message}`;
}
