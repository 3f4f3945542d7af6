// Which key chooses which class: the schema's own keys first, then digits, then letters, never a reserved one.
const RESERVED = new Set(["s", "u", "?"]);
const FALLBACK = [..."1234567890abcdefghijklmnopqrtvwxyz"];

/** @param {{name: string, key?: string|null}[]} classes @returns {Map<string, string>} key to class name */
export function keysOf(classes) {
  const keys = new Map();
  for (const each of classes) {
    const key = each.key?.toLowerCase();
    if (key?.length === 1 && !keys.has(key) && !RESERVED.has(key)) keys.set(key, each.name);
  }
  const named = new Set(keys.values());
  for (const each of classes) {
    if (named.has(each.name)) continue;
    const own = each.name.length === 1 ? each.name.toLowerCase() : null;
    const free = [own, ...FALLBACK].find((key) => key && !keys.has(key) && !RESERVED.has(key) && (key === own || !wanted(classes, key)));
    if (free) keys.set(free, each.name);
  }
  return keys;
}

/** What a key press means, most literal first. The place of the key on the board counts as well where the layout gives
 *  something else than a Latin letter or a digit: Cyrillic letters, or digits that a French board has under Shift. */
export function meanings(event) {
  const key = event.key.toLowerCase();
  const place = /^(?:Key|Digit)(.)$/.exec(event.code || "")?.[1].toLowerCase();
  return place && !event.shiftKey && !/^[a-z0-9]$/.test(key) ? [key, place] : [key];
}

const wanted = (classes, key) => classes.some((each) => each.name.toLowerCase() === key);
