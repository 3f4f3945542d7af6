// What one annotator's desk in one project holds, for this tab only.
export function makeShelf(storage, owner, project) {
  const key = `trueup.desk|${encodeURIComponent(owner)}|${project}`;
  return {
    read: () => JSON.parse(storage.getItem(key) || "null"),
    write: (held) => storage.setItem(key, JSON.stringify(held)),
  };
}
