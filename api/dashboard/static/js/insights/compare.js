/** Two builds: which friction got better and worse, with what was seen of it. */

import { fill } from "../controls.js";
import { h } from "../dom.js";
import { count, plural, signed } from "../format.js";
import { buildsOf } from "./builds.js";
import { Read } from "./s1.js";

/** What became of a tag, in the order of the list: heading, tone, the kinds of S1. */
const GROUPS = [
  ["Worse", "bad", ["introduced", "got_larger"]],
  ["Better", "good", ["resolved", "got_smaller"]],
  ["As before", "idle", ["carried_over"]],
];
const KINDS = { introduced: "new", got_larger: "more", resolved: "gone", got_smaller: "less", carried_over: "still there" };
const TOTALS = [["introduced", "New", "bad"], ["gotLarger", "More", "bad"], ["gotSmaller", "Less", "good"], ["resolved", "Gone", "good"], ["carriedOver", "Still there", ""]];

const read = new Read("the comparison of builds");
let parts = null;

export const compare = {
  id: "compare",
  title: "Build against build",
  hint: "Friction by tag, in shares of each build’s testers",
  width: 12,
  every: 10_000,
  scope: "own",
  tools: read.tools,
  empty: ["Nothing to compare yet", "As soon as two builds have sent sessions, what got better and worse is shown here."],
  isEmpty: ({ builds }) => builds.length < 2,
  async load(selection, signal) {
    const choices = await buildsOf(selection, signal);
    const { a, b } = choices;
    if (!a || !b) return choices;
    const env = selection.in || "all";
    return { ...choices, found: await read.ask("/builds/compare", { game: selection.game, a, b, env }, signal) };
  },
  draw(content, data, selection) {
    parts ??= build(content, selection);
    const named = data.builds.map((build) => [build, build]);
    const nothing = data.a && data.b ? [] : [["", "Pick a build"]];
    fill(parts.a, [...nothing, ...named], data.a);
    fill(parts.b, [...nothing, ...named], data.b);
    fill(parts.env, [["", "All environments"], ...data.environments.map((one) => [one, one])], selection.in);
    const scrolled = parts.list.scrollTop;
    show(data);
    parts.list.scrollTop = scrolled;
  },
  reset() { parts = null; },
};

function build(content, selection) {
  const select = (name, label) => h("select", { "aria-label": label, on: { change: (event) => selection.set({ [name]: event.target.value }, { only: ["compare", "suggestions"] }) } });
  const found = { a: select("a", "Earlier build"), b: select("b", "Later build"), env: select("in", "Environment") };
  const totals = h("dl", { class: "strip totals" });
  const list = h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "What became of each tag" });
  content.replaceChildren(h("p", { class: "compare" }, found.a, "then", found.b, found.env), totals, list);
  return { ...found, totals, list };
}

function show({ a, b, found }) {
  if (!found) {
    const why = a && b ? ["Not in this environment", `Either ${a} or ${b} has no session here.`] : ["Fewer than two builds have 5 sessions", "Smaller ones are compared where you pick them."];
    parts.totals.replaceChildren();
    parts.list.replaceChildren(h("div", { class: "message" }, h("strong", { textContent: why[0] }), why[1]));
    return;
  }
  const { diff, buildA, buildB } = found;
  parts.totals.replaceChildren(...TOTALS.map(([name, label, tone]) => h("div", {}, h("dt", { textContent: label }), h("dd", { class: diff.totals[name] ? tone : "" }, count(diff.totals[name])))));
  const about = `${who(buildA)}; ${who(buildB)}.`;
  const warning = diff.lowSample ? h("p", { class: "warning", role: "note", textContent: "Fewer than 5 testers on one side: shares say little yet." }) : null;
  const none = diff.changes.length ? null : h("div", { class: "message" }, h("strong", { textContent: "No friction in either build" }), "Findings appear once sessions have ended and were analyzed.");
  parts.list.replaceChildren(h("p", { class: "faint", textContent: about }), warning ?? "", none ?? "", ...GROUPS.flatMap((group) => changesOf(group, found)));
}

const who = ({ version, testersInBatch, sessionCount }) => `${version}: ${plural(testersInBatch, "tester")} in ${plural(sessionCount, "analyzed session")}`;

function changesOf([heading, tone, kinds], found) {
  const changes = found.diff.changes.filter(({ kind }) => kinds.includes(kind));
  if (!changes.length) return [];
  return [h("h3", { textContent: heading }), h("ul", { class: "changes", "aria-label": heading }, changes.map((change) => row(change, tone, found)))];
}

function row(change, tone, { buildA, buildB }) {
  const side = change.kind === "resolved" ? buildA : buildB;
  const seen = side.byTag.find(({ tag }) => tag === change.tag)?.exampleSummaries[0];
  return h("li", { "data-tag": change.tag, "data-kind": change.kind },
    h("span", { class: `state ${tone}`, textContent: KINDS[change.kind] }),
    h("b", { class: "tag", textContent: change.tag, title: change.tag }),
    h("span", { class: "shares", title: `${plural(change.testersA, "tester")}, then ${plural(change.testersB, "tester")}`, textContent: `${change.pctA}% → ${change.pctB}%` }),
    h("span", { class: change.deltaPct > 0 ? "worse" : change.deltaPct < 0 ? "better" : "faint", textContent: `${signed(change.deltaPct)} points` }),
    seen ? h("q", { class: "seen", textContent: seen }) : null);
}
