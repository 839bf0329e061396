/** Starts a server: its name, where, how large, and of which build. A dialog, so that nothing moves. */

import { h } from "../dom.js";
import { ask } from "../request.js";
import { known } from "./known.js";

export class StartForm {
  constructor({ onStart }) {
    this.onStart = onStart;
    this.name = h("input", { name: "name", required: true, maxLength: 128, autocomplete: "off" });
    this.region = h("select", { name: "region", required: true });
    this.size = h("select", { name: "compute_size", required: true });
    this.build = h("select", { name: "version_tag" });
    this.again = h("input", { type: "checkbox" });
    this.problem = h("p", { class: "form-problem", role: "alert" });
    this.submit = h("button", { type: "submit", class: "primary", textContent: "Start" });
    const field = (label, control) => h("label", {}, h("span", { textContent: label }), control);
    const form = h("form", { method: "dialog", "aria-labelledby": "start-title", on: { submit: (event) => this.send(event) } },
      h("h2", { id: "start-title", textContent: "Start a server" }),
      field("Name", this.name), field("Region", this.region), field("Size", this.size), field("Build", this.build),
      h("label", { class: "check" }, this.again, h("span", { textContent: "Start it again when it ends" })),
      this.problem,
      h("div", { class: "decisions" }, h("button", { type: "button", textContent: "Cancel", on: { click: () => this.dialog.close() } }), this.submit));
    this.dialog = h("dialog", { class: "start" }, form);
    document.body.append(this.dialog);
  }

  /** Opens at once; regions and sizes are there as soon as they were answered. */
  async open() {
    const names = [...new Set(known.builds.filter(({ status }) => status === "ready").map(({ name }) => name))];
    fill(this.build, names.map((name) => [name, `${name}, newest version`]));
    this.problem.textContent = "";
    this.submit.disabled = true;
    this.dialog.showModal();
    this.name.focus();
    try {
      const { regions, sizes } = await ask("fleet/hosts");
      fill(this.region, regions.map((region) => [region, region]));
      fill(this.size, sizes.map((size) => [size, size]));
      this.problem.textContent = regions.length ? names.length ? "" : "No build of this game is ready: upload one first." : "No host is up.";
      this.submit.disabled = !names.length || !regions.length;
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  async send(event) {
    event.preventDefault();
    if (this.submit.ariaBusy === "true") return;
    this.submit.ariaBusy = "true";
    this.problem.textContent = "";
    try {
      await this.onStart({ name: this.name.value, region: this.region.value, compute_size: this.size.value, version_tag: this.build.value, auto_restart: this.again.checked });
      this.name.value = "";
      this.dialog.close();
    } catch (error) {
      this.problem.textContent = error.message;
    } finally {
      this.submit.ariaBusy = "false";
    }
  }
}

/** Other options; what was chosen stays chosen where it is still there. */
function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => h("option", { value, textContent: text })));
  if (options.some(([value]) => value === before)) select.value = before;
}
