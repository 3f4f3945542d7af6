// Answers leave at once in the view and for good from here: kept until the server has them, also over a reload.
//
// Every entry lies under a key of its own, so that two tabs never overwrite each other's; sending one twice does no
// harm, for the server knows a repeated answer. A correction of an answer that is itself still waiting names it with
// `after` and learns its id once that has arrived: entries leave in the order in which they came.
export function makeOutbox({ send, storage, owner, onSent = () => {}, onRefused = () => {}, onChange = () => {} }) {
  const prefix = `trueup.outbox|${encodeURIComponent(owner)}|`;
  let busy = null;

  const keys = () => Object.keys(storage).filter((key) => key.startsWith(prefix)).sort();
  const first = () => {
    const key = keys()[0];
    return key && { key, entry: JSON.parse(storage.getItem(key)) };
  };
  function remove(key) {
    storage.removeItem(key);
    onChange(keys().length);
  }
  function follow(id, change) {
    for (const key of keys()) {
      const entry = JSON.parse(storage.getItem(key));
      if (entry.after === id) storage.setItem(key, JSON.stringify(change(entry)));
    }
  }

  async function drain() {
    for (let next = first(); next; next = first()) {
      const { key, entry } = next;
      try {
        const answer = await send(entry);
        follow(entry.id, ({ after, ...rest }) => ({ ...rest, body: { ...rest.body, supersedes: answer.annotation_id } }));
        remove(key);
        onSent(entry, answer);
      } catch (error) {
        if (worthRepeating(error)) return error;
        remove(key);
        onRefused(entry, error);
      }
    }
    return null;
  }

  return {
    put(entry) {
      storage.setItem(prefix + stamp(), JSON.stringify(entry));
      onChange(keys().length);
      return this.flush();
    },
    /** One drain at a time; answers null when everything left, or the error that keeps it here. */
    flush() {
      busy ??= drain().finally(() => (busy = null));
      return busy;
    },
    get size() {
      return keys().length;
    },
  };
}

/** A refusal of this answer is final; anything else (no network, no session, a busy server) may pass. */
export function worthRepeating(error) {
  return !(error.status >= 400 && error.status < 500) || [401, 408, 429].includes(error.status) || error.code === "Conflict";
}

let count = 0;
const stamp = () => `${String(Date.now()).padStart(15, "0")}-${String(count++).padStart(6, "0")}`;
