// A task's payload, fetched and decoded before the task is shown, so that the next task paints at once.
const LONGEST = 256 * 1024;
const TABLE_ROWS = 50;

/** Answers {kind: "image", url, width, height}, {kind: "audio", url}, {kind: "text", text}, {kind: "table", head, rows, more} or
 *  {kind: "broken", why}; of text `raw` is as it came. */
export async function loadPayload(task, link, tools = { decode, download }) {
  try {
    return await read(task, tools);
  } catch (error) {
    if (error.final) return broken(error);
  }
  // The link may have run out while the task waited: ask for a new one, once.
  try {
    return await read({ ...task, ...(await link(task)) }, tools);
  } catch (error) {
    return broken(error);
  }
}

const broken = ({ why, final }) => ({
  kind: "broken",
  why: why || "It cannot be loaded: the file is gone, or is no picture that a browser can show.",
  final: !!final,
});

async function read(task, tools) {
  const type = task.content_type.split(";")[0].trim().toLowerCase();
  if (type.startsWith("image/")) return { kind: "image", url: task.payload_url, ...(await tools.decode(task.payload_url)) };
  if (type.startsWith("audio/")) return { kind: "audio", url: task.payload_url };
  if (!isText(type)) throw Object.assign(new Error(type), { why: `The page shows images, text and sound; this is ${type}.`, final: true });
  const raw = task.text ?? (await tools.download(task.payload_url));
  return { ...shaped(raw, type), raw };
}

const isText = (type) => type.startsWith("text/") || /^application\/(?:json|jsonlines|x-jsonlines|csv)$/.test(type);

/** Text as a person reads it: CSV as a table, JSON indented, anything else as it stands. */
export function shaped(text, type) {
  if (type.endsWith("/csv")) {
    const lines = text.trim().split(/\r?\n/);
    const rows = lines.slice(0, TABLE_ROWS).map(cells);
    const head = rows.length > 1 && isHead(rows[0]) ? rows.shift() : null;
    if ((head ?? rows[0]).length > 1) return { kind: "table", head, rows, more: Math.max(0, lines.length - TABLE_ROWS) };
  }
  if (type === "application/json") {
    try {
      JSON.parse(text);
      return { kind: "text", text: indented(text), code: true };
    } catch {
      return { kind: "text", text };
    }
  }
  return { kind: "text", text };
}

/** SageMaker's CSV has no head as a rule: names are one only where none of them is empty or a number. */
const isHead = (row) => row.every((each) => each.trim() && Number.isNaN(Number(each)));

/** JSON with line breaks, every number as it was written: parsing would round 1.0, and ids above 2^53. */
export function indented(text) {
  const out = [];
  let depth = 0;
  const line = () => out.push("\n", "  ".repeat(depth));
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  tokens.forEach((token, index) => {
    const empty = "{[".includes(tokens[index - 1]) && "}]".includes(token);
    if ("}]".includes(token)) depth -= 1;
    if (!empty && ("}]".includes(token) || ["{", "[", ","].includes(tokens[index - 1]))) line();
    out.push(token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token);
    if (token === ":") out.push(" ");
    if ("{[".includes(token)) depth += 1;
  });
  return out.join("");
}

/** The fields of one CSV line; quotes may hold commas and doubled quotes. */
export function cells(line) {
  return [...line.matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"|([^,]*))(?=,|$)/g)].map(([, quoted, bare]) => (quoted === undefined ? bare : quoted.replaceAll('""', '"')));
}

async function decode(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight, image };
}

async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status}`);
  const text = await response.text();
  if (text.length > LONGEST) throw Object.assign(new Error("long"), { why: "It is too long to show." });
  return text;
}
