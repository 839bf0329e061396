/** What the chosen server uses, as four small charts: CPU, memory, network, and who is connected. */

import { TimeChart } from "../charts/lines.js";
import { h } from "../dom.js";
import { bytes, count, decimal, timeOfDay } from "../format.js";
import { ask } from "../request.js";
import { chosenServer, known, views } from "./known.js";
import { tools } from "./parts.js";

const STEPS = { "5m": "15s", "1h": "60s", "24h": "300s" };
const MIB = 1024 * 1024;
const percent = (value) => (value === null ? "–" : `${decimal(value)}%`);
const perSecond = (value) => (value === null ? "–" : `${bytes(value)}/s`);

const period = h("select", { "aria-label": "Time", on: { change: () => usage.askAgain() } },
  h("option", { value: "5m", textContent: "5 min" }), h("option", { value: "1h", textContent: "1 h" }), h("option", { value: "24h", textContent: "24 h" }));
let charts = null;
let shown = null;

export const usage = {
  id: "usage",
  title: "Resource usage",
  hint: "The chosen server",
  width: 5,
  every: 5_000,
  plots: true,
  scope: "own",
  get empty() {
    return shown ? ["No samples in this time", "Hosts take one every 15 s while a server runs."] : ["No server is chosen", "Start one, or pick one beside."];
  },
  isEmpty: (found) => !found?.cpu.usage_percent.length,
  ready: (selection) => known.game === selection.game,
  async load(selection, signal) {
    const server = chosenServer(selection);
    shown = server?.instance_id ?? null;
    return shown ? ask("fleet/metrics", { game: selection.game, server: shown, period: period.value }, signal) : null;
  },
  draw(content, found) {
    charts ??= build(content);
    const series = aligned(found);
    charts.cpu.update([series.t, series.cpu]);
    charts.memory.update([series.t, series.memory]);
    charts.network.update([series.t, series.received, series.sent]);
    charts.connected.update([series.t, series.connected]);
  },
  reset() {
    Object.values(charts ?? {}).forEach((chart) => chart.destroy());
    charts = null;
  },
  table(found) {
    const series = aligned(found);
    return {
      caption: "What the server used",
      columns: [{ name: "From" }, ...["CPU", "Memory", "In", "Out", "Connected"].map((name) => ({ name, number: true }))],
      rows: series.t.map((at, place) => [timeOfDay(at * 1000), percent(series.cpu[place]), bytes(series.memory[place]), perSecond(series.received[place]), perSecond(series.sent[place]), decimal(series.connected[place])]).reverse(),
    };
  },
};
usage.tools = tools(() => shown && `/api/v3/servers/${shown}/metrics?period=${period.value}&step=${STEPS[period.value]}`, period);
views.push(usage);

function build(content) {
  const of = (label, series) => {
    const host = h("div", { class: "small-chart" });
    grid.append(host);
    return new TimeChart(host, { label, series });
  };
  const grid = h("div", { class: "small-charts" });
  content.replaceChildren(grid);
  return {
    cpu: of("CPU over the chosen time, percent of the allotment", [{ label: "CPU", token: "series-1", area: true, format: percent }]),
    memory: of("Memory over the chosen time", [{ label: "Memory", token: "series-3", area: true, format: bytes }]),
    network: of("Network over the chosen time, bytes a second", [{ label: "In", token: "series-1", format: perSecond }, { label: "Out", token: "series-2", format: perSecond }]),
    connected: of("Established TCP connections over the chosen time", [{ label: "Connected", token: "series-2", area: true, format: (value) => (value === null ? "–" : count(Math.round(value))) }]),
  };
}

/** One time axis for all series; null where a step has no point. */
function aligned({ cpu, memory, network, connections }) {
  const lists = { cpu: cpu.usage_percent, memory: memory.used_mb, received: network.rx_bytes_per_sec, sent: network.tx_bytes_per_sec, connected: connections.tcp };
  const t = [...new Set(Object.values(lists).flatMap((points) => points.map((point) => point.t)))].sort((a, b) => a - b);
  const of = (points, factor = 1) => {
    const by = new Map(points.map((point) => [point.t, point.v * factor]));
    return t.map((at) => by.get(at) ?? null);
  };
  return { t, cpu: of(lists.cpu), memory: of(lists.memory, MIB), received: of(lists.received), sent: of(lists.sent), connected: of(lists.connected) };
}
