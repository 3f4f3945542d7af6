// The annotation API: JSON with the id token; a 401 is refreshed once.
import { read, refresh } from "./auth.js";

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function makeApi(config, fetcher = fetch) {
  async function call(method, path, body, again = true) {
    let response;
    try {
      response = await fetcher(`${config.apiBase}${path}`, {
        method,
        headers: { Authorization: `Bearer ${read()?.id}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch {
      throw new ApiError(0, "Offline", "The server cannot be reached.");
    }
    if (response.status === 401 && again && (await refresh(config))) return call(method, path, body, false);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
      const error = answer.error || {};
      throw new ApiError(response.status, error.code || "Error", error.message || `The server answered ${response.status}.`);
    }
    return answer;
  }
  const task = (project, id, verb) => `/projects/${project}/tasks/${id}/${verb}`;
  return {
    projects: () => call("GET", "/projects"),
    project: (name) => call("GET", `/projects/${name}`),
    claim: (name) => call("POST", `/projects/${name}/claims`, {}),
    heartbeat: (t) => call("POST", task(t.project, t.task_id, "heartbeat"), { lease_token: t.lease_token }),
    annotate: (entry) => call("POST", task(entry.project, entry.task_id, "annotations"), entry.body),
    skip: (t, reason) => call("POST", task(t.project, t.task_id, "skip"), { lease_token: t.lease_token, reason }),
    work: (name) => call("GET", `/projects/${name}/work`),
  };
}
