/** What several panels of this page are made of. */

import { copyButton } from "../curl.js";
import { h } from "../dom.js";

/** What a phase or a status is called, and its tone. */
const STATES = {
  queued: ["queued", "wait"], starting: ["starting", "on"], running: ["running", "good"], backoff: ["starts again", "wait"], stopping: ["stopping", "idle"], stopped: ["stopped", "idle"],
  uploading: ["uploading", "wait"], processing: ["processing", "on"], ready: ["ready", "good"], failed: ["failed", "bad"], deleted: ["deleted", "idle"],
  up: ["up", "good"], draining: ["draining", "wait"], suspected: ["silent", "wait"], lost: ["lost", "bad"],
};

export function statePill(state) {
  const [name, tone] = STATES[state] ?? [state, "idle"];
  return h("span", { class: `state ${tone}`, textContent: name });
}

/** A header's end. */
export const toolbar = (...tools) => h("div", { class: "tools" }, ...tools);

/** A header's end: tools, and the S5 call that gives the same, to copy. `path()` is below the address. */
export const tools = (path, ...more) => toolbar(...more, copyButton("curl", "the REST call", () => (path() ? `curl -H "api-key: $PF" '${location.origin}${path()}'` : "")));

/** Put other rows in; the button that had the focus, if any, has it again. */
export function replaceRows(list, rows) {
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  const [row, action] = [held?.closest("[data-id]")?.dataset.id, held?.dataset.action];
  list.replaceChildren(...rows);
  if (row) list.querySelector(`[data-id="${row}"] [data-action="${action}"]`)?.focus();
}
