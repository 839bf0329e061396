/** What the chosen server prints, as it prints it. New lines are followed while the end is in view. */

import { h } from "../dom.js";
import { timeOfDay } from "../format.js";
import { ask } from "../request.js";
import { chosenServer, known, views } from "./known.js";
import { tools } from "./parts.js";

const LINES_MAX = 1_000;
/** Of one answer: as many mean that there are more. */
const FULL = 200;
const ANSWERS_AT_ONCE_MAX = 5;
const NEAR_END_PX = 40;

let shown = null;
let lines = [];
let after = null;
/** How many of `lines` are drawn; those that went from the front are counted off. */
let drawn = 0;
let dropped = 0;
let list = null;

export const log = {
  id: "log",
  title: "Log",
  hint: "Of the chosen server, live",
  width: 12,
  every: 1_500,
  scope: "own",
  get empty() {
    return shown ? ["Nothing printed yet", "Lines appear here within seconds, and are kept for 7 days."] : ["No server is chosen", "Start one, or pick one above."];
  },
  isEmpty: (found) => !found.length,
  ready: (selection) => known.game === selection.game,
  async load(selection, signal) {
    const server = chosenServer(selection)?.instance_id ?? null;
    if (server !== shown) {
      [shown, lines, after, drawn, dropped] = [server, [], null, 0, 0];
      list?.replaceChildren();
    }
    for (let answers = 0; shown && answers < ANSWERS_AT_ONCE_MAX; answers += 1) {
      const found = await ask("fleet/logs", { game: selection.game, server: shown, ...(after ? { after } : {}) }, signal);
      if (signal.aborted) return lines;
      const first = after === null;
      lines.push(...found.lines);
      after = found.after;
      if (first || found.lines.length < FULL) break;
    }
    const over = Math.max(0, lines.length - LINES_MAX);
    lines.splice(0, over);
    dropped += over;
    return lines;
  },
  draw(content) {
    if (!list) {
      list = h("ol", { class: "lines" });
      drawn = 0;
      dropped = 0;
      content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "log", "aria-live": "off", "aria-label": "What the server printed" }, list));
    }
    const box = list.parentElement;
    const follows = drawn === 0 || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
    for (; dropped > 0; dropped -= 1) {
      if (drawn > 0) {
        list.firstElementChild?.remove();
        drawn -= 1;
      }
    }
    list.append(...lines.slice(drawn).map(line));
    drawn = lines.length;
    if (follows) box.scrollTop = box.scrollHeight;
  },
  reset() { list = null; },
};
log.tools = tools(() => shown && `/api/v3/servers/${shown}/logs?start_time=-5m`);
views.push(log);

function line({ at, level, message }) {
  return h("li", { class: level }, h("time", { textContent: timeOfDay(at) }), h("b", { textContent: level === "info" ? "" : level }), h("span", { textContent: message }));
}
