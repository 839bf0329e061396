/** Key batches: how many keys were redeemed, how many are left. */

import { ask } from "../request.js";
import { h } from "../dom.js";
import { count, moment } from "../format.js";
import { views } from "./known.js";
import { statePill, tools } from "./parts.js";

let game = "";

export const batches = {
  id: "batches",
  title: "Key batches",
  hint: "Redeemed and left",
  width: 5,
  every: 5_000,
  scope: "own",
  empty: ["This game hands out no keys", "Declare batches in its definition file and load it with “questlog apply”."],
  isEmpty: ({ batches: list }) => !list.length,
  load(selection, signal) {
    game = selection.game;
    return ask("playtests/batches", { game }, signal);
  },
  tools: tools(() => game && `/api/v1/batches/${game}`),
  draw(content, { batches: list, total }) {
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    content.replaceChildren(
      h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Key batches" }, h("ul", { class: "batches" }, list.map(row))),
      ...(total > list.length ? [h("p", { class: "faint", textContent: `The newest ${count(list.length)} of ${count(total)}` })] : []));
    content.querySelector(".scroll").scrollTop = scrolled;
  },
};
views.push(batches);

function row(batch) {
  const left = batch.available + batch.reserved;
  const about = [batch.mode === "invite" ? "by invite" : "public link", batch.target, batch.expires_at ? `until ${moment(batch.expires_at)}` : null].filter(Boolean).join(" · ");
  const parts = [["good", batch.redeemed], ["wait", batch.reserved], ["idle", batch.available], ["bad", batch.revoked]].filter(([, keys]) => keys);
  const rest = [`${count(left)} left`, batch.reserved ? `${count(batch.reserved)} of them reserved` : null, batch.revoked ? `${count(batch.revoked)} revoked` : null].filter(Boolean).join(", ");
  return h("li", { "data-id": batch.id },
    h("div", { class: "batch-name" }, h("b", { textContent: batch.name }), statePill(batch.status), h("span", { class: "faint", textContent: about })),
    h("span", { class: "bar-of", "aria-hidden": "true" }, parts.map(([tone, keys]) => h("i", { class: tone, style: { "flex-grow": String(keys) } }))),
    h("p", { class: "keys-left" }, h("b", { class: "redeemed", textContent: count(batch.redeemed) }), ` of ${count(batch.keys)} redeemed · ${rest}`));
}
