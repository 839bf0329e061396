/** The chosen playtest's slots: who has which, until when, and what came of it. */

import { ask } from "../request.js";
import { h } from "../dom.js";
import { ago, plural, until } from "../format.js";
import { chosen, known, views } from "./known.js";
import { Pager, person, statePill, tools } from "./parts.js";

let shown = null;
let body = null;

export const slots = {
  id: "slots",
  title: "Slots",
  hint: "Of the chosen playtest",
  width: 5,
  every: 5_000,
  scope: "own",
  empty: ["No slots yet", "They open once the playtest is paid."],
  isEmpty: (found) => !found?.data.slots.length,
  ready: (selection) => known.game === selection.game,
  async load(selection, signal) {
    const order = chosen(selection);
    if (shown !== order?.id) {
      shown = order?.id ?? null;
      pager.restart();
    }
    if (!order) return null;
    const found = await ask("playtests/slots", { playtest: order.id, ...pager.parameters }, signal);
    pager.show(found.cursor);
    return found;
  },
  draw(content, { data }) {
    if (!body) {
      body = h("ul", { class: "slots", "aria-label": "Slots" });
      content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Slots of the chosen playtest" }, body));
    }
    body.replaceChildren(...data.slots.map(row));
  },
  reset() { body = null; },
};
const pager = new Pager(slots, "slots");
slots.tools = tools(() => shown && `/api/v1/playtests/${shown}/slots?limit=50`, pager);
views.push(slots);

function row(slot) {
  return h("li", { "data-id": slot.id, "data-status": slot.status }, statePill(slot.status), h("span", { class: "who", textContent: person(slot.playtester) }), h("span", { class: "faint note", textContent: note(slot) }));
}

/** What there is to say of it beside its state. */
function note({ status, deadlineAt, blockedReport, rejection, rating, submission, publicUrl }) {
  if (status === "reserved" && deadlineAt) return `due ${until(Date.parse(deadlineAt))}`;
  if (status === "blocked" && blockedReport) return [blockedReport.reasonCode.replace("_", " "), blockedReport.notes].filter(Boolean).join(": ");
  if (status === "submitted" && submission) return `handed in ${ago(Date.parse(submission.createdAt))}`;
  if (status === "rejected") return rejection?.reason ?? "without a reason";
  if (status === "accepted") return [rating ? `${plural(rating.score, "star")}${rating.comment ? `: ${rating.comment}` : ""}` : "not rated", publicUrl ? "published" : null].filter(Boolean).join(" · ");
  return "";
}
