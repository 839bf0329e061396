/** Different players by day, week and month. */

import { TimeChart, runningSince } from "../charts/lines.js";
import { count } from "../format.js";
import { withMarks } from "../marks.js";
import { fromDay } from "../table.js";

const DAY_MINUTES = 1440;
let chart = null;

export const active = {
  id: "active",
  title: "Active players",
  hint: "DAU, WAU and MAU by UTC day",
  width: 6,
  every: 60_000,
  plots: true,
  endpoint: "active",
  scope: "all",
  load: (selection, signal) => withMarks("active", selection, signal),
  empty: ["No players in these days", "A player is active on the day of a session."],
  isEmpty: ({ month }) => !month.some(Boolean),
  draw(content, data) {
    chart ??= new TimeChart(content, {
      label: "Active players by day, week and month",
      series: [
        { label: "DAU", token: "series-1", area: true, format: count },
        { label: "WAU", token: "series-3", format: count },
        { label: "MAU", token: "series-2", format: count },
      ],
    });
    chart.update([data.t, data.day, data.week, data.month], runningSince(data.t, DAY_MINUTES), data.marks);
  },
  reset() {
    chart?.destroy();
    chart = null;
  },
  table: ({ t, day, week, month }) => ({
    caption: "Active players by UTC day",
    columns: [{ name: "Day (UTC)" }, { name: "DAU", number: true }, { name: "WAU", number: true }, { name: "MAU", number: true }],
    rows: t.map((start, place) => [fromDay(start), count(day[place]), count(week[place]), count(month[place])]).reverse(),
  }),
};
