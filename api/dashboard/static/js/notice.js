/** A line where a panel says what came of a decision. */

import { h } from "./dom.js";

const GOOD_MS = 10_000;

/** Errors are announced at once and stay until the next one; successes are announced when it suits and leave. */
export class Notice {
  constructor() {
    this.element = h("p", { class: "notice-line", role: "status" });
  }

  good(text) { this.say(text, "good"); }
  bad(text) { this.say(text, "bad"); }
  say(text, kind = "") {
    this.element.className = `notice-line ${kind}`;
    this.element.setAttribute("role", kind === "bad" ? "alert" : "status");
    this.element.textContent = text;
    clearTimeout(this.timer);
    if (kind !== "bad") this.timer = setTimeout(() => { this.element.textContent = ""; }, GOOD_MS);
  }
}
