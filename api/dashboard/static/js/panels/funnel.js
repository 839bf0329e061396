/** The funnel: how many players did each step after the one before, and how many of those never did. */

import { fill } from "../controls.js";
import { h } from "../dom.js";
import { count, percent, plural } from "../format.js";
import { FunnelEditor, eventNames } from "./funnel_editor.js";

const STEEP = 0.3;
const OBSERVED = "[]";
const WINDOWS = [[60, "an hour"], [360, "6 hours"], [1440, "a day"], [10_080, "a week"], [43_200, "30 days"]];

const which = h("select", { "aria-label": "Which funnel" });
const within = h("select", { "aria-label": "Time from the first step within which all are done" });
let parts = null;

export const funnel = {
  id: "funnel",
  title: "Funnel",
  hint: "Players by step, in order",
  width: 6,
  every: 10_000,
  endpoint: "funnel",
  scope: "all",
  parameters: ({ funnel: key, steps, within: window }) => ({ ...(key && { funnel: key }), ...(steps && { steps }), ...(window && { window }) }),
  tools: h("div", { class: "tools" }, which, within),
  empty: ["No funnel steps in this time", "Declare a funnel in the definition file, pick its steps here, or send events with a funnel_step_name."],
  isEmpty(data, selection) {
    offer(data, selection);
    return data.by !== "picked" && !data.steps.some(({ players }) => players);
  },
  /** What an old address names may be gone. */
  recover(selection) {
    if (!selection.funnel && !selection.steps && !selection.within) return false;
    selection.set({ funnel: "", steps: "", within: "" }, { only: this.id });
    return true;
  },
  draw(content, data, selection) {
    parts ??= build(content, selection);
    parts.editor.show(data, selection);
    if (parts.list.contains(document.activeElement)) return;
    const first = Math.max(1, data.steps[0]?.players ?? 0);
    parts.list.replaceChildren(...data.steps.map((step, place) => row(step, data.steps[place - 1], first)));
  },
  reset() { parts = null; },
  table: ({ steps }) => ({
    caption: "Funnel steps in players",
    columns: [{ name: "Step" }, { name: "Players", number: true }, { name: "Of the first", number: true }, { name: "Lost before it", number: true }, { name: "Drop-off", number: true }],
    rows: steps.map((step, place) => [step.name, count(step.players), percent(steps[0].players ? step.players / steps[0].players : null), count(step.lost), percent(place ? shareLost(step) : null)]),
  }),
};

const shareLost = ({ players, lost }) => (players + lost ? lost / (players + lost) : null);

function row(step, before, first) {
  const lost = before && step.lost ? h("p", { class: `lost${shareLost(step) >= STEEP ? " steep" : ""}` }, h("b", { textContent: `−${percent(shareLost(step))}` }), ` ${plural(step.lost, "player")} did not go on`) : null;
  return h("li", {}, lost,
    h("span", { class: "name", textContent: step.name, title: step.name }),
    h("span", { class: "reach" }, h("b", { textContent: count(step.players) }), ` ${percent(step.players / first)}`),
    h("div", { class: "track", "aria-hidden": "true" }, h("i", { style: { width: `${(step.players / first) * 100}%` } })));
}

function build(content, selection) {
  const editor = new FunnelEditor((steps) => selection.set({ funnel: "", steps: JSON.stringify(steps) }, { only: "funnel" }));
  const list = h("ol", { class: "funnel", tabIndex: 0, "aria-label": "Steps" });
  content.replaceChildren(editor.element, list);
  return { editor, list };
}

/** Offer the funnels there are, and follow what is picked. */
function offer(data, selection) {
  fill(which, [...data.declared.map(({ key, name }) => [`=${key}`, name]), ["observed", "As players go"], ["picked", "Steps I pick"]], data.by === "declared" ? `=${data.key}` : data.by);
  const minutes = data.window_minutes;
  const windows = WINDOWS.some(([value]) => value === minutes) ? WINDOWS : [...WINDOWS, [minutes, plural(minutes, "minute")]].sort(([a], [b]) => a - b);
  fill(within, windows.map(([value, text]) => [String(value), `within ${text}`]), String(minutes));
  which.onchange = async () => selection.set({ ...(await picked(which.value, data, selection)), within: "" }, { only: "funnel" });
  within.onchange = () => selection.set({ within: within.value }, { only: "funnel" });
}

/** What a choice means. Picking begins with the steps that are shown, or the most frequent events. */
async function picked(choice, { steps }, selection) {
  if (choice === "observed") return { funnel: "", steps: OBSERVED };
  if (choice !== "picked") return { funnel: choice.slice(1), steps: "" };
  const shown = steps.map(({ name }) => name);
  const names = shown.length > 1 ? shown : (await eventNames(selection)).slice(0, 2);
  return { funnel: "", steps: names.length > 1 ? JSON.stringify(names) : OBSERVED };
}
