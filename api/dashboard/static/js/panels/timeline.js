/** Events over the chosen time, as a rate, so that changing the time does not change the height. */

import { count, short } from "../format.js";
import { TimeChart, runningSince } from "../charts/lines.js";
import { withMarks } from "../marks.js";
import { EVENTS, POSITIONS } from "../measures.js";
import { from } from "../table.js";

let chart = null;

export const timeline = {
  id: "timeline",
  title: "Events over time",
  hint: "Per minute, by when they happened",
  width: 8,
  every: 10_000,
  plots: true,
  endpoint: "timeline",
  scope: "all",
  load: (selection, signal) => withMarks("timeline", selection, signal),
  empty: ["No events in this time", "Pick a longer time, another build, or send some: POST /api/events."],
  isEmpty: ({ events, points }) => ![...events, ...points].some(Boolean),
  draw(content, data) {
    chart ??= new TimeChart(content, {
      label: "Events and positions per minute over the chosen time",
      series: [
        { label: EVENTS, token: "series-1", area: true, format: (value) => `${short(value)}/min` },
        { label: POSITIONS, token: "series-2", format: (value) => `${short(value)}/min`, shown: !data.events.some(Boolean) },
      ],
    });
    // The bucket that is still running counts for as long as it has run; before half a minute it says nothing.
    const elapsed = data.t.map((start, place) => Math.min(data.minutes[place], (Date.now() / 1000 - start) / 60));
    const rate = (values) => values.map((value, place) => (elapsed[place] < 0.5 ? null : value / elapsed[place]));
    chart.update([data.t, rate(data.events), rate(data.points)], runningSince(data.t, data.bucket_minutes), data.marks);
  },
  reset() {
    chart?.destroy();
    chart = null;
  },
  table: ({ t, events, points, bucket_minutes: step }) => ({
    caption: `Counts by ${step} minutes`,
    columns: [{ name: "From" }, { name: EVENTS, number: true }, { name: POSITIONS, number: true }],
    rows: t.map((start, place) => [from(start, step), count(events[place]), count(points[place])]).reverse(),
  }),
};
