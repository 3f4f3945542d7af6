import { render } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { makeApi } from "./api.js";
import { read, signOut, who } from "./auth.js";
import { makeDesk } from "./desk.js";
import { html } from "./html.js";
import { Lead } from "./lead.js";
import { Lineage } from "./lineage.js";
import { Mine } from "./mine.js";
import { makeOutbox } from "./outbox.js";
import { Review } from "./review.js";
import { loadPayload } from "./payload.js";
import { makeShelf } from "./shelf.js";
import { SignIn } from "./sign-in.js";
import { Workbench } from "./workbench.js";

const TITLES = { mine: "My work", review: "Review", lead: "Lead", lineage: "Lineage" };
const OVER = "Your session has ended. Sign in again: nothing that you answered is lost.";

function App({ config }) {
  const [signedIn, setSignedIn] = useState(!!read());
  const [because, setBecause] = useState("");
  const api = useMemo(() => makeApi(config), [config]);
  const leave = useCallback((why) => (signOut(), setBecause(why), setSignedIn(false)), []);
  if (!signedIn) return html`<${SignIn} config=${config} because=${because} onDone=${() => setSignedIn(true)} />`;
  return html`<${Room} api=${api} onLeave=${() => leave("")} onSessionOver=${() => leave(OVER)} />`;
}

/** Everything behind the sign-in. The address names the project: #/digits, #/digits/mine for the own work, #/digits/lineage/v3. */
function Room({ api, onLeave, onSessionOver }) {
  const [projects, setProjects] = useState(null);
  const [may, setMay] = useState({});
  const [trouble, setTrouble] = useState(null);
  const [place, setPlace] = useState(parse(location.hash));
  useEffect(() => {
    const moved = () => setPlace(parse(location.hash));
    window.addEventListener("hashchange", moved);
    return () => window.removeEventListener("hashchange", moved);
  }, []);
  const look = useCallback(() => {
    api.projects().then(
      (answer) => (setProjects(answer.projects), setMay({ review: answer.may_review, lead: answer.may_lead }), setTrouble(null)),
      (error) => (error.status === 401 ? onSessionOver() : setTrouble(error)),
    );
  }, [api]);
  useEffect(look, [place.project, place.view]);
  useEffect(() => {
    if (!trouble || trouble.status === 403) return;
    const again = setInterval(look, 4000);
    return () => clearInterval(again);
  }, [trouble]);

  const chosen = projects && (projects.find((each) => each.name === place.project) || projects.find((each) => each.open_tasks) || projects[0]);
  // Whoever reviews or leads holds no task that others could answer.
  const desk = useDesk(api, ["review", "lead", "lineage"].includes(place.view) ? null : chosen?.name, onSessionOver);
  useEffect(() => {
    document.title = [TITLES[place.view], chosen?.title, "trueup"].filter(Boolean).join(" · ");
  }, [chosen?.title, place.view]);
  const go = (project, view) => (location.hash = `#/${encodeURIComponent(project)}${TITLES[view] ? `/${view}` : ""}`);
  return html`<${Header} projects=${projects} chosen=${chosen} desk=${desk} view=${place.view} may=${may} onGo=${go} onLeave=${onLeave} />
    ${body()}`;

  function body() {
    if (trouble?.status === 403) return html`<${Alone} title="You may not label here yet" text=${`${trouble.message} Whoever runs trueup can add it to one; then sign out and in again.`} />`;
    if (trouble && !projects) return html`<${Alone} title="The projects cannot be read" text=${`${trouble.message} The page tries again every few seconds.`} />`;
    if (!projects) return html`<${Alone} text="Loading…" />`;
    if (!chosen) return html`<${Alone} title="There is no project yet" text="Whoever runs this deployment adds one to its configuration." />`;
    if (place.view === "review") return html`<${Review} api=${api} about=${chosen} onTrouble=${onSessionOver} key=${chosen.name} />`;
    if (place.view === "lead") return html`<${Lead} api=${api} about=${chosen} onTrouble=${onSessionOver} key=${chosen.name} />`;
    if (place.view === "lineage") return html`<${Lineage} api=${api} about=${chosen} id=${place.id} onTrouble=${onSessionOver} key=${chosen.name} />`;
    if (place.view === "mine") return html`<${Mine} api=${api} project=${chosen.name} onTrouble=${onSessionOver} onCorrect=${(item) => (go(chosen.name), desk.correct(item))} />`;
    if (desk?.trouble) return html`<${Alone} title="The project cannot be opened" text=${`${desk.trouble} The page tries again every few seconds.`} />`;
    if (!desk) return html`<${Alone} text="Loading…" />`;
    return html`<${Workbench} desk=${desk} about=${desk.about} elsewhere=${projects.filter((each) => each !== chosen && each.open_tasks)} onGo=${go} key=${chosen.name} />`;
  }
}

/** The desk of a project, as long as it is chosen; {trouble} while it cannot be had. */
function useDesk(api, project, onSessionOver) {
  const [desk, setDesk] = useState(null);
  useEffect(() => {
    if (!project) return;
    let made = null;
    let over = false;
    let seconds = 0;
    const open = async () => {
      try {
        const about = await api.project(project);
        if (over) return;
        made = openDesk(api, about, () => !over && onSessionOver());
        setDesk(made);
        made.start();
      } catch (error) {
        if (over) return;
        if (error.status === 401) return onSessionOver();
        setDesk({ trouble: error.message });
      }
    };
    open();
    const visible = () => document.visibilityState === "visible";
    const clock = setInterval(() => {
      seconds += 1;
      if (made) made.tick(seconds, visible());
      else if (seconds % 4 === 0) open();
    }, 1000);
    const up = () => made?.online(true);
    const down = () => made?.online(false);
    window.addEventListener("online", up);
    window.addEventListener("offline", down);
    return () => {
      over = true;
      made?.close();
      clearInterval(clock);
      window.removeEventListener("online", up);
      window.removeEventListener("offline", down);
      setDesk(null);
    };
  }, [api, project]);
  return desk;
}

function openDesk(api, about, onSessionOver) {
  const owner = who().id;
  const desk = makeDesk({
    api,
    about,
    load: loadPayload,
    outbox: (listeners) => makeOutbox({ send: (entry) => api.annotate(entry), storage: localStorage, owner, ...listeners }),
    shelf: makeShelf(sessionStorage, owner, about.name),
    onSessionOver,
  });
  return Object.assign(desk, { about });
}

function Header({ projects, chosen, desk, view, may, onGo, onLeave }) {
  const choose = (event) => {
    event.target.blur();
    onGo(event.target.value, view);
  };
  const tab = (name, text) => html`<button aria-current=${view === name ? "page" : undefined} onClick=${() => onGo(chosen.name, name)}>${text}</button>`;
  return html`<header>
    <img src="/mark.svg" alt="" width="28" height="28" />
    <h1>trueup${chosen && projects.length === 1 && html`<span>${chosen.title}</span>`}</h1>
    ${chosen && projects.length > 1 && html`<select aria-label="Project" value=${chosen.name} onChange=${choose}>${projects.map((each) => html`<option key=${each.name} value=${each.name}>${each.title}${each === chosen ? "" : ` · ${each.open_tasks} open`}</option>`)}</select>`}
    <${Connection} desk=${desk} />
    <nav aria-label="Account">
      ${chosen && view !== "label" && html`<button onClick=${() => onGo(chosen.name, "")}>Back to labeling</button>`}
      ${chosen && may.review && view !== "review" && tab("review", "Review")}
      ${chosen && may.lead && view !== "lead" && tab("lead", "Lead")}
      ${chosen && may.review && view !== "lineage" && tab("lineage", "Lineage")}
      ${chosen && view !== "mine" && tab("mine", "My work")}
      <button class="icon" onClick=${switchTheme} aria-label="Switch between light and dark" title="Light or dark">◐</button>
      <button onClick=${onLeave} title=${`Signed in as ${who()?.name}`}>Sign out <span class="quiet">${who()?.name}</span></button>
    </nav>
  </header>`;
}

/** Whether answers reach the server. */
function Connection({ desk }) {
  const [state, setState] = useState(null);
  useEffect(() => desk?.watch?.(setState), [desk]);
  if (!state) return null;
  const waiting = state.waiting === 1 ? "1 answer" : `${state.waiting} answers`;
  if (state.offline) return html`<p class="chip warn" role="status">Offline${state.waiting ? `: ${waiting} kept here` : ""}</p>`;
  return html`<p class="chip" role="status">${state.waiting ? `Sending ${waiting}…` : ""}</p>`;
}

function Alone({ title, text }) {
  return html`<main class="list"><div class="state" role="status">${title && html`<h2>${title}</h2>`}<p class=${title ? "" : "slow"}>${text}</p></div></main>`;
}

function parse(hash) {
  const [, project, view, id] = hash.split("/");
  return { project: project ? decodeURIComponent(project) : null, view: TITLES[view] ? view : "label", id: id ? decodeURIComponent(id) : "" };
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("trueup.theme", root.dataset.theme);
}

const kept = localStorage.getItem("trueup.theme");
if (kept) document.documentElement.dataset.theme = kept;
const place = document.getElementById("app");
fetch("/config.json")
  .then((response) => response.json())
  .then(
    (config) => {
      place.textContent = "";
      render(html`<${App} config=${config} />`, place);
    },
    () => (place.textContent = "The workbench’s configuration cannot be read: reload the page in a moment."),
  );
