// The annotation API: JSON with the id token; a 401 is refreshed once.
import { read, refresh } from "./auth.js";

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The API's reasons begin small and end without a stop, to stand inside other sentences; here they stand alone. */
const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
const OFFLINE = () => new ApiError(0, "Offline", "The server cannot be reached.");
const TIMEOUT_MS = 20000;

export function makeApi(config, fetcher = (...given) => fetch(...given)) {
  async function call(method, path, body, again = true) {
    const token = read()?.id;
    let response, answer;
    try {
      response = await fetcher(`${config.apiBase}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      answer = await response.json().catch(() => ({}));
    } catch {
      throw OFFLINE();
    }
    if (response.status === 401 && again && (await renewed(token))) return call(method, path, body, false);
    if (response.ok) return answer;
    const error = answer.error || {};
    throw new ApiError(response.status, error.code || "Error", sentence(error.message || `the server answered ${response.status}`));
  }

  /** Somebody else may have renewed the token while this call was under way. */
  async function renewed(token) {
    if (read() && read().id !== token) return true;
    return refresh(config).catch(() => {
      throw OFFLINE();
    });
  }

  const task = (project, id, verb) => `/projects/${encodeURIComponent(project)}/tasks/${id}/${verb}`;
  const named = (project) => `/projects/${encodeURIComponent(project)}`;
  return {
    projects: () => call("GET", "/projects"),
    project: (name) => call("GET", named(name)),
    claim: (name) => call("POST", `${named(name)}/claims`, {}),
    heartbeat: (t) => call("POST", task(t.project, t.task_id, "heartbeat"), { lease_token: t.lease_token }),
    annotate: (entry) => call("POST", task(entry.project, entry.task_id, "annotations"), entry.body),
    skip: (t, reason) => call("POST", task(t.project, t.task_id, "skip"), { lease_token: t.lease_token, reason }),
    payload: (t) => call("GET", task(t.project, t.task_id, "payload")),
    work: (name) => call("GET", `${named(name)}/work`),
    reviews: (name) => call("GET", `${named(name)}/reviews`),
    review: (name, id) => call("GET", `${named(name)}/tasks/${id}`),
    rule: (name, id, body) => call("POST", `${named(name)}/tasks/${id}/ruling`, body),
    giveBack: (name, id, comment) => call("POST", `${named(name)}/tasks/${id}/return`, { comment }),
    lineage: (name, id, steps, fan) => call("GET", `${named(name)}/lineage?${new URLSearchParams({ id, steps, ...(fan && { fan }) })}`),
    report: (name) => call("GET", `${named(name)}/report`),
    changeQueue: (name, body) => call("POST", `${named(name)}/queue`, body),
    writeGuidelines: (name, body) => call("POST", `${named(name)}/guidelines`, body),
    corrections: (name) => call("GET", `${named(name)}/corrections`),
    rulings: (name) => call("GET", `${named(name)}/rulings`),
  };
}
