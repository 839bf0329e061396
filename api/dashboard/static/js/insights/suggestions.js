/** Fixes for what is still bad in the later build, as the studio's own model says them. */

import { h } from "../dom.js";
import { percent, plural } from "../format.js";
import { buildsOf } from "./builds.js";
import { MODEL_MS, Read } from "./s1.js";

const AGAIN_MS = 60_000;
const WITHOUT_KEY_MS = 600_000;
const BY_RULE = {
  ai_declined: "The model declined, or said nothing that holds",
  ai_error: "The model could not be asked",
  ai_budget: "The month’s tokens are used up",
  ai_slow: "The model takes too long",
};
const KEY_NEEDED = ["No suggestions without a model of your own", "Declare studio.ai.chat in the studio’s file and give its key: questlog ai key set --studio SLUG --for chat. REST answers 402 until then."];
const read = new Read("the suggestions", MODEL_MS);
const again = h("button", { type: "button", class: "quiet", textContent: "Ask again", hidden: true, on: { click: () => suggestions.askAgain() } });
read.tools.prepend(again);
let said = {};

export const suggestions = {
  id: "suggestions",
  title: "What to fix first",
  hint: "For the later build, in one environment",
  width: 12,
  /** What a model has said costs tokens to ask anew where players found more: that is for the viewer to decide. */
  get every() { return said.needsKey ? WITHOUT_KEY_MS : said.found && !said.found.emptyInput ? Infinity : AGAIN_MS; },
  scope: "own",
  tools: read.tools,
  get empty() {
    const { build, env, found, needsKey } = said;
    if (!build) return ["Nothing to fix yet", "As soon as a build has sent sessions, fixes for what went wrong in it are shown here."];
    if (needsKey) return KEY_NEEDED;
    if (!found) return ["Not in this environment", `There are no sessions of these builds in ${env}.`];
    return found.emptyInput ? ["Nothing to fix", `No friction is left in ${build} (${env}).`] : ["No suggestions", `The model has none for ${build} (${env}).`];
  },
  isEmpty(data) {
    said = data;
    again.hidden = !data.build;
    return !data.found?.suggestions.length;
  },
  async load(selection, signal) {
    const { a, b, builds, environments } = await buildsOf(selection, signal);
    const build = b || a || builds[0];
    if (!build) return { build };
    const env = selection.in || (environments.includes("production") ? "production" : environments[0] ?? "production");
    const which = a && b ? { a, b } : { build };
    try {
      return { build, env, found: await read.ask("/builds/compare/suggestions", { game: selection.game, ...which, env }, signal) };
    } catch (error) {
      if (error.code !== "key_needed") throw error;
      return { build, env, needsKey: true };
    }
  },
  draw(content, { build, env, found }) {
    const by = found.source === "ai" ? null : h("p", { class: "warning", role: "note", textContent: `${BY_RULE[found.reason] ?? "No model answered"}: these are made by rule.` });
    content.replaceChildren(by ?? "",
      h("p", { class: "faint", textContent: `${build}, ${env}` }),
      h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Suggestions" }, h("ol", { class: "fixes" }, found.suggestions.map(fix))));
  },
};

function fix({ title, rationale, evidence, confidence, tag }) {
  return h("li", { "data-tag": tag },
    h("b", { textContent: title }),
    h("span", { class: "faint", textContent: `${tag} · ${percent(confidence)} sure` }),
    h("p", { textContent: rationale }),
    h("p", { class: "faint evidence", title: evidence.join(", "), textContent: `Rests on ${plural(evidence.length, "finding")}: ${evidence.join(", ")}` }));
}
