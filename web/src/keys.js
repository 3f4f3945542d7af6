// Which key chooses which class: the schema's own keys first, then digits, then letters, never a reserved one.
const RESERVED = new Set(["s", "u", "?"]);
const FALLBACK = [..."1234567890abcdefghijklmnopqrtvwxyz"];

/** @param {{name: string, key?: string|null}[]} classes @returns {Map<string, string>} key to class name */
export function keysOf(classes) {
  const keys = new Map();
  for (const each of classes) if (each.key && !keys.has(each.key) && !RESERVED.has(each.key)) keys.set(each.key, each.name);
  const named = new Set(keys.values());
  for (const each of classes) {
    if (named.has(each.name)) continue;
    const own = each.name.length === 1 ? each.name.toLowerCase() : null;
    const free = [own, ...FALLBACK].find((key) => key && !keys.has(key) && !RESERVED.has(key) && (key === own || !wanted(classes, key)));
    if (free) keys.set(free, each.name);
  }
  return keys;
}

const wanted = (classes, key) => classes.some((each) => each.name.toLowerCase() === key);
