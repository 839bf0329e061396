/** Accept with a rating and a comment, or reject with a reason and perhaps another try. */

import { h } from "../dom.js";

const SCORES = [1, 2, 3, 4, 5];
const COMMENT_MAX = 1000;

/** Enter decides on a button alone: on a rating browsers would take it for the form's first button. */
function stay(event) {
  if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
}

export class DecisionForm {
  constructor({ onAccept, onReject }) {
    this.scores = SCORES.map((score) => h("input", { type: "radio", name: "score", value: String(score), "aria-label": `${score} of 5` }));
    this.note = h("textarea", { rows: 4, maxLength: COMMENT_MAX, placeholder: "Optional" });
    this.retry = h("input", { type: "checkbox" });
    this.accept = h("button", { type: "submit", class: "primary", textContent: "Accept" });
    this.reject = h("button", { type: "button", class: "reject", textContent: "Reject", on: { click: () => this.decide(() => onReject(this.rejection())) } });
    this.message = h("p", { class: "form-problem", role: "alert" });
    this.element = h("form", { class: "decision", "aria-label": "Decide on this submission", on: { keydown: stay, submit: (event) => { event.preventDefault(); this.decide(() => this.accepting(onAccept)); } } },
      h("fieldset", { class: "stars" }, h("legend", { textContent: "Rating, if you accept" }), SCORES.map((score, place) => h("label", {}, this.scores[place], h("span", { "aria-hidden": "true", textContent: String(score) })))),
      h("label", { class: "field" }, h("span", { textContent: "What the playtester is told" }), this.note),
      h("label", { class: "check" }, this.retry, h("span", { textContent: "If rejected, let them try again within a day" })),
      this.message,
      h("div", { class: "decisions" }, this.accept, this.reject));
  }

  get busy() { return this.element.ariaBusy === "true"; }
  set busy(is) { this.element.ariaBusy = String(is); }

  decide(act) {
    if (this.busy) return;
    this.problem("");
    act();
  }

  accepting(onAccept) {
    const score = this.scores.find((one) => one.checked);
    const comment = this.note.value;
    if (comment && !score) {
      this.problem("A comment goes with a rating: pick one, or leave the text empty.");
      this.scores[0].focus();
      return;
    }
    onAccept({ ...(score ? { rating: Number(score.value) } : {}), ...(comment ? { comment } : {}) });
  }

  rejection() {
    return { ...(this.note.value ? { reason: this.note.value } : {}), allowRetry: this.retry.checked };
  }

  problem(text) { this.message.textContent = text; }

  /** Empty again, for another submission. */
  restart() {
    this.element.reset();
    this.problem("");
  }
}
