/** The studio's account: its credit, and what waits for it. */

import { h } from "../dom.js";
import { count, money } from "../format.js";
import { views } from "./known.js";
import { tools } from "./parts.js";

export const credit = {
  id: "credit",
  title: "Account",
  hint: "All games of the studio",
  width: 12,
  every: 5_000,
  endpoint: "playtests/credit",
  scope: "own",
  tools: tools(() => "/api/v1/billing/balance"),
  isEmpty: () => false,
  draw(content, { balance, stats }) {
    const figures = [
      ["Credit", money(balance.balanceCents), "pays for playtests"],
      ["To review", count(stats.pendingReviews), stats.pendingReviews === 1 ? "submission waits" : "submissions wait"],
      ["Active playtests", count(stats.activePlaytests), "with a slot under way"],
      ["Games", count(stats.totalGames), "of this studio"],
    ];
    content.replaceChildren(h("dl", { class: "strip" }, figures.map(([name, value, about]) => h("div", {}, h("dt", { textContent: name }), h("dd", {}, value, h("small", { textContent: about }))))));
  },
};
views.push(credit);
