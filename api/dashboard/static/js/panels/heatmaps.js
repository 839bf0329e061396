/** Where players spend their time, room by room. */

import { count, decimal, plural } from "../format.js";
import { h } from "../dom.js";
import { rampLegend, roomFigure } from "../charts/heat.js";

let drawn = [];

export const heatmaps = {
  id: "heatmaps",
  title: "Where players are",
  hint: "Positions by room, drawn over the room’s bounds",
  width: 12,
  every: 15_000,
  endpoint: "heatmap",
  scope: "all",
  empty: ["No positions in this time", "They come from trajectories (positions) and from player_pos events."],
  isEmpty: ({ rooms }) => !rooms.length,
  draw(content, data) {
    this.reset();
    drawn = data.rooms.map((room) => roomFigure(room, data));
    const counted = data.rooms.reduce((sum, room) => sum + room.points, 0);
    const rest = data.points - counted;
    content.replaceChildren(
      rampLegend(),
      h("div", { class: "rooms" }, drawn.map(({ figure }) => figure)),
      rest > 0 ? h("p", { class: "key", textContent: `${plural(rest, "more position")} in other rooms.` }) : "");
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
