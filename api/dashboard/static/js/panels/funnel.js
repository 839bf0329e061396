/** The funnel: how many players reached each step, and how many of the step before never did. */

import { h } from "../dom.js";
import { count, percent, plural } from "../format.js";

const STEEP = 0.3;

export const funnel = {
  id: "funnel",
  title: "Funnel",
  hint: "Players, in the order steps are reached",
  width: 6,
  every: 10_000,
  endpoint: "funnel",
  scope: "all",
  empty: ["No funnel steps in this time", "Send events with a funnel_step_name to see where players leave."],
  isEmpty: ({ steps }) => !steps.length,
  draw(content, { steps }) {
    const most = Math.max(...steps.map((step) => step.players));
    const first = steps[0].players;
    content.replaceChildren(h("ol", { class: "funnel" }, steps.map((step) => {
      const before = step.lost === null ? 0 : step.kept + step.lost;
      const share = before ? step.lost / before : 0;
      return h("li", {},
        step.lost ? h("p", { class: `lost${share >= STEEP ? " steep" : ""}` }, h("b", { textContent: `−${percent(share)}` }), ` ${plural(step.lost, "player")} did not go on`) : null,
        h("span", { class: "name", textContent: step.name, title: step.name }),
        h("span", { class: "reach" }, h("b", { textContent: count(step.players) }), ` ${percent(step.players / first)}`),
        h("div", { class: "track", "aria-hidden": "true" }, h("i", { style: { width: `${(step.players / most) * 100}%` } })));
    })));
  },
  table: ({ steps }) => ({
    caption: "Funnel steps in players",
    columns: [{ name: "Step" }, { name: "Players", number: true }, { name: "Went on", number: true }, { name: "Lost", number: true }, { name: "Drop-off", number: true }],
    rows: steps.map((step) => [step.name, count(step.players), count(step.kept), count(step.lost), percent(step.lost === null ? null : step.lost / Math.max(1, step.kept + step.lost))]),
  }),
};
