/** What was minted, spent and held, by currency and item, and the chosen one over time. */

import { TimeChart, runningSince } from "../charts/lines.js";
import { h } from "../dom.js";
import { count, short, signed } from "../format.js";
import { dataTable, from } from "../table.js";

let parts = null;
let chosen = "";

const id = (flow) => `${flow.type} ${flow.key}`;
const find = ({ flows_of: { flows } }) => flows.find((flow) => id(flow) === chosen) ?? flows[0];
const named = (flow, names) => names[id(flow)] ?? flow.key;

export const economy = {
  id: "economy",
  title: "Economy",
  hint: "Minted and spent in this time; held now or at its end",
  width: 12,
  every: 10_000,
  plots: true,
  endpoint: "economy",
  scope: "all",
  obeys: [],
  empty: ["Nothing was ever minted in this game", "Claimed rewards, credits and debits appear here."],
  isEmpty: ({ flows_of: { flows } }) => !flows.length,
  draw(content, data) {
    parts ??= build(content);
    const flow = find(data);
    const scrolled = parts.totals.querySelector(".scroll")?.scrollTop ?? 0;
    const focused = parts.totals.contains(document.activeElement);
    parts.totals.replaceChildren(totals(data, flow, (picked) => { chosen = picked; this.draw(content, data); }));
    parts.totals.querySelector(".scroll").scrollTop = scrolled;
    if (focused) parts.totals.querySelector("[aria-pressed=true]")?.focus();
    parts.title.textContent = `${named(flow, data.names)}, by ${data.flows_of.bucket_minutes} min`;
    const { t, bucket_minutes: step } = data.flows_of;
    parts.chart.update([t, flow.minted_by.map(Number), flow.spent_by.map(Number)], runningSince(t, step));
  },
  reset() {
    parts?.chart.destroy();
    parts = null;
  },
  table(data) {
    const flow = find(data);
    const { t } = data.flows_of;
    return {
      caption: `${named(flow, data.names)} by ${data.flows_of.bucket_minutes} minutes`,
      columns: [{ name: "From" }, { name: "Minted", number: true }, { name: "Spent", number: true }],
      rows: t.map((start, place) => [from(start, data.flows_of.bucket_minutes), count(flow.minted_by[place]), count(flow.spent_by[place])]).reverse(),
    };
  },
};

function build(content) {
  const totalsHost = h("div");
  const title = h("h3");
  const host = h("div", { class: "over-time" }, title);
  content.replaceChildren(h("div", { class: "economy" }, totalsHost, host));
  const chart = new TimeChart(host, {
    label: "Minted and spent over the chosen time",
    series: [
      { label: "Minted", token: "series-3", area: true, format: short },
      { label: "Spent", token: "series-2", format: short },
    ],
  });
  return { totals: totalsHost, title, chart };
}

function totals({ flows_of: { flows }, names }, shown, onPick) {
  return dataTable({
    caption: "Currencies and items",
    columns: [{ name: "", wide: true }, { name: "Minted", number: true }, { name: "Spent", number: true }, { name: "Net", number: true, optional: true }, { name: "Held", number: true }],
    rows: flows.map((flow) => [
      h("button", { type: "button", class: "name", "aria-pressed": String(flow === shown), title: `${flow.type} ${flow.key}`, textContent: named(flow, names), on: { click: () => onPick(id(flow)) } }),
      count(BigInt(flow.minted)),
      count(BigInt(flow.spent)),
      signed(BigInt(flow.minted) - BigInt(flow.spent)),
      count(BigInt(flow.held)),
    ]),
  });
}
