/** Tables: the panels that are one, and the other face of every chart. */

import { h } from "./dom.js";
import { day, moment } from "./format.js";

/** A cell: when a bucket begins (unix seconds), and whether it is still running. */
export function from(start, bucketMinutes) {
  const running = start + bucketMinutes * 60 > Date.now() / 1000;
  return h("span", {}, h("time", { dateTime: new Date(start * 1000).toISOString(), textContent: moment(start * 1000) }), running ? " (so far)" : null);
}

/** A cell: a UTC day by the unix second of its start. */
export function fromDay(start) {
  const running = start + 86_400 > Date.now() / 1000;
  return h("span", {}, h("time", { dateTime: new Date(start * 1000).toISOString().slice(0, 10), textContent: day(start * 1000) }), running ? " (so far)" : null);
}

/** `{caption, columns: [{name, number?, wide?, optional?}], rows: [[cell, …]]}`; cells are text or nodes, the first heads its row. */
export function dataTable({ caption, columns, rows }) {
  const style = (column) => [column.number && "num", column.wide && "wide", column.optional && "optional"].filter(Boolean).join(" ");
  const cell = (value, place) => {
    const column = columns[place];
    const properties = { class: style(column) || null };
    if (typeof value === "string" && column.wide) properties.title = value;
    return place === 0 ? h("th", { scope: "row", ...properties }, value) : h("td", properties, value);
  };
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    h("table", {},
      h("caption", { class: "unseen", textContent: caption }),
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: style(column) || null, textContent: column.name })))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell))))));
}
