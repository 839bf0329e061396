/** How far each projection is behind the log: whether the figures on this page are the newest there are. */

import { h } from "../dom.js";
import { NOTHING, count, decimal } from "../format.js";
import { dataTable } from "../table.js";

const NOUNS = { studio: "Studios", telemetry: "Telemetry", liveops: "Live-ops", playtests: "Playtests", fleet: "Fleet" };
const ROLES = { decider: "decisions", redis: "Redis", clickhouse: "ClickHouse", effects: "effects and webhooks", timer: "timer" };
/** `redis:liveops` as “Live-ops: Redis”. */
function named(name) {
  const [role, noun] = name.split(":");
  return ROLES[role] && NOUNS[noun] ? `${NOUNS[noun]}: ${ROLES[role]}` : name;
}
const STATES = { ready: "Up to date", behind: "Catching up", down: "Away", failing: "Fails" };

/** At which records a projection fails again and again; empty for nearly all. */
function failing(one) {
  return one.failing.map((at) => `at record ${at.offset} of partition ${at.partition}, ${at.failures} times`).join("; ");
}

export const projections = {
  id: "projections",
  title: "Projection lag",
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
      columns: [{ name: "Projection", wide: true }, { name: "State" }, { name: "Records behind", number: true, optional: true }, { name: "Seconds behind", number: true }],
      rows: list.map((one) => [
        named(one.name),
        h("span", { class: `pill ${one.state}`, textContent: [STATES[one.state] ?? one.state, failing(one)].filter(Boolean).join(" ") }),
        count(one.lag_records),
        one.lag_seconds === null ? NOTHING : decimal(one.lag_seconds),
      ]),
    }));
  },
};
