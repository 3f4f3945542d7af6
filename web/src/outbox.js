// Answers leave at once in the view and for good from here: kept until the server has them, also over a reload.
const KEY = "trueup.outbox";

export function makeOutbox(send, storage, onChange = () => {}) {
  const read = () => JSON.parse(storage.getItem(KEY) || "[]");
  const write = (entries) => {
    storage.setItem(KEY, JSON.stringify(entries));
    onChange(entries.length);
  };
  let busy = null;

  async function drain() {
    for (let entry = read()[0]; entry; entry = read()[0]) {
      try {
        const answer = await send(entry);
        write(read().slice(1));
        entry.id && onSent(entry, answer);
      } catch (error) {
        if (error.status === 0 || error.status >= 500) return error;
        write(read().slice(1));
        onRefused(entry, error);
      }
    }
    return null;
  }
  let onSent = () => {};
  let onRefused = () => {};
  return {
    put(entry) {
      write([...read(), entry]);
      return this.flush();
    },
    /** One drain at a time; answers null when everything left, or the error that keeps it here. */
    flush() {
      busy ??= drain().finally(() => (busy = null));
      return busy;
    },
    get size() {
      return read().length;
    },
    listen(sent, refused) {
      onSent = sent;
      onRefused = refused;
    },
  };
}
