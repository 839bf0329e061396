/** One tester, session by session: how long, how active, what went wrong and what went well. */

import { part } from "../curl.js";
import { h } from "../dom.js";
import { count, duration, moment, percent, plural } from "../format.js";
import { TYPES } from "./known.js";
import { FILTERED } from "../selection.js";
import { Read } from "./s1.js";

const TRENDS = { rising: ["plays longer and longer", "good"], declining: ["plays shorter and shorter", "bad"], flat: ["plays as long as before", "idle"], insufficient_data: ["too few sessions for a trend", "idle"] };
const read = new Read("the journey");
let parts = null;

export const journey = {
  id: "journey",
  title: "A tester’s journey",
  hint: "All builds and environments, oldest first",
  width: 8,
  every: 10_000,
  scope: "own",
  tools: read.tools,
  get empty() { return asked ? ["No such tester", "This game has no session of that handle or device."] : ["No tester chosen", "Choose a tester in the list beside."]; },
  isEmpty: (found) => !found,
  async load(selection, signal) {
    asked = selection.tester;
    if (!asked) return null;
    return read.ask(`/testers/${part(selection.game)}/${part(asked)}/journey`, {}, signal);
  },
  draw(content, { journey: found }, selection) {
    parts ??= build(content, selection);
    const [trend, tone] = TRENDS[found.engagementTrend];
    const { handle, deviceId, identityLabel } = found.tester;
    parts.name.replaceChildren(identityLabel, " ", h("small", { class: "faint", textContent: handle ? deviceId : "without a handle" }));
    parts.trend.className = `state ${tone}`;
    parts.trend.textContent = trend;
    parts.device = deviceId;
    parts.only.textContent = onlyText(selection, deviceId);
    parts.summary.textContent = found.summary;
    const rest = found.totalSessions - found.entries.length;
    parts.about.textContent = `${plural(found.totalSessions, "session")}, ${duration(found.totalActiveSec)} active${rest > 0 ? `; the newest ${count(found.entries.length)} are listed` : ""}`;
    const scrolled = parts.list.parentElement.scrollTop;
    parts.list.replaceChildren(...found.entries.map((one) => entry(one, selection)));
    parts.list.parentElement.scrollTop = scrolled;
  },
  reset() { parts = null; },
};
let asked = "";

const onlyText = ({ playedBy }, device) => (playedBy && playedBy === device ? "Show all testers" : "Show only theirs");

function build(content, selection) {
  const name = h("h3");
  const trend = h("span");
  const only = h("button", { type: "button", class: "quiet only", title: "Filter the panels by this tester", on: { click: filter } });
  function filter() {
    selection.set({ playedBy: selection.playedBy === parts.device ? "" : parts.device }, { only: FILTERED });
    only.textContent = onlyText(selection, parts.device);
  }
  const summary = h("p", { class: "summary" });
  const about = h("p", { class: "faint" });
  const list = h("ol", { class: "journey" });
  content.replaceChildren(h("div", { class: "experiment-name" }, name, trend, only), about, summary, h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Sessions of the tester" }, list));
  return { name, trend, only, summary, about, list, device: "" };
}

function entry(one, selection) {
  const about = [one.build, one.environment, `${duration(one.duration)}, ${percent(one.engagementRate)} active`, one.status].filter(Boolean).join(" · ");
  return h("li", { "data-id": one.sessionId },
    h("time", { dateTime: new Date(one.recordedAt).toISOString(), textContent: moment(one.recordedAt) }),
    h("div", { class: "what-happened" },
      h("button", { type: "button", class: "name", textContent: one.title ?? one.sessionId, title: "Its events in order", on: { click: () => selection.set({ session: one.sessionId }, { only: "session" }) } }),
      h("span", { class: "faint", textContent: about }),
      h("span", { class: "bar-of active", "aria-hidden": "true" }, h("i", { class: "on", style: { "max-width": `${one.engagementRate * 100}%` } })),
      found(one.topFriction, "bad"), found(one.topPraise, "good")));
}

function found(top, tone) {
  if (!top) return null;
  return h("p", { class: "found" }, h("span", { class: `state ${tone}`, textContent: TYPES[top.type] ?? top.type }), " ", h("q", { textContent: top.summary }));
}
