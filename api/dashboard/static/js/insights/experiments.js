/** A game's experiments: one is chosen for the comparison beside. */

import { part } from "../curl.js";
import { h } from "../dom.js";
import { ago, decimal } from "../format.js";
import { chosen, known } from "./known.js";
import { Read } from "./s1.js";

const TONES = { draft: "idle", running: "on", stopped: "wait" };
const read = new Read("the list of experiments");
let list = null;

export const statusPill = (status) => h("span", { class: `state ${TONES[status] ?? "idle"}`, textContent: status });

export const experiments = {
  id: "experiments",
  title: "Experiments",
  hint: "Newest first",
  width: 4,
  every: 5_000,
  scope: "own",
  tools: read.tools,
  empty: ["No experiments of this game", "Declare one in its definition file and load it with “questlog apply”: it is a draft then."],
  isEmpty: ({ experiments: found }) => !found.length,
  async load(selection, signal) {
    const { game } = selection;
    const found = (await read.ask(`/games/${part(game)}/experiments`, {}, signal)) ?? { experiments: [] };
    const before = JSON.stringify(chosen(selection));
    Object.assign(known, { game, experiments: found.experiments });
    if (JSON.stringify(chosen(selection)) !== before) known.changed?.();
    return found;
  },
  draw(content, { experiments: found }, selection) {
    if (!list) {
      list = h("ul", { class: "experiments", "aria-label": "Experiments" });
      content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Experiments" }, list));
    }
    const focused = list.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.dataset.id : null;
    list.replaceChildren(...found.map((one) => row(one, selection)));
    if (focused) [...list.children].find((item) => item.dataset.id === focused)?.querySelector("button").focus();
  },
  reset() { list = null; },
};

function row(one, selection) {
  const is = one.id === chosen(selection)?.id;
  const pick = () => {
    selection.set({ experiment: one.id }, { only: "comparison" });
    [...list.children].forEach((item) => mark(item, item.dataset.id === one.id));
  };
  const times = one.status === "running" ? `started ${ago(one.startedAt)}` : one.stoppedAt ? `stopped ${ago(one.stoppedAt)}` : "never started";
  const about = [`${one.variants.length} variants`, one.audienceName ?? "all players", `${decimal(one.coverage)}% covered`, times, one.winnerVariantKey ? `winner ${one.winnerVariantKey}` : null].filter(Boolean).join(" · ");
  const item = h("li", { "data-id": one.id, "data-status": one.status },
    h("button", { type: "button", class: "pick", on: { click: pick } }, h("span", { class: "what", textContent: one.name }), h("span", { class: "faint", textContent: about })),
    statusPill(one.status));
  return mark(item, is);
}

function mark(item, is) {
  item.classList.toggle("chosen", is);
  item.querySelector(".pick").setAttribute("aria-pressed", String(is));
  return item;
}
