/** The sessions whose players were in the chosen cell of a heatmap. */

import { h } from "../dom.js";
import { count, moment, plural } from "../format.js";
import { ask } from "../request.js";
import { dataTable } from "../table.js";
import { boundsOf } from "./heatmaps.js";

export const cell = {
  id: "cell",
  title: "Sessions in a cell",
  hint: "Choose a cell with the pointer, or with the arrow keys and Enter",
  width: 12,
  every: 15_000,
  scope: "all",
  ready: (selection) => !selection.cell || boundsOf(selection.cell) !== undefined,
  load(selection, signal) {
    const bounds = selection.cell ? boundsOf(selection.cell) : null;
    asked = Boolean(bounds);
    return bounds ? ask("cell", { ...selection.parameters(), ...bounds }, signal) : Promise.resolve(null);
  },
  get empty() { return asked ? ["No positions in this cell", "Pick a longer time or another cell."] : ["No cell chosen", "Choose a cell of a room above."]; },
  isEmpty: (data) => !data?.sessions.length,
  draw(content, data, selection) {
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    const [x, y, ...room] = selection.cell.split(" ");
    const table = dataTable({
      caption: "Sessions with positions in the cell, most first",
      columns: [{ name: "Session", wide: true }, { name: "Player" }, { name: "Positions", number: true }, { name: "First", number: true, optional: true }],
      rows: data.sessions.map((one) => [
        h("a", { href: `/dashboard/players?${new URLSearchParams({ ...selection.parameters(), tester: one.player, session: one.session })}`, textContent: one.session }),
        one.player,
        count(one.points),
        h("time", { dateTime: new Date(one.first_at).toISOString(), textContent: moment(one.first_at) }),
      ]),
    });
    content.replaceChildren(h("p", { class: "faint", textContent: `${room.join(" ")}, cell ${x}, ${y}: ${plural(data.points, "position")} in ${plural(data.total, "session")}` }), table);
    table.scrollTop = scrolled;
  },
};
let asked = false;
