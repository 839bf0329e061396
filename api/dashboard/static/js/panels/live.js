/** Events per minute as they arrive: the last hour, from the live counters. */

import { h } from "../dom.js";
import { count } from "../format.js";
import { EVENTS_AND_POSITIONS } from "../measures.js";
import { from } from "../table.js";
import { TimeChart } from "../charts/lines.js";

let parts = null;

/** Sixty minutes up to now, silent ones included, as parallel lists. */
function hour({ now, minutes }) {
  const last = Math.floor(now / 60_000) * 60;
  const found = new Map(minutes.map((one) => [one.minute, one.events]));
  const starts = Array.from({ length: 60 }, (_, place) => last - (59 - place) * 60);
  return [starts, starts.map((start) => found.get(start) ?? 0)];
}

export const live = {
  id: "live-events",
  title: `${EVENTS_AND_POSITIONS} per minute, live`,
  hint: "All builds and environments, by arrival",
  width: 7,
  every: 2_000,
  plots: true,
  endpoint: "live",
  scope: "game",
  isEmpty: () => false,
  draw(content, data) {
    const [starts, events] = hour(data);
    if (!parts) {
      const now = h("b");
      const total = h("span");
      content.append(h("p", { class: "now" }, now, total));
      const chart = new TimeChart(content, { label: `${EVENTS_AND_POSITIONS} per minute over the last hour`, legend: false, series: [{ label: EVENTS_AND_POSITIONS, token: "series-1", kind: "bars" }, { label: "This minute", token: "series-1", kind: "bars", pale: true }] });
      parts = { now, total, chart };
    }
    const finished = events[events.length - 2];
    parts.now.textContent = count(finished);
    parts.total.textContent = `in the last full minute · ${count(events[events.length - 1])} so far in this one`;
    const running = events.length - 1;
    const only = (wanted) => events.map((value, place) => ((place === running) === wanted ? value : null));
    parts.chart.update([starts, only(false), only(true)]);
  },
  reset() {
    parts?.chart.destroy();
    parts = null;
  },
  table(data) {
    const [starts, events] = hour(data);
    return { caption: `${EVENTS_AND_POSITIONS} by minute of arrival`, columns: [{ name: "Minute" }, { name: EVENTS_AND_POSITIONS, number: true }], rows: starts.map((start, place) => [from(start, 1), count(events[place])]).reverse() };
  },
};
