import { useEffect, useState } from "preact/hooks";
import { describe } from "./editors/describe.js";
import { html } from "./html.js";

const SAID = {
  open: "waits for more answers",
  settled: "settled",
  review: "with a reviewer",
  cancelled: "cancelled",
  corrected: "corrected by you",
};

export function Mine({ api, project, onCorrect, onTrouble }) {
  const [work, setWork] = useState(null);
  const [trouble, setTrouble] = useState("");
  const read = () =>
    api.work(project).then(
      (found) => (setWork(found), setTrouble("")),
      (error) => (error.status === 401 ? onTrouble(error) : setTrouble(error.message)),
    );
  useEffect(() => {
    read();
  }, [project]);
  if (trouble) return html`<main class="list"><div class="state" role="alert"><h2>Your work cannot be read</h2><p>${trouble}</p><button onClick=${read}>Try again</button></div></main>`;
  if (!work) return html`<main class="list"><p class="state" role="status">Loading…</p></main>`;
  if (!work.annotations.length) return html`<main class="list"><div class="state"><h2>No answers yet</h2><p>What you answer in this project is listed here.</p></div></main>`;
  return html`<main class="list">
    <h2>Your last answers <span class="quiet">${work.today} today, ${work.total} in all</span></h2>
    <table>
      <thead><tr><th scope="col">Answer</th><th scope="col">Given</th><th scope="col">The task is</th><th scope="col"><span class="unseen">Correct it</span></th></tr></thead>
      <tbody>${work.annotations.map((each) => html`<${Row} key=${each.annotation_id} item=${each} onCorrect=${onCorrect} />`)}</tbody>
    </table>
  </main>`;
}

function Row({ item, onCorrect }) {
  const when = new Date(item.submitted_at);
  const may = item.status === "open" || item.status === "settled";
  return html`<tr class=${item.status === "corrected" ? "quiet" : ""}>
    <td dir="auto">${describe(item.label)}${item.flagged && html` <span class="quiet">flagged</span>`}${item.comment && html`<small class="quiet">${item.comment}</small>`}</td>
    <td><time datetime=${item.submitted_at}>${moment(when)}</time></td>
    <td>${SAID[item.status] || item.status}</td>
    <td>${may && html`<button class="small" aria-label=${`Change the answer ${describe(item.label)} given ${moment(when)}`} onClick=${() => onCorrect(item)}>Change…</button>`}</td>
  </tr>`;
}

export function moment(when) {
  const today = when.toDateString() === new Date().toDateString();
  const hour = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return today ? `today, ${hour}` : `${when.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })}, ${hour}`;
}
