/** Where players spend their time, room by room. */

import { count, decimal, plural } from "../format.js";
import { h } from "../dom.js";
import { rampLegend, roomFigure } from "../charts/heat.js";

let drawn = [];
let rooms = null;

/** What the endpoint of cells asks for: the cell "x y room" with the room's bounds; null where the room is not shown, undefined before the first answer. */
export function boundsOf(cell) {
  if (rooms === null) return undefined;
  const [x, y, ...name] = cell.split(" ");
  const room = rooms.find((one) => one.room === name.join(" "));
  return room ? { room: room.room, x, y, x_min: room.x_min, x_max: room.x_max, y_min: room.y_min, y_max: room.y_max } : null;
}

export const heatmaps = {
  id: "heatmaps",
  title: "Where players are",
  hint: "Positions by room, drawn over the room’s bounds",
  width: 12,
  every: 15_000,
  endpoint: "heatmap",
  scope: "all",
  empty: ["No positions in this time", "They come from trajectories (positions) and from player_pos events."],
  isEmpty(data) {
    rooms = data.rooms;
    return !data.rooms.length;
  },
  draw(content, data, selection) {
    const held = content.contains(document.activeElement) ? document.activeElement.closest("[data-room]")?.dataset.room : null;
    this.reset();
    const onPick = (cell) => selection.set({ cell }, { only: "cell" });
    drawn = data.rooms.map((room) => roomFigure(room, data, onPick));
    const counted = data.rooms.reduce((sum, room) => sum + room.points, 0);
    const rest = data.points - counted;
    content.replaceChildren(
      rampLegend(),
      h("div", { class: "rooms" }, drawn.map(({ figure }) => figure)),
      rest > 0 ? h("p", { class: "key", textContent: `${plural(rest, "more position")} in other rooms.` }) : "");
    if (held !== null) [...content.querySelectorAll("[data-room]")].find(({ dataset }) => dataset.room === held)?.querySelector("canvas").focus();
  },
  reset() {
    drawn.forEach(({ stop }) => stop());
    drawn = [];
  },
  table: ({ rooms, axes, cells_x: columns, cells_y: rows }) => ({
    caption: "Rooms with their bounds and densest spot",
    columns: [{ name: "Room" }, { name: "Positions", number: true }, { name: `${axes[0]} from … to`, number: true }, { name: `${axes[1]} from … to`, number: true }, { name: "Densest at", number: true }, { name: "Positions there", number: true }],
    rows: rooms.map((room) => {
      const [x, y, , points] = room.cells[0];
      const at = (min, max, cell, cells) => decimal(min + ((max - min) * (cell + 0.5)) / cells);
      return [room.room, count(room.points), `${decimal(room.x_min)} … ${decimal(room.x_max)}`, `${decimal(room.y_min)} … ${decimal(room.y_max)}`, `${at(room.x_min, room.x_max, x, columns)}, ${at(room.y_min, room.y_max, y, rows)}`, count(points)];
    }),
  }),
};
