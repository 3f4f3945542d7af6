// A label in a few words. A class's name is its own label; every other label is the JSON of one value.
const LONGEST = 120;

/** The value of a label, or null for a class's name. */
export function valueOf(label) {
  if (typeof label !== "string" || !label.startsWith("{")) return null;
  try {
    return JSON.parse(label);
  } catch {
    return null;
  }
}

export function describe(label) {
  const value = valueOf(label);
  if (!value) return label ?? "";
  const text = words(value).replaceAll(/\s+/g, " ").trim();
  return [...text].length > LONGEST ? `${[...text].slice(0, LONGEST - 1).join("")}…` : text;
}

function words(value) {
  if (value.none) return value.proposed ? `none of these (${value.proposed})` : "none of these";
  if (value.classes && !value.runs) return value.classes.join(", ") || "no class";
  if (value.boxes) return things(value.boxes, "box", "boxes");
  if (value.polygons) return things(value.polygons, "polygon", "polygons");
  if (value.runs) return `mask: ${(value.classes || []).join(", ") || "nothing"}`;
  if (value.spans) return things(value.spans, "span", "spans") + (value.relations?.length ? `; ${things(value.relations, "relation", "relations")}` : "");
  if (value.text !== undefined) return value.text;
  if (value.rating !== undefined) return reasoned(String(value.rating), value.critique);
  if (value.preferred) return reasoned(value.preferred, value.critique);
  return JSON.stringify(value);
}

const reasoned = (what, critique) => (critique ? `${what}: ${critique}` : what);

function things(list, one, many) {
  if (!list.length) return `no ${many}`;
  const counts = new Map();
  for (const { label } of list) counts.set(label, (counts.get(label) || 0) + 1);
  const names = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => (count === 1 ? name : `${name} ${count}`));
  return `${list.length} ${list.length === 1 ? one : many}: ${names.join(", ")}`;
}
