/** How many servers of the game are in which state. */

import { h } from "../dom.js";
import { count } from "../format.js";
import { views } from "./known.js";
import { tools } from "./parts.js";

export const states = {
  id: "states",
  title: "Servers by state",
  hint: "Of this game",
  width: 12,
  every: 2_000,
  endpoint: "fleet/states",
  scope: "game",
  tools: tools(() => "/api/v3/servers?include_launching=true&include_pool=true"),
  isEmpty: () => false,
  draw(content, { running, launching, pool, stopped }) {
    const figures = [
      ["Running", running, "players can connect"],
      ["Launching", launching, "queued, starting, or starting again"],
      ["In the pool", pool, "wait to be claimed"],
      ["Stopped", stopped, "in the last 7 days"],
    ];
    content.replaceChildren(h("dl", { class: "strip" }, figures.map(([name, value, about]) => h("div", { "data-state": name }, h("dt", { textContent: name }), h("dd", {}, count(value), h("small", { textContent: about }))))));
  },
};
views.push(states);
