/** A panel: title, states (loading, empty, problem, data), and the same data as a table. */

import { aboutButton } from "./about.js";
import { csvOf, keepFile } from "./csv.js";
import { ask } from "./request.js";
import { h } from "./dom.js";
import { NARROWING } from "./selection.js";
import { dataTable } from "./table.js";

/**
 * `view` says what a panel is:
 * - `id`, `title`, `hint`, `width` (grid columns), `every` (milliseconds between refreshes); the section's frame
 *   has a place for it of this id, whose classes it takes
 * - `kind`: the only kind of key whose sessions see it
 * - `endpoint`, and `scope`: "all" sends the whole selection and `parameters(selection)`, "game" the game only, "none" nothing, "own" what
 *   `parameters(selection)` says
 * - `obeys`: which of the page's filters it goes by; all of them where `scope` is "all", else none
 * - `load(selection, signal)`: instead of `endpoint` and `scope`, resolves to the data
 * - `ready(selection)`: false while there is nothing to ask for yet
 * - `tools`: an element for the header's end
 * - `recover(selection)`: the server can't read what `parameters` says; whether it was changed to something it can
 * - `awake(is)`: told when the page begins or stops refreshing by itself
 * - `isEmpty(data, selection)`, `empty` (what to say then)
 * - `plots`: needs the chart library, and is a table where that was not installed
 * - `draw(content, data, selection)`: put the data into the element; called again with newer data
 * - `reset()`: forget what was drawn (theme changed, other game)
 * - `table(data)`: `{caption, columns: [{name, number}], rows}`, or null where the panel is a table already
 */
export class Panel {
  constructor(view, selection) {
    this.view = view;
    this.selection = selection;
    this.data = null;
    this.asTable = false;
    this.onlyTable = false;
    this.failures = 0;
    this.dueAt = 0;
    view.askAgain = () => { this.dueAt = 0; };
    this.content = h("div", { class: "content" });
    this.obeyed = view.obeys ?? (view.scope === "all" ? NARROWING.map(([name]) => name) : []);
    this.unfiltered = h("p", { class: "unfiltered", hidden: true });
    this.problem = h("p", { class: "problem", role: "status", hidden: true });
    this.switch = view.table
      ? h("button", { type: "button", class: "quiet", "aria-pressed": "false", textContent: "Table", "aria-label": `${view.title} as a table`, hidden: true, on: { click: () => this.toggleTable() } })
      : null;
    this.csv = h("button", { type: "button", class: "quiet", textContent: "CSV", "aria-label": `Keep ${view.title} as CSV`, hidden: true, on: { click: () => this.keepCsv() } });
    const heading = h("h2", { id: `${view.id}-title`, textContent: view.title });
    const place = document.getElementById(view.id)?.className ?? `panel w${view.width}`;
    this.element = h("section", { class: place, id: view.id, "aria-labelledby": heading.id, "aria-busy": "true" },
      h("header", {}, heading, h("p", { class: "hint", textContent: view.hint ?? "" }), view.tools, this.switch, this.csv, aboutButton(view, selection)),
      this.unfiltered,
      this.problem,
      this.content);
    this.content.append(h("div", { class: "skeleton" }), h("span", { class: "unseen", textContent: "Loading" }));
  }

  /** Below the heading: which of the chosen filters the figures do not go by. */
  sayWhatIsNotFiltered() {
    const words = this.selection.beyond(this.obeyed);
    const listed = words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];
    this.unfiltered.hidden = !words.length;
    this.unfiltered.textContent = words.length ? `Not filtered by ${listed}.` : "";
  }

  /** Forget the data of another selection, but leave it dimmed on the page until the new arrives. */
  invalidate() {
    this.controller?.abort();
    this.controller = null;
    this.dueAt = 0;
    this.element.classList.add("stale");
  }

  /** Ask and show. Resolves to null, or to the error; never rejects. */
  async refresh() {
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    this.element.setAttribute("aria-busy", "true");
    const { scope, endpoint } = this.view;
    const parameters = scope === "none" ? {} : scope === "own" ? this.view.parameters?.(this.selection) : scope === "game" ? { game: this.selection.game } : { ...this.selection.parameters(), ...this.view.parameters?.(this.selection) };
    try {
      const data = await (this.view.load?.(this.selection, controller.signal) ?? ask(endpoint, parameters, controller.signal));
      if (controller.signal.aborted) return null;
      this.failures = 0;
      this.show(data);
      return null;
    } catch (error) {
      if (controller.signal.aborted) return null;
      if (error.code === "bad_parameter" && this.view.recover?.(this.selection)) return null;
      this.failures += 1;
      this.showProblem(error);
      return error;
    } finally {
      if (this.controller === controller) {
        this.controller = null;
        this.element.setAttribute("aria-busy", "false");
        const pause = this.failures ? Math.min(30_000, 1000 * 2 ** this.failures) : this.view.every;
        this.dueAt = performance.now() + pause;
      }
    }
  }

  show(data) {
    this.data = data;
    this.problem.hidden = true;
    this.element.classList.remove("stale");
    const empty = this.view.isEmpty(data, this.selection);
    if (this.switch) this.switch.hidden = empty || this.onlyTable;
    if (empty) {
      const [strong, rest] = this.view.empty;
      this.replace("empty", h("div", { class: "message" }, h("strong", { textContent: strong }), rest));
    } else if (this.asTable || this.onlyTable) {
      this.replace("table", dataTable(this.view.table(data)));
    } else {
      if (this.shown !== "chart") this.replace("chart");
      this.view.draw(this.content, data, this.selection);
    }
    this.element.dataset.state = empty ? "empty" : "data";
    this.csv.hidden = empty || (!this.view.table && !this.content.querySelector("table"));
  }

  /** All tables of the panel: what its chart is as a table, else those it shows. */
  keepCsv() {
    const host = this.view.table ? dataTable(this.view.table(this.data)) : this.content;
    const { game, range } = this.selection;
    keepFile(`${[game, this.view.id, range].filter(Boolean).join("-")}.csv`, csvOf([...host.querySelectorAll("table")]));
  }

  /** Put other children in; a chart that was there is told to forget its elements. */
  replace(shown, ...children) {
    if (shown !== "chart" || this.shown !== "chart") this.view.reset?.();
    this.shown = shown;
    const scrolled = this.content.querySelector(".scroll")?.scrollTop;
    this.content.replaceChildren(...children);
    const scroll = this.content.querySelector(".scroll");
    if (scroll && scrolled) scroll.scrollTop = scrolled;
  }

  showProblem(error) {
    const retry = h("button", { type: "button", textContent: "Retry", on: { click: () => this.refresh() } });
    this.problem.replaceChildren(this.data ? `Not up to date: ${error.message}` : error.message, retry);
    this.problem.hidden = false;
    if (this.data === null || this.element.classList.contains("stale")) this.replace("nothing");
    this.element.dataset.state = "problem";
  }

  toggleTable() {
    this.asTable = !this.asTable;
    this.switch.setAttribute("aria-pressed", String(this.asTable));
    if (this.data) this.show(this.data);
  }

  /** Draw again from scratch, in the theme's colours. */
  redraw() {
    if (this.data === null || this.shown !== "chart") return;
    this.view.reset?.();
    this.content.replaceChildren();
    this.view.draw(this.content, this.data, this.selection);
  }
}
