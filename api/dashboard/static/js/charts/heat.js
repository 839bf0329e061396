/** One room's heatmap on a canvas, drawn over the room's bounds; y grows upwards, as in the game's world. */

import { color, h } from "../dom.js";
import { count, decimal, plural } from "../format.js";

const RAMPS = {
  light: ["#d7e6f7", "#8fbce6", "#4a8bd0", "#3a4fa8", "#5a1e78"],
  dark: ["#17324d", "#1f6286", "#2ba08f", "#9bd05e", "#fdf08a"],
};

/** The colour of an intensity in 0..1, in the theme that is shown. */
export function heatColor(intensity) {
  const stops = RAMPS[window.questlogTheme.shown()];
  const place = Math.min(0.9999, Math.max(0, intensity)) * (stops.length - 1);
  const [low, high] = [stops[Math.floor(place)], stops[Math.floor(place) + 1]];
  const part = (text, at) => parseInt(text.slice(at, at + 2), 16);
  const mix = (at) => Math.round(part(low, at) + (part(high, at) - part(low, at)) * (place % 1));
  return `rgb(${mix(1)} ${mix(3)} ${mix(5)})`;
}

/** A strip that explains the colours. */
export function rampLegend() {
  const canvas = h("canvas", { width: 140, height: 10, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  for (let x = 0; x < 140; x += 1) {
    context.fillStyle = heatColor(x / 139);
    context.fillRect(x, 0, 1, 10);
  }
  return h("p", { class: "ramp" }, "Fewest", canvas, "Most", h("span", { class: "detail", textContent: "time spent; each room has a logarithmic scale of its own" }));
}

/** A figure for one room of the heatmap answer; `onPick("x y room")` is told of a chosen cell. */
export function roomFigure(room, { cells_x: columns, cells_y: rows, axes }, onPick) {
  const canvas = h("canvas", { role: "img", tabIndex: 0, "aria-label": description(room, columns, rows), style: { "aspect-ratio": String(1 / shape(room)) } });
  const spot = h("div", { class: "spot", hidden: true });
  const floor = h("div", { class: "floor" }, canvas, spot);
  const [across, up] = axes;
  const figure = h("figure", { class: "room", "data-room": room.room },
    h("figcaption", {}, h("b", { textContent: room.room, title: room.room }), h("span", { textContent: plural(room.points, "position") })),
    floor,
    h("div", { class: "bounds" },
      h("span", { textContent: `${across} ${decimal(room.x_min)} … ${decimal(room.x_max)}` }),
      h("span", { textContent: `${up} ${decimal(room.y_min)} … ${decimal(room.y_max)}` })));
  const paint = () => draw(canvas, room, columns, rows);
  const observer = new ResizeObserver(paint);
  observer.observe(canvas);
  const counts = new Map(room.cells.map(([x, y, , points]) => [y * columns + x, points]));
  const grid = { canvas, spot, room, counts, columns, rows };
  let [x, y] = room.cells[0];
  canvas.addEventListener("pointermove", (event) => say(grid, ...cellAt(event, grid)));
  canvas.addEventListener("pointerleave", () => { spot.hidden = true; });
  canvas.addEventListener("click", (event) => {
    [x, y] = cellAt(event, grid);
    if (counts.has(y * columns + x)) onPick(`${x} ${y} ${room.room}`);
  });
  canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible")) say(grid, x, y); });
  canvas.addEventListener("blur", () => { spot.hidden = true; });
  canvas.addEventListener("keydown", (event) => {
    const [across, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (event.key === "Enter") onPick(`${x} ${y} ${room.room}`);
    else if (!across && !up) return;
    event.preventDefault();
    [x, y] = [Math.min(columns - 1, Math.max(0, x + across)), Math.min(rows - 1, Math.max(0, y + up))];
    say(grid, x, y);
  });
  return { figure, stop: () => observer.disconnect() };
}

function shape(room) {
  const [width, height] = [room.x_max - room.x_min, room.y_max - room.y_min];
  return width > 0 && height > 0 ? Math.min(1.15, Math.max(0.35, height / width)) : 18 / 32;
}

function draw(canvas, room, columns, rows) {
  const width = canvas.clientWidth;
  if (!width) return;
  const height = Math.round(width * shape(room));
  const scale = Math.min(3, devicePixelRatio || 1);
  canvas.style.setProperty("height", `${height}px`);
  const [pixelsX, pixelsY] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelsX || canvas.height !== pixelsY) [canvas.width, canvas.height] = [pixelsX, pixelsY];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, pixelsX, pixelsY);
  const [stepX, stepY] = [pixelsX / columns, pixelsY / rows];
  for (const [x, y, intensity] of room.cells) {
    context.fillStyle = heatColor(intensity);
    const [left, top] = [Math.floor(x * stepX), Math.floor((rows - 1 - y) * stepY)];
    context.fillRect(left, top, Math.ceil((x + 1) * stepX) - left, Math.ceil((rows - y) * stepY) - top);
  }
  context.strokeStyle = color("line");
  context.lineWidth = scale;
  context.strokeRect(scale / 2, scale / 2, pixelsX - scale, pixelsY - scale);
}

function cellAt(event, { canvas, columns, rows }) {
  const box = canvas.getBoundingClientRect();
  const x = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * columns)));
  const y = rows - 1 - Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
  return [x, y];
}

/** Say at a cell where it is, and how many positions are in it. */
function say({ canvas, spot, room, counts, columns, rows }, x, y) {
  const box = canvas.getBoundingClientRect();
  const at = (min, max, cell, cells) => decimal(min + ((max - min) * (cell + 0.5)) / cells);
  spot.hidden = false;
  spot.textContent = `${at(room.x_min, room.x_max, x, columns)}, ${at(room.y_min, room.y_max, y, rows)}: ${count(counts.get(y * columns + x) ?? 0)}`;
  spot.style.setProperty("left", `${Math.min(box.width - 60, Math.max(60, (box.width * (x + 0.5)) / columns))}px`);
  spot.style.setProperty("top", `${Math.max(30, (box.height * (rows - y - 0.5)) / rows)}px`);
}

function description(room, columns, rows) {
  const [densest] = room.cells;
  const share = (room.cells.length / (columns * rows)) * 100;
  const across = densest[0] < columns / 3 ? "left" : densest[0] >= (2 * columns) / 3 ? "right" : "middle";
  const up = densest[1] < rows / 3 ? "lower" : densest[1] >= (2 * rows) / 3 ? "upper" : "central";
  return `Heatmap of ${room.room}: ${plural(room.points, "position")} over ${Math.round(share)}% of the floor, densest in the ${up} ${across}.`;
}
