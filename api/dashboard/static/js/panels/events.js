/** Event names by how often they came. */

import { h } from "../dom.js";
import { count, moment } from "../format.js";
import { dataTable } from "../table.js";

export const events = {
  id: "event-names",
  title: "Event names",
  hint: "By count; player_pos are positions",
  width: 4,
  every: 10_000,
  endpoint: "events",
  scope: "all",
  empty: ["No events in this time", "Names appear here as soon as the game sends some."],
  isEmpty: ({ names }) => !names.length,
  draw(content, { names }) {
    const most = Math.log1p(names[0].count);
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    const table = dataTable({
      caption: "Event names by count; bars are logarithmic",
      columns: [{ name: "Name", wide: true }, { name: "" }, { name: "Count", number: true }, { name: "Players", number: true }],
      rows: names.map((one) => [
        one.name,
        h("div", { class: "bar-cell", "aria-hidden": "true", title: `Last ${moment(one.last_at)}` }, h("i", { style: { width: `${(Math.log1p(one.count) / most) * 100}%` } })),
        count(one.count),
        count(one.players),
      ]),
    });
    content.replaceChildren(table);
    table.scrollTop = scrolled;
  },
};
