/** A game's playtests: how many slots stand where, and where the money is. One is chosen for the panels beside. */

import { Notice } from "../notice.js";
import { ask } from "../request.js";
import { h } from "../dom.js";
import { ago, money } from "../format.js";
import { decide } from "./decide.js";
import { chosen, everythingAgain, known, views } from "./known.js";
import { Pager, stateName, statePill, stateTone, tools } from "./parts.js";

const FOLLOWING = ["slots", "applications"];
/** In the order of a seat's life. */
const STATES = ["open", "reserved", "blocked", "submitted", "publishing", "accepted", "rejected", "expired", "cancelled"];

let parts = null;
let game = null;

export const orders = {
  id: "orders",
  title: "Playtests",
  hint: "Newest first; pick one",
  width: 7,
  every: 5_000,
  scope: "own",
  empty: ["No playtests of this game yet", "Order one with POST /api/v1/games/…/playtests: it appears here with its slots."],
  isEmpty: ({ data: { playtests } }) => !playtests.length,
  async load(selection, signal) {
    if (game !== selection.game) {
      game = selection.game;
      pager.restart();
    }
    const found = await ask("playtests/orders", { game, ...pager.parameters }, signal);
    const before = chosen(selection)?.id;
    Object.assign(known, { game, orders: found.data.playtests });
    pager.show(found.cursor);
    if (chosen(selection)?.id !== before) FOLLOWING.forEach((id) => views.find((view) => view.id === id).askAgain());
    return found;
  },
  draw(content, { data: { playtests } }, selection) {
    parts ??= build(content);
    const focused = parts.list.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.dataset.id : null;
    const picked = chosen(selection);
    parts.list.replaceChildren(...playtests.map((order) => row(order, order === picked, selection)));
    if (focused) parts.list.querySelector(`[data-id="${focused}"] button`)?.focus();
  },
  reset() { parts = null; },
};
const pager = new Pager(orders, "playtests");
orders.tools = tools(() => game && `/api/v1/games/${game}/playtests?limit=50`, pager);
views.push(orders);

function build(content) {
  const notice = new Notice();
  const list = h("ul", { class: "orders", "aria-label": "Playtests" });
  content.replaceChildren(notice.element, h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Playtests" }, list));
  return { list, notice };
}

function row(order, isChosen, selection) {
  const what = `${order.quantity} × ${order.durationMinutes} min${order.playerCount > 1 ? ` × ${order.playerCount} players` : ""}`;
  const about = [order.visibility, order.selectionMode === "manual" ? "by application" : null, order.isFreePublicTrial ? "free trial" : null, order.needsAdminApproval ? "awaits approval" : null, ago(Date.parse(order.createdAt))].filter(Boolean).join(" · ");
  const pick = h("button", { type: "button", class: "pick", "aria-pressed": String(isChosen), on: { click: () => { selection.set({ playtest: order.id }, { only: FOLLOWING }); mark(selection); } } },
    h("span", { class: "what", textContent: what }), h("span", { class: "faint about-order", textContent: about }));
  return h("li", { "data-id": order.id, "data-status": order.status, class: isChosen ? "chosen" : "" },
    pick, statePill(order.status), seats(order), account(order),
    order.status === "pending_payment" ? h("button", { type: "button", class: "primary pay", textContent: `Pay ${money(order.quantity * order.costPerSlotCents)}`, on: { click: (event) => pay(event.currentTarget, order) } }) : null);
}

/** The chosen row is marked at once. */
function mark(selection) {
  const picked = chosen(selection);
  parts.list.querySelectorAll("li").forEach((item) => {
    const is = item.dataset.id === picked?.id;
    item.classList.toggle("chosen", is);
    item.querySelector(".pick").setAttribute("aria-pressed", String(is));
  });
}

/** Slots by state, as a bar and in words. */
function seats({ slots }) {
  const there = STATES.filter((state) => slots[state]);
  const words = there.map((state) => `${slots[state]} ${stateName(state)}`).join(", ") || "no slots yet";
  return h("div", { class: "seats" },
    h("span", { class: "bar-of", "aria-hidden": "true" }, there.map((state) => h("i", { class: stateTone(state), style: { "flex-grow": String(slots[state]) } }))),
    h("span", { class: "words", textContent: words, title: words }));
}

function account({ money: held, isFreePublicTrial, status }) {
  const rest = [["held", held.heldCents], ["paid out", held.payoutCents], ["fee", held.feeCents], ["back to credit", held.creditedCents]].filter(([, cents]) => cents).map(([name, cents]) => `${money(cents)} ${name}`).join(", ");
  const paid = isFreePublicTrial ? "free" : status === "pending_payment" || !held.paidCents ? "not paid" : `${money(held.paidCents)} paid`;
  return h("div", { class: "account" }, h("b", { textContent: paid }), h("span", { class: "faint", textContent: rest }));
}

async function pay(button, order) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  try {
    const { balanceCents } = await decide(`/playtests/${order.id}/pay`);
    parts.notice.good(`Paid. Its slots are open; ${money(balanceCents)} of credit are left.`);
    everythingAgain();
  } catch (error) {
    parts.notice.bad(error.message);
    if (error.stale) everythingAgain();
  } finally {
    button.ariaBusy = "false";
  }
}
