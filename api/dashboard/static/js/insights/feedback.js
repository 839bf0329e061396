/** What players answered in feedback forms: how often, which ratings, and the newest texts. */

import { curlButton, part } from "../curl.js";
import { h } from "../dom.js";
import { ago, count, decimal, plural } from "../format.js";
import { ask } from "../request.js";
import { Read } from "./s1.js";

const TEXTS = 20;
const RATINGS = ["5", "4", "3", "2", "1"];
const WORDS = ["yes", "no"];
const read = new Read("the list of feedback forms");
let parts = null;

export const feedback = {
  id: "feedback",
  title: "Feedback",
  hint: "Answers in the game’s forms",
  width: 7,
  every: 10_000,
  scope: "own",
  tools: read.tools,
  empty: ["This game has no feedback forms", "Declare some in its definition file and load it with “questlog apply”."],
  isEmpty: ({ forms }) => !forms.length,
  async load({ game }, signal) {
    const [listed, answers] = await Promise.all([read.ask(`/games/${part(game)}/prompts`, {}, signal), ask("feedback", { game }, signal)]);
    return { forms: listed?.forms ?? [], ...answers };
  },
  draw(content, { forms, tallies, texts }, selection) {
    parts ??= build(content);
    const fields = new Map(forms.flatMap((form) => form.fields.map((field) => [`${form.id}\n${field.id}`, field])));
    parts.forms.replaceChildren(...forms.map((form) => figures(form, tallies)));
    const focused = parts.texts.contains(document.activeElement);
    if (focused) return;
    const listed = texts.slice(0, TEXTS).map((one) => text(one, fields, selection));
    parts.texts.replaceChildren(...(listed.length ? listed : [h("li", { class: "faint", textContent: "No texts yet." })]));
  },
  reset() { parts = null; },
};

function build(content) {
  const forms = h("div", { class: "forms" });
  const texts = h("ul", { class: "texts", "aria-label": "The newest texts" });
  content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Feedback" }, forms, texts));
  return { forms, texts };
}

function figures(form, tallies) {
  const closed = form.fields.filter(({ kind }) => kind === "rating-1-5" || kind === "yes-no");
  return h("section", { "data-form": form.id },
    h("h3", {}, form.name, " ", h("small", { class: "faint", textContent: `${plural(form.responseCount, "submission")}${form.active ? "" : " · not active"}` })),
    ...closed.map((field) => question(field, tallies.filter((one) => one.form === form.id && one.field === field.id))));
}

function question(field, given) {
  const values = field.kind === "yes-no" ? WORDS : RATINGS;
  const counts = values.map((value) => given.filter((one) => one.value.toLowerCase() === value).reduce((sum, one) => sum + one.count, 0));
  const all = counts.reduce((sum, one) => sum + one, 0);
  const mean = values === RATINGS && all ? ` · mean ${decimal(values.reduce((sum, value, place) => sum + Number(value) * counts[place], 0) / all)}` : "";
  return h("div", { class: "question" }, h("p", { textContent: `${field.label} ` }, h("small", { class: "faint", textContent: `${plural(all, "answer")}${mean}` })),
    h("dl", { class: "answers" }, values.map((value, place) => h("div", {}, h("dt", { textContent: value }), h("dd", {}, h("i", { "aria-hidden": "true", style: { width: `${all ? (counts[place] / all) * 100 : 0}%` } }), h("span", { textContent: count(counts[place]) }))))));
}

function text(one, fields, selection) {
  const label = fields.get(`${one.form}\n${one.field}`)?.label ?? one.field;
  return h("li", {}, h("q", { textContent: one.text }),
    h("div", { class: "said-by" }, h("span", { class: "faint", textContent: `${label} · ${ago(one.at)}` }),
      h("button", { type: "button", class: "name", textContent: one.device, title: `The journey of ${one.device}`, on: { click: () => selection.set({ tester: one.device }, { only: ["journey", "testers"] }) } }),
      curlButton(() => `/api/v1/sessions/${part(one.session)}`, () => "MGMT", "the session of this answer")));
}
