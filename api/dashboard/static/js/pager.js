/** Pages of a list, newest first. */

import { h } from "./dom.js";

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
