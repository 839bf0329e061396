/** Groups of testers whose summaries are alike. */

import { part } from "../curl.js";
import { h } from "../dom.js";
import { decimal, plural } from "../format.js";
import { MODEL_MS, Read } from "./s1.js";

const WHY = {
  requires_byo_key: ["No groups without embeddings", "They need an embedding model of the studio’s own: see studio.ai in its definition file."],
  insufficient_data: ["Too few testers yet", "Groups take at least five testers whose sessions were analyzed."],
  api_error: ["The embedding provider did not answer", "Groups appear with its next answer."],
};
const read = new Read("the archetypes", MODEL_MS);
let said = null;

export const archetypes = {
  id: "archetypes",
  title: "Archetypes",
  hint: "Testers who are alike, in production",
  width: 5,
  every: 60_000,
  scope: "own",
  tools: read.tools,
  get empty() {
    const [strong, rest] = WHY[said?.reason] ?? ["No two testers are alike yet", "Groups take at least two testers."];
    return [strong, `${rest} ${plural(said?.testerCount ?? 0, "tester")} analyzed.`];
  },
  isEmpty: (found) => {
    said = found;
    return !found?.archetypes.length;
  },
  load: ({ game }, signal) => read.ask(`/testers/${part(game)}/archetypes`, {}, signal),
  draw(content, found, selection) {
    content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Archetypes" }, h("ul", { class: "archetypes" }, found.archetypes.map((one) => card(one, selection)))));
  },
};

function card(one, selection) {
  return h("li", { "data-id": one.id },
    h("b", { textContent: one.label }), h("span", { class: "faint", textContent: `${plural(one.testerCount, "tester")} · ${decimal(one.avgSessionCount)} sessions and ${decimal(one.avgActivePlayMinutes)} min each` }),
    one.commonFrictionTags.length ? h("p", { class: "faint", textContent: one.commonFrictionTags.join(", ") }) : null,
    ...one.representativeTesters.map(({ handle, deviceId, summary }) => h("p", {}, h("button", { type: "button", class: "name", textContent: handle ?? deviceId, on: { click: () => selection.set({ tester: handle ?? deviceId }, { only: ["journey", "testers"] }) } }), " ", h("span", { class: "faint", textContent: summary }))));
}
