/** Event names by how often they came. */

import { h } from "../dom.js";
import { count, moment } from "../format.js";
import { dataTable } from "../table.js";

export const events = {
  id: "event-names",
  title: "Event names",
  hint: "Positions are player_pos",
  width: 4,
  every: 10_000,
  endpoint: "events",
  scope: "all",
  empty: ["No events in this time", "Names appear here as soon as the game sends some."],
  isEmpty: ({ names }) => !names.length,
  draw(content, { names }, selection) {
    const held = content.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const most = Math.log1p(names[0].count);
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    const table = dataTable({
      caption: "Event names by count; bars are logarithmic",
      columns: [{ name: "Name", wide: true }, { name: "" }, { name: "Count", number: true }, { name: "Players", number: true }],
      rows: names.map((one) => [
        nameOf(one.name, selection),
        h("div", { class: "bar-cell", "aria-hidden": "true", title: `Last ${moment(one.last_at)}` }, h("i", { style: { width: `${(Math.log1p(one.count) / most) * 100}%` } })),
        count(one.count),
        count(one.players),
      ]),
    });
    content.replaceChildren(table);
    table.scrollTop = scrolled;
    if (held !== null) [...table.querySelectorAll("button")].find(({ dataset }) => dataset.name === held)?.focus();
  },
};

/** Positions are no events: where players are is shown by the heatmaps. */
function nameOf(name, selection) {
  if (name === "player_pos") return name;
  const pick = ({ currentTarget }) => {
    selection.set({ name }, { only: "event" });
    currentTarget.closest("tbody").querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.name === name)));
  };
  return h("button", { type: "button", class: "name", "data-name": name, "aria-pressed": String(selection.name === name), title: `Look at ${name}`, textContent: name, on: { click: pick } });
}
