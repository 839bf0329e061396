/** The steps of a funnel that is picked on the page: add one by name, move it, take it out. */

import { h } from "../dom.js";
import { ask } from "../request.js";

const STEPS_MIN = 2;
const STEPS_MAX = 20;

/** Names of what happened in the chosen time, the most frequent first; none where they can't be read. */
export async function eventNames(selection) {
  const { names } = await ask("events", selection.parameters()).catch(() => ({ names: [] }));
  return names.map(({ name }) => name).filter((name) => name !== "player_pos");
}

/** `onChange(names)` is told of every change; it is shown where the steps are picked ones. */
export class FunnelEditor {
  constructor(onChange) {
    this.onChange = onChange;
    this.names = [];
    this.known = h("datalist", { id: "funnel-names" });
    this.wanted = h("input", { type: "text", id: "funnel-step", maxLength: 256, placeholder: "Event or step", autocomplete: "off", spellcheck: false });
    this.wanted.setAttribute("list", this.known.id);
    this.steps = h("ul", { class: "steps", "aria-label": "Picked steps" });
    const add = (event) => {
      event.preventDefault();
      const name = this.wanted.value.trim();
      if (!name || this.names.includes(name) || this.names.length >= STEPS_MAX) return;
      this.wanted.value = "";
      this.onChange([...this.names, name]);
    };
    this.element = h("div", { class: "funnel-editor", hidden: true },
      h("form", { class: "choose", on: { submit: add } }, h("label", { for: "funnel-step", class: "unseen", textContent: "Name of the next step" }), this.wanted, this.known, h("button", { type: "submit", textContent: "Add step" })),
      this.steps);
  }

  show({ by, steps }, selection) {
    this.element.hidden = by !== "picked";
    if (by !== "picked") return;
    const names = steps.map(({ name }) => name);
    if (this.wanted.dataset.game !== selection.game) {
      this.wanted.dataset.game = selection.game;
      eventNames(selection).then((found) => this.known.replaceChildren(...found.map((value) => h("option", { value }))));
    }
    if (names.join("\n") === this.names.join("\n") && this.steps.children.length) return;
    const held = this.steps.contains(document.activeElement) ? document.activeElement.dataset : null;
    this.names = names;
    this.steps.replaceChildren(...names.map((name, place) => this.row(name, place)));
    if (held) [...this.steps.querySelectorAll("button:not(:disabled)")].find(({ dataset }) => dataset.name === held.name && dataset.does === held.does)?.focus();
  }

  row(name, place) {
    const button = (does, sign, names, disabled) => h("button", { type: "button", class: "quiet", "data-name": name, "data-does": does, "aria-label": `${does}: ${name}`, title: does, textContent: sign, disabled, on: { click: () => this.onChange(names) } });
    const swapped = (other) => this.names.map((one, at) => (at === place ? this.names[other] : at === other ? name : one));
    return h("li", {}, h("span", { textContent: name, title: name }),
      button("Earlier", "↑", swapped(place - 1), place === 0),
      button("Later", "↓", swapped(place + 1), place === this.names.length - 1),
      button("Take out", "×", this.names.filter((_, at) => at !== place), this.names.length <= STEPS_MIN));
  }
}
