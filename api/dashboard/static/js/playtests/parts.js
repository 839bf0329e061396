/** What several panels of this page are made of: states as pills, pagers, the REST call of a panel. */

import { curlButton } from "../curl.js";
import { h } from "../dom.js";

/** What a state is called, and whether somebody waits for it (wait), it is done (good), lost (bad) or neither (idle). */
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
export const person = (playtester) => (playtester ? playtester.displayName ?? `Playtester ${playtester.id.slice(0, 8)}` : "Nobody yet");

/** Steps through pages of 50 by their cursors. `panel` is the view that is asked again. */
export class Pager {
  constructor(view, label) {
    this.view = view;
    this.cursors = [];
    this.next = null;
    this.newer = h("button", { type: "button", class: "quiet", textContent: "Newer", disabled: true, on: { click: () => { this.cursors.pop(); this.turned(); } } });
    this.older = h("button", { type: "button", class: "quiet", textContent: "Older", disabled: true, on: { click: () => { this.cursors.push(this.next); this.turned(); } } });
    this.element = h("div", { class: "pager", role: "group", "aria-label": `Pages of ${label}`, hidden: true }, this.newer, this.older);
  }

  get parameters() {
    return this.cursors.length ? { cursor: this.cursors.at(-1) } : {};
  }

  turned() {
    this.newer.disabled = this.older.disabled = true;
    this.view.askAgain();
  }

  /** The page that is shown leads to `next`, null at the end. */
  show(next) {
    this.next = next;
    this.newer.disabled = !this.cursors.length;
    this.older.disabled = !next;
    this.element.hidden = !next && !this.cursors.length;
  }

  /** Begin with the first page again. */
  restart() {
    this.cursors = [];
  }
}

/** A header's end: a pager, and the REST call that gives the same, to copy. `path()` is below the address. */
export function tools(path, pager = null) {
  return h("div", { class: "tools" }, pager?.element, curlButton(path, (called) => (called.startsWith("/api/v1/batches/") ? "MGMT" : "SK")));
}
