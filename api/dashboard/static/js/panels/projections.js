/** How far each projection is behind the log: whether the figures on this page are the newest there are. */

import { h } from "../dom.js";
import { NOTHING, count, decimal } from "../format.js";
import { dataTable } from "../table.js";

const NAMES = {
  "decider:studio": "Studio commands → events",
  "redis:studio": "Studio → Redis",
  "decider:liveops": "Live-ops commands → events",
  "redis:liveops": "Live-ops → Redis",
  "clickhouse:telemetry": "Telemetry → ClickHouse",
  "effects:liveops": "Live-ops → rewards, webhooks",
  "clickhouse:studio": "Studios → ClickHouse",
  "clickhouse:liveops": "Live-ops → ClickHouse",
};
const STATES = { ready: "Up to date", behind: "Catching up", down: "Away", failing: "Fails" };

/** At which records a projection fails again and again; empty for nearly all. */
function failing(one) {
  return one.failing.map((at) => `at record ${at.offset} of partition ${at.partition}, ${at.failures} times`).join("; ");
}

export const projections = {
  id: "projections",
  title: "Behind the log",
  hint: "How fresh these figures are",
  width: 7,
  every: 3_000,
  endpoint: "projections",
  scope: "none",
  empty: ["Nothing reports yet", "Projections appear once their workers have started."],
  isEmpty: ({ projections: list }) => !list.length,
  draw(content, { projections: list }) {
    content.replaceChildren(dataTable({
      caption: "Projections and their lag",
      columns: [{ name: "Projection", wide: true }, { name: "State" }, { name: "Records", number: true, optional: true }, { name: "Seconds", number: true }],
      rows: list.map((one) => [
        NAMES[one.name] ?? one.name,
        h("span", { class: `pill ${one.state}`, textContent: [STATES[one.state] ?? one.state, failing(one)].filter(Boolean).join(" ") }),
        count(one.lag_records),
        one.lag_seconds === null ? NOTHING : decimal(one.lag_seconds),
      ]),
    }));
  },
};
