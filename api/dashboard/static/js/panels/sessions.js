/** Who was playing: players and sessions going on in each bucket, and how many began. */

import { count } from "../format.js";
import { TimeChart, runningSince } from "../charts/lines.js";
import { withMarks } from "../marks.js";
import { from } from "../table.js";

let chart = null;

export const sessions = {
  id: "sessions",
  title: "Players and sessions",
  hint: "Playing at the same time",
  width: 6,
  every: 10_000,
  plots: true,
  endpoint: "sessions",
  scope: "all",
  load: (selection, signal) => withMarks("sessions", selection, signal),
  empty: ["No sessions in this time", "A session appears with its first event."],
  isEmpty: ({ sessions: values }) => !values.some(Boolean),
  draw(content, data) {
    chart ??= new TimeChart(content, {
      label: "Players and sessions going on, and sessions started, over the chosen time",
      series: [
        { label: "Started", token: "series-3", kind: "bars", format: count },
        { label: "Sessions", token: "series-2", format: count },
        { label: "Players", token: "series-1", area: true, format: count },
      ],
    });
    // Who played in the first moments of a bucket says little about all of it.
    const begun = (start) => (Date.now() / 1000 - start) / 60 >= 0.3 * data.bucket_minutes;
    const settled = (values) => values.map((value, place) => (begun(data.t[place]) ? value : null));
    chart.update([data.t, settled(data.started), settled(data.sessions), settled(data.players)], runningSince(data.t, data.bucket_minutes), data.marks);
  },
  reset() {
    chart?.destroy();
    chart = null;
  },
  table: ({ t, sessions: going, players, started, bucket_minutes: step }) => ({
    caption: `Players and sessions by ${step} minutes`,
    columns: [{ name: "From" }, { name: "Players", number: true }, { name: "Sessions", number: true }, { name: "Started", number: true }],
    rows: t.map((start, place) => [from(start, step), count(players[place]), count(going[place]), count(started[place])]).reverse(),
  }),
};
