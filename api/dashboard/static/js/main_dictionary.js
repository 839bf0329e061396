/** The data dictionary: what analysts' views hold, as their comments in ClickHouse say. */

import { copyButton } from "./curl.js";
import { h } from "./dom.js";
import { plural } from "./format.js";
import { startPage } from "./page.js";
import { dataTable } from "./table.js";

let search = "";
let shown = null;
const known = { view: "sessions" };
const box = h("input", { type: "search", "aria-label": "Search views and columns", placeholder: "Search", maxLength: 100, on: { input: () => { search = box.value.trim().toLowerCase(); shown?.(); } } });
const tools = h("div", { class: "tools" }, box, copyButton("sql", "the command", () => `questlog sql --describe ${known.view}`));

const views = {
  id: "views",
  title: "Views",
  hint: "Of the database that analysts ask",
  width: 12,
  every: 60_000,
  endpoint: "dictionary",
  scope: "none",
  tools,
  empty: ["There are no views yet", "They are made when a stack starts, or by “questlog prepare”."],
  isEmpty: (data) => !data.views.length,
  draw(content, data) {
    shown = () => content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Views" }, data.views.map(section)));
    shown();
  },
  reset() { shown = null; },
};

function section(view) {
  const named = matches(view.name) || matches(view.comment);
  const columns = named ? view.columns : view.columns.filter((column) => matches(column.name) || matches(column.comment));
  if (!columns.length) return null;
  const details = h("details", { "data-view": view.name, open: search !== "", on: { toggle: () => { if (details.open) known.view = view.name; } } },
    h("summary", {}, h("b", { textContent: view.name }), h("span", { class: "faint", textContent: ` ${view.comment} ${plural(view.columns.length, "column")}.` })),
    dataTable({
      caption: `Columns of ${view.name}`,
      columns: [{ name: "Column" }, { name: "Type" }, { name: "What it holds", wide: true }],
      rows: columns.map((column) => [column.name, column.type, column.comment]),
    }));
  return details;
}

const matches = (text) => text.toLowerCase().includes(search);

startPage([views]);
