/** Two builds side by side, with what changed; all of them in the table. */

import { h } from "../dom.js";
import { NOTHING, ago, compared, count, decimal, duration, rate } from "../format.js";
import { EVENTS, POSITIONS } from "../measures.js";
import { dataTable } from "../table.js";

const per = (amount, sessions) => (sessions ? amount / sessions : null);
/** Name, value, format, and which way is better: 1 more, -1 less, 0 neither. */
const MEASURES = [
  ["Sessions", (build) => build.sessions, count, 0],
  ["Players", (build) => build.players, count, 0],
  [EVENTS, (build) => build.events - build.points, count, 0],
  [POSITIONS, (build) => build.points, count, 0],
  ["Median session", (build) => build.median_session_seconds, duration, 1],
  ["Median active", (build) => build.median_active_seconds, duration, 1],
  ["Frame rate, median", (build) => build.median_fps, rate, 1],
  ["Frame rate, 1% low", (build) => build.median_low_1, rate, 1],
  ["Deaths a session", (build) => per(build.deaths, build.sessions), decimal, -1],
  ["Levels completed a session", (build) => per(build.completions, build.sessions), decimal, 1],
  ["Levels failed a session", (build) => per(build.failures, build.sessions), decimal, -1],
  ["Crashes and errors", (build) => build.errors, count, -1],
  ["Last seen", (build) => build.last_at || null, ago, null],
];
/** Fewer say little: such a build is compared where it is picked, not by itself. */
const SESSIONS_MIN = 5;
let chosen = { a: null, b: null };

/** The two that are compared: what was picked, else the newest two of enough sessions, else the newest. */
export function pair(list, pickedNewer, pickedOlder) {
  const enough = list.filter(({ sessions }) => sessions >= SESSIONS_MIN);
  const newer = pickedNewer ?? enough.find((one) => one !== pickedOlder) ?? list.find((one) => one !== pickedOlder) ?? list[0];
  return [newer, pickedOlder ?? enough.find((one) => one !== newer) ?? newer];
}

function column(build, name, builds, onPick) {
  const options = builds.map((one) => h("option", { value: one.build, textContent: one.build || "(no build)", selected: one === build }));
  return h("select", { "aria-label": name, on: { change: (event) => onPick(event.target.value) } }, options);
}

function difference(newer, older, format, better) {
  if (better === null) return "";
  const { text, tone } = compared(newer, older, format, better);
  return h("span", { class: tone, textContent: text || NOTHING });
}

export const builds = {
  id: "builds",
  title: "Builds side by side",
  hint: "All builds, whichever is picked above",
  width: 7,
  every: 10_000,
  endpoint: "builds",
  scope: "all",
  obeys: ["environment", "platform", "country", "playedBy"],
  empty: ["No builds in this time", "Each build that sends anything is listed here."],
  isEmpty: ({ builds: list }) => !list.length,
  draw(content, data) {
    const list = data.builds;
    const find = (name) => list.find((one) => one.build === name);
    const [newer, older] = pair(list, find(chosen.a), find(chosen.b));
    if (content.contains(document.activeElement) && document.activeElement.tagName === "SELECT" && !this.picked) return;
    this.picked = false;
    const pick = (side) => (value) => {
      chosen = { a: newer.build, b: older.build, [side]: value };
      this.picked = true;
      this.draw(content, data);
      content.querySelectorAll("select")[side === "a" ? 0 : 1]?.focus();
    };
    content.replaceChildren(
      h("p", { class: "compare" }, column(newer, "Build to look at", list, pick("a")), "against", column(older, "Build to compare with", list, pick("b"))),
      dataTable({
        caption: `${newer.build} against ${older.build}`,
        columns: [{ name: "", wide: true }, { name: newer.build, number: true }, { name: older.build, number: true }, { name: "Change", number: true }],
        rows: MEASURES.map(([name, read, format, better]) => [name, format(read(newer)), format(read(older)), newer === older ? "" : difference(read(newer), read(older), format, better)]),
      }));
  },
  reset() {
    chosen = { ...chosen };
  },
  table: ({ builds: list }) => ({
    caption: "All builds",
    columns: [{ name: "Build" }, ...MEASURES.map(([name]) => ({ name, number: true }))],
    rows: list.map((build) => [build.build, ...MEASURES.map(([, read, format]) => format(read(build)))]),
  }),
};
