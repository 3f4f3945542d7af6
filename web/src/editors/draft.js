// An answer that is not given yet, with the steps back from it; kept for this tab, so that a reload loses nothing.
const KEPT = 12;
const STEPS = 100;
const KEY = "trueup.drafts";

export function makeDrafts(storage) {
  const all = () => JSON.parse(storage.getItem(KEY) || "[]");
  return {
    read: (id) => all().find((each) => each.id === id)?.draft ?? null,
    write(id, draft) {
      const rest = all().filter((each) => each.id !== id);
      try {
        storage.setItem(KEY, JSON.stringify([...rest, { id, draft }].slice(-KEPT)));
      } catch {
        // The browser's room is used up: the draft then lives as long as the page.
      }
    },
    drop: (id) => storage.setItem(KEY, JSON.stringify(all().filter((each) => each.id !== id))),
  };
}

/** {now, past}: `quiet` changes (what is selected) are no steps to go back. */
export const step = ({ now, past }, next, quiet = false) => ({ now: next, past: quiet ? past : [...past, now].slice(-STEPS) });

export const back = ({ now, past }) => (past.length ? { now: past.at(-1), past: past.slice(0, -1) } : { now, past });
