/** What was said of the chosen build's processing. */

import { h } from "../dom.js";
import { timeOfDay } from "../format.js";
import { ask } from "../request.js";
import { chosenBuild, known, views } from "./known.js";
import { tools } from "./parts.js";

let shown = null;
let list = null;

export const processing = {
  id: "processing",
  title: "Processing log",
  hint: "Of the chosen build",
  width: 5,
  every: 3_000,
  scope: "own",
  empty: ["Nothing was said yet", "Lines appear as a host processes the build; they are kept for 30 days."],
  isEmpty: (found) => !found?.logs.length,
  ready: (selection) => known.buildsOf === selection.game,
  async load(selection, signal) {
    shown = chosenBuild(selection)?.build_id ?? null;
    return shown ? ask("fleet/build_logs", { game: selection.game, build: shown }, signal) : null;
  },
  draw(content, { logs }) {
    if (!list) {
      list = h("ol", { class: "lines" });
      content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "What was said of the processing" }, list));
    }
    list.replaceChildren(...logs.map(({ timestamp, level, step, message }) => h("li", { class: level }, h("time", { textContent: timeOfDay(Date.parse(timestamp)) }), h("b", { textContent: step }), h("span", { textContent: message }))));
  },
  reset() { list = null; },
};
processing.tools = tools(() => shown && `/api/v3/builds/${shown}/logs?limit=500`);
views.push(processing);
