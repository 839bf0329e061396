/** One event name: its trend, and how often each of its properties had which value. */

import { TimeChart, runningSince } from "../charts/lines.js";
import { h } from "../dom.js";
import { count, plural } from "../format.js";
import { withMarks } from "../marks.js";
import { from } from "../table.js";

let parts = null;

export const event = {
  id: "event",
  title: "One event",
  hint: "Its trend and its properties",
  width: 12,
  every: 10_000,
  plots: true,
  endpoint: "event",
  scope: "all",
  parameters: ({ name }) => ({ name }),
  load: (selection, signal) => (selection.name ? withMarks("event", selection, signal, { name: selection.name }) : Promise.resolve(null)),
  get empty() { return asked ? ["It did not happen in this time", "Pick a longer time or another build."] : ["No event chosen", "Choose a name in the list above."]; },
  isEmpty(data, { name }) {
    asked = name;
    return !data?.count;
  },
  draw(content, data) {
    parts ??= build(content);
    parts.name.replaceChildren(data.name, " ", h("small", { class: "faint", textContent: `${plural(data.count, "time")}, ${plural(data.players, "player")}` }));
    parts.chart.update([data.t, data.counts], runningSince(data.t, data.bucket_minutes), data.marks);
    const scrolled = parts.properties.scrollTop;
    parts.about.textContent = data.properties.length ? `Of the newest ${count(data.sampled)}:` : "It has no properties.";
    parts.properties.replaceChildren(...data.properties.map(property));
    parts.properties.scrollTop = scrolled;
  },
  reset() {
    parts?.chart.destroy();
    parts = null;
  },
  table: (data) => ({
    caption: `${data.name} by ${data.bucket_minutes} minutes`,
    columns: [{ name: "From" }, { name: "Times", number: true }],
    rows: data.t.map((start, place) => [from(start, data.bucket_minutes), count(data.counts[place])]).reverse(),
  }),
};
let asked = "";

function build(content) {
  const name = h("h3");
  const trend = h("div", { class: "over-time" });
  const about = h("p", { class: "faint" });
  const properties = h("div", { class: "scroll properties", tabIndex: 0, role: "region", "aria-label": "Properties" });
  content.replaceChildren(name, h("div", { class: "two-sides" }, trend, h("div", { class: "side" }, about, properties)));
  const chart = new TimeChart(trend, { label: "How often it came over the chosen time", legend: false, series: [{ label: "Times", token: "series-1", kind: "bars", format: count }] });
  return { name, chart, about, properties };
}

/** Values are JSON as sent; a text is shown without its quotes. */
function property({ key, count: all, distinct, values }) {
  const most = values[0].count;
  const shown = (value) => (value.startsWith("\"") && value.endsWith("\"") ? value.slice(1, -1) : value);
  const rest = distinct - values.length;
  return h("section", { "data-key": key },
    h("h4", {}, key, " ", h("small", { class: "faint", textContent: `${plural(distinct, "value")} in ${count(all)}` })),
    h("dl", { class: "values" }, values.map((one) => h("div", {}, h("dt", { textContent: shown(one.value), title: shown(one.value) }), h("dd", {}, h("i", { "aria-hidden": "true", style: { width: `${(one.count / most) * 100}%` } }), h("span", { textContent: count(one.count) }))))),
    rest > 0 ? h("p", { class: "faint", textContent: `and ${plural(rest, "more value")}` }) : null);
}
