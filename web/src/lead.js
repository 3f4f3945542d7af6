import { useEffect, useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { describe } from "./editors/describe.js";
import { html } from "./html.js";
import { lineageOf } from "./lineage.js";
import { moment } from "./mine.js";
import { Bars, Dots, Plotted, short } from "./plots.js";

const STATES = { active: "open", paused: "paused", draining: "draining" };
const EVERY_MS = 60000;

/** A lead's figures of a project, and how its queue goes on. */
export function Lead({ api, about, onTrouble }) {
  const [found, setFound] = useState(null);
  const [trouble, setTrouble] = useState("");
  const [wish, setWish] = useState(null);
  const [said, setSaid] = useState("");
  const read = async () => {
    try {
      const [{ report }, project, { corrections }] = await Promise.all([api.report(about.name), api.project(about.name), api.corrections(about.name)]);
      setFound({ report, corrections, queue: project.queue, progress: project.progress });
      setTrouble("");
    } catch (error) {
      if (error.status === 401) return onTrouble(error);
      setTrouble(error.message);
    }
  };
  const change = async (status, reason) => {
    setWish(null);
    try {
      const answer = await api.changeQueue(about.name, { status, reason });
      setSaid(status === "cancel" ? `${answer.cancelled} tasks were cancelled.` : `The queue is ${STATES[answer.status]}.`);
      await read();
    } catch (error) {
      setSaid(error.message);
    }
  };
  useEffect(() => {
    read();
    const again = setInterval(read, EVERY_MS);
    return () => clearInterval(again);
  }, [about.name]);
  useEffect(() => {
    const press = (event) => {
      if (event.target.closest?.("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "r") read();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  if (trouble && !found) return html`<main class="list"><div class="state" role="alert"><h2>The figures cannot be read</h2><p>${trouble}</p><button onClick=${read}>Try again</button></div></main>`;
  if (!found) return html`<main class="list"><p class="state" role="status">Loading…</p></main>`;
  const { report, corrections, queue, progress } = found;
  return html`<main class="list lead">
    <section class="queue-state" aria-label="Queue">
      <p><b>The queue is ${STATES[queue.status]}</b>${queue.reason && html`<span>: ${queue.reason}</span>`} <span class="quiet">${progress.open} open, ${progress.review} in review, ${progress.settled} settled</span></p>
      <div class="row">
        ${queue.status !== "active" && html`<button class="primary" onClick=${() => change("active", "")}>Open it again</button>`}
        ${queue.status !== "paused" && html`<button onClick=${() => setWish("paused")}>Pause…</button>`}
        ${queue.status !== "draining" && html`<button onClick=${() => setWish("draining")}>Drain…</button>`}
        <button disabled=${!progress.open} onClick=${() => setWish("cancel")}>Cancel open tasks…</button>
      </div>
      <p class="last" role="status">${said}</p>
    </section>
    ${report ? html`<${Figures} report=${report} onRead=${read} />` : html`<div class="state"><h2>No figures yet</h2><p>They are written once an hour. Press <kbd>r</kbd> to look again.</p></div>`}
    <${Corrections} rows=${corrections} />
    ${wish && html`<${Why} wish=${wish} onSend=${(reason) => change(wish, reason)} onClose=${() => setWish(null)} />`}
  </main>`;
}

function Figures({ report, onRead }) {
  const ages = Object.entries(report.ages).map(([name, value]) => ({ name: name === "longer" ? "longer" : `≤ ${name}`, value }));
  const days = Object.entries(report.days).map(([name, value]) => ({ name, short: name.slice(5), value }));
  const people = report.annotators.map((each) => ({ ...each, name: label(each.annotator), value: each.skill, marked: each.drifts }));
  const perLabel = report.cost !== null && report.tasks.settled ? report.cost / report.tasks.settled : null;
  const measure = (each) => [each.name, short(each.value), `${short(each.low)} to ${short(each.high)}`, each.samples.toLocaleString()];
  const drifting = people.filter((each) => each.drifts).map((each) => each.name);
  return html`
    <p class="quiet">As of ${moment(new Date(report.at))}, from the newest ${report.looked_at.toLocaleString()} answers. <button class="small" aria-keyshortcuts="r" onClick=${onRead}>Look again <kbd aria-hidden="true">r</kbd></button></p>
    <dl class="numbers">
      <div><dt>Agreement</dt><dd>${short(report.agreement.value)}</dd><dd class="quiet">${short(report.agreement.low)} to ${short(report.agreement.high)}</dd></div>
      <div><dt>People’s time</dt><dd>${short(report.hours)} h</dd></div>
      <div><dt>Cost so far</dt><dd>${report.cost === null ? "–" : `${short(report.cost)} ${report.currency}`}</dd><dd class="quiet">${report.cost === null ? "set annotation.hourly_cost" : perLabel === null ? "" : `${short(perLabel)} a label`}</dd></div>
      ${(report.services ?? []).map((each) => html`<div><dt>${each.backend === "ground_truth" ? "Ground Truth" : each.backend}</dt><dd>${short(each.amount)} ${each.currency}</dd><dd class="quiet">${each.objects.toLocaleString()} objects by list price, ${short(each.this_month)} this month</dd></div>`)}
      <div><dt>Oldest open task</dt><dd>${report.oldest_seconds === null ? "–" : span(report.oldest_seconds)}</dd></div>
    </dl>
    ${drifting.length > 0 && html`<p class="notice warn" role="status">Of late clearly less often right: ${drifting.join(", ")}</p>`}
    <div class="figures">
      <${Plotted} title="Open tasks by age" head=${["Waits", "Tasks"]} rows=${ages.map((each) => [each.name, short(each.value)])}><${Bars} label="Open tasks by how long they wait" rows=${ages} /><//>
      <${Plotted} title="Answers a day" head=${["Day", "Answers"]} rows=${days.map((each) => [each.name, short(each.value)])}><${Bars} label="Answers a day in the last two weeks" rows=${days} /><//>
      <${Plotted} title="Agreement by week" note="90 % intervals" head=${["Week", "Agreement", "Interval", "Samples"]} rows=${report.by_week.map(measure)}><${Dots} label="Agreement by week" rows=${report.by_week.map((each) => ({ ...each, short: each.name.slice(5) }))} /><//>
      <${Plotted} title="Agreement by class" note="90 % intervals" head=${["Class", "Agreement", "Interval", "Samples"]} rows=${report.by_class.map(measure)}><${Dots} label="Agreement by class" rows=${report.by_class} /><//>
      ${(report.by_slice ?? []).length > 0 && html`<${Plotted} title="Agreement by slice" note="90 % intervals" head=${["Slice", "Agreement", "Interval", "Samples"]} rows=${report.by_slice.map(measure)}><${Dots} label="Agreement by slice" rows=${report.by_slice} /><//>`}
      <${Plotted} title="Annotators’ skill" note="90 % intervals" head=${["Who", "Answers", "Seconds", "Skill", "Interval", "Gold", "Of late", "Before", "Is"]} rows=${people.map((each) => [each.name, short(each.answers), short(each.seconds), short(each.skill), `${short(each.low)} to ${short(each.high)}`, each.gold ? `${short(each.gold_right)} of ${each.gold}` : "–", short(each.recent), short(each.earlier), each.standing])}><${Dots} label="Skill of each annotator" rows=${people} low=${0.5} /><//>
      <${Plotted} title="Answers of each annotator" head=${["Who", "Answers", "Last"]} rows=${people.map((each) => [each.name, short(each.answers), moment(new Date(each.last_at))])}><${Bars} label="Answers of each annotator" rows=${people.map((each) => ({ name: each.name, value: each.answers }))} /><//>
    </div>`;
}

function Corrections({ rows }) {
  return html`<section class="figure corrections" aria-label="Corrections"><h3>Changed labels <span class="quiet">${rows.length ? "newest first" : ""}</span></h3>
    ${rows.length === 0 ? html`<p class="quiet">No label was changed.</p>` : html`<div class="sheet"><table><thead><tr>${["When", "Who", "From", "To", "Versions that held it", "Why"].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
      <tbody>${rows.slice(0, 50).map((each) => html`<tr><td>${moment(new Date(each.at))}</td><td>${label(each.by)}</td><td dir="auto"><a href=${lineageOf(each.project, `task:${each.task_id}`)}>${describe(each.before)}</a></td><td dir="auto">${describe(each.after)}</td><td>${each.held_by.map((number) => `v${number}`).join(", ")}</td><td dir="auto">${each.reason}</td></tr>`)}</tbody></table></div>`}
  </section>`;
}

/** Names of the user pool are long ids; their beginning tells people apart. */
const label = (name) => (/^[0-9a-f-]{36}$/.test(name) ? name.slice(0, 8) : name);

const span = (seconds) => (seconds < 5400 ? `${Math.round(seconds / 60)} min` : seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`);

const WORDS = {
  paused: ["Pause the queue", "Nobody is given a task until it is opened again; what is in somebody’s hands goes on.", "Pause it"],
  draining: ["Drain the queue", "Nothing new is asked about; what is open goes on.", "Drain it"],
  cancel: ["Cancel the open tasks", "Up to 500 at a time. Their samples are not asked about again, and answers that are under way are refused.", "Cancel them"],
};

function Why({ wish, onSend, onClose }) {
  const [reason, setReason] = useState("");
  const [title, text, verb] = WORDS[wish];
  const send = (event) => (event.preventDefault(), reason.trim() && onSend(reason.trim()));
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form class="back" onSubmit=${send}>
      <p>${text}</p>
      <label>Why? <span class="quiet">Annotators read it.</span><input autofocus value=${reason} maxlength="1000" onInput=${(event) => setReason(event.target.value)} /></label>
      <div class="row"><button class="primary" disabled=${!reason.trim()}>${verb}</button><button type="button" onClick=${onClose}>Back <kbd aria-hidden="true">Esc</kbd></button></div>
    </form>
  <//>`;
}
