/** Tables: the panels that are one, and the other face of every chart. */

import { h } from "./dom.js";

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
