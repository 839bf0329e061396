/** Applications to the chosen playtest: approve or decline, each on its own. */

import { Notice } from "../notice.js";
import { ask } from "../request.js";
import { h } from "../dom.js";
import { ago, decimal, moment, plural } from "../format.js";
import { decide } from "./decide.js";
import { chosen, everythingAgain, known, views } from "./known.js";
import { Pager, statePill, tools } from "./parts.js";

let shown = null;
let parts = null;

export const applications = {
  id: "applications",
  title: "Applications",
  hint: "To the chosen playtest, pending ones first",
  width: 7,
  every: 5_000,
  scope: "own",
  get empty() {
    const manual = known.orders.some(({ selectionMode }) => selectionMode === "manual");
    if (!shown) return ["No applications", "Playtests that are ordered with the selection mode manual take applications."];
    if (shown.selectionMode === "manual") return ["No applications yet", "Applications appear as playtesters send them."];
    return ["This playtest takes the first to claim", manual ? "Pick one that is “by application” to see who applied." : "Order with the selection mode manual to choose among applicants."];
  },
  isEmpty: (found) => !found?.data.applications.length,
  ready: (selection) => known.game === selection.game,
  async load(selection, signal) {
    const order = chosen(selection);
    if (shown?.id !== order?.id) pager.restart();
    shown = order;
    if (order?.selectionMode !== "manual") {
      pager.show(null);
      return null;
    }
    const found = await ask("playtests/applications", { playtest: order.id, ...pager.parameters }, signal);
    pager.show(found.cursor);
    return found;
  },
  draw(content, { data }) {
    parts ??= build(content);
    const { request, counts } = data;
    const ends = request.applicationsExpireAt ? ` · until ${moment(Date.parse(request.applicationsExpireAt))}` : "";
    parts.about.textContent = `${plural(counts.slotsRemaining, "slot")} open, ${counts.pendingCount} pending, ${counts.approvedCount} approved${ends}`;
    parts.wanted.textContent = request.qualifications ? `Wanted: ${request.qualifications}` : "";
    const focused = document.activeElement?.closest?.("#applications [data-action]")?.dataset;
    const busy = parts.list.querySelector("[aria-busy=true]");
    if (busy) return;
    parts.list.replaceChildren(...data.applications.map((one) => row(one, counts.slotsRemaining)));
    if (focused) (parts.list.querySelector(`[data-action="${focused.action}"][data-of="${focused.of}"]`) ?? parts.list.querySelector("[data-action]"))?.focus();
  },
  reset() { parts = null; },
};
const pager = new Pager(applications, "applications");
applications.tools = tools(() => shown && `/api/v1/playtests/${shown.id}/applications?limit=50`, pager);
views.push(applications);

function build(content) {
  const notice = new Notice();
  const about = h("span", { class: "faint" });
  const wanted = h("span", { class: "wanted" });
  const list = h("ul", { class: "applications", "aria-label": "Applications" });
  content.replaceChildren(h("p", { class: "about" }, about, wanted), notice.element, h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Applications" }, list));
  return { notice, about, wanted, list };
}

function row(one, open) {
  const who = one.displayName ?? `Playtester ${one.playtesterId.slice(0, 8)}`;
  const record = [one.ratingAverage ? `rated ${decimal(Number(one.ratingAverage))}` : "not rated yet", `${one.acceptedCount} accepted`, one.validatedAt ? "validated" : null, ago(Date.parse(one.createdAt))].filter(Boolean).join(" · ");
  const item = h("li", { "data-id": one.id, "data-status": one.status });
  const act = (verb, name, primary) => h("button", { type: "button", class: primary ? "primary" : "", "data-action": verb, "data-of": one.id, textContent: name, "aria-label": `${name} ${who}`, disabled: verb === "approve" && !open, on: { click: () => settle(item, one, verb, who) } });
  item.append(
    h("div", { class: "applicant" }, h("b", { textContent: who }), h("span", { class: "faint", textContent: record })),
    h("p", { class: "response", tabIndex: 0, textContent: one.qualificationsResponse ?? "(forgotten)" }),
    one.status === "pending" ? h("div", { class: "decisions" }, act("approve", "Approve", true), act("reject", "Decline", false)) : statePill(one.status));
  return item;
}

async function settle(item, one, verb, who) {
  if (item.ariaBusy === "true") return;
  item.ariaBusy = "true";
  try {
    const said = await decide(`/playtests/playtest-applications/${one.id}/${verb}`);
    parts.notice.good(verb === "approve" ? `${who} has a slot; ${plural(said.slotsRemaining, "slot")} left.` : `${who} was declined.`);
    everythingAgain();
  } catch (error) {
    parts.notice.bad(`${who}: ${error.message}`);
    if (error.stale) everythingAgain();
  } finally {
    item.ariaBusy = "false";
  }
}
