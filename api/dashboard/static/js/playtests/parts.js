/** What several panels of this page are made of: states as pills, pagers, the REST call of a panel. */

import { curlButton } from "../curl.js";
import { h } from "../dom.js";

export { Pager } from "../pager.js";

/** What a state is called, and whether it waits for a person (wait), it is done (good), lost (bad) or neither (idle). */
const STATES = {
  pending_payment: ["to be paid", "wait"], active: ["active", "on"], completed: ["completed", "good"],
  open: ["open", "idle"], reserved: ["reserved", "on"], submitted: ["submitted", "wait"], publishing: ["publishing", "on"],
  accepted: ["accepted", "good"], rejected: ["rejected", "bad"], expired: ["expired", "bad"], blocked: ["blocked", "wait"], cancelled: ["cancelled", "idle"],
  pending: ["pending", "wait"], approved: ["approved", "good"], withdrawn: ["withdrawn", "idle"], auto_rejected: ["auto-rejected", "idle"],
  closed: ["closed", "idle"],
};

export const stateName = (state) => STATES[state]?.[0] ?? state;
export const stateTone = (state) => STATES[state]?.[1] ?? "idle";
export const statePill = (state) => h("span", { class: `state ${stateTone(state)}`, textContent: stateName(state) });

/** Who it is, in few characters: the name they gave, or the beginning of their id. */
export const person = (playtester) => (playtester ? playtester.displayName ?? `Playtester ${playtester.id.slice(0, 8)}` : "No playtester yet");

/** A header's end: a pager, and the REST call that gives the same, to copy. `path()` is below the address. */
export function tools(path, pager = null) {
  return h("div", { class: "tools" }, pager?.element, curlButton(path, (called) => (called.startsWith("/api/v1/batches/") ? "MGMT" : "SK")));
}
