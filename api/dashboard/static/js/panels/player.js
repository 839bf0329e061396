/** One player: what they have, and every movement that made it so. */

import { h } from "../dom.js";
import { count, moment, plural, signed } from "../format.js";
import { ask } from "../request.js";
import { dataTable } from "../table.js";

let parts = null;
/** The movements shown, by number; `next` is the cursor to older ones. */
let ledger = { player: null, rows: new Map(), next: null };

export const player = {
  id: "player",
  title: "Player",
  hint: "Wallet, inventory and ledger",
  width: 7,
  every: 4_000,
  endpoint: "player",
  scope: "own",
  parameters: (selection) => ({ game: selection.game, ...selection.chosen("player") }),
  isEmpty: () => false,
  draw(content, data, selection) {
    if (!parts) parts = build(content, selection);
    if (document.activeElement !== parts.name) parts.name.value = data.asked;
    merge(data, selection);
    show(data, selection);
  },
  reset() {
    parts = null;
  },
};

function build(content, selection) {
  const name = h("input", { type: "search", id: "player-name", maxLength: 256, placeholder: "External id", autocomplete: "off", spellcheck: false });
  const pick = (event) => {
    event.preventDefault();
    selection.set({ player: name.value.trim() }, { only: "player" });
  };
  const form = h("form", { class: "choose", role: "search", on: { submit: pick } }, h("label", { for: "player-name", class: "unseen", textContent: "Player’s external id" }), name, h("button", { type: "submit", textContent: "Look" }));
  const body = h("div", { class: "player" });
  content.replaceChildren(form, body);
  return { name, body };
}

/** Newer movements join what is shown; what no longer meets it is forgotten. */
function merge(data, selection) {
  const rows = data.ledger ?? [];
  const owner = `${selection.game} ${data.asked}`;
  const newest = Math.max(0, ...ledger.rows.keys());
  const meets = owner === ledger.player && rows.length > 0 && rows[rows.length - 1].number <= newest + 1;
  if (!meets) ledger = { player: owner, rows: new Map(), next: data.nextCursor ?? null };
  rows.forEach((row) => ledger.rows.set(row.number, row));
}

function show(data, selection) {
  if (!data.player) {
    parts.body.replaceChildren(h("div", { class: "message" },
      h("strong", { textContent: data.asked ? "No such player" : "No player chosen" }),
      data.asked ? "This game has no player of that external id." : "Choose a player on the leaderboard, or enter an external id."));
    return;
  }
  const scrolled = parts.body.querySelector(".scroll")?.scrollTop ?? 0;
  const since = `since ${moment(Date.parse(data.player.createdAt))}${data.player.registered ? "" : " · not registered"}`;
  const rows = [...ledger.rows.values()].sort((a, b) => b.number - a.number);
  const table = rows.length
    ? dataTable({
      caption: `Ledger of ${data.asked}, newest first`,
      columns: [{ name: "No." }, { name: "When" }, { name: "What" }, { name: "Amount", number: true }, { name: "Left", number: true }, { name: "Why", wide: true, optional: true }],
      rows: rows.map((row) => [
        count(row.number),
        moment(Date.parse(row.occurredAt)),
        named(data, row.type, row.key),
        h("span", { class: row.amount < 0 ? "worse" : "better", textContent: signed(row.amount) }),
        count(row.balance),
        row.reason ? `${row.cause.replace("_", " ")}: ${row.reason}` : row.cause.replace("_", " "),
      ]),
    })
    : h("div", { class: "message" }, h("strong", { textContent: "Nothing moved yet" }), "Rewards that are claimed, and whatever is spent, are listed here.");
  parts.body.replaceChildren(
    h("h3", {}, data.asked, " ", h("small", { class: "faint", textContent: since })),
    holdings(data),
    table,
    ...(rows.length && ledger.next ? [h("button", { type: "button", class: "older", textContent: "Older", on: { click: (event) => older(event.currentTarget, data, selection) } })] : []));
  const scroll = parts.body.querySelector(".scroll");
  if (scroll) scroll.scrollTop = scrolled;
}

/** What the catalog calls it; its key where the catalog has it no more. */
const named = ({ names }, type, key) => names[`${type} ${key}`] ?? key;

function holdings(data) {
  const { wallet, inventory, pendingGrants } = data;
  const one = (name, amount) => h("li", {}, h("span", { textContent: name }), h("b", { textContent: count(amount) }));
  return h("ul", { class: "holdings", tabIndex: 0, "aria-label": "Wallet and inventory" },
    wallet.map((row) => one(named(data, "currency", row.economyKey), row.balance)),
    inventory.map((row) => one(named(data, "item", row.itemKey), row.quantity)),
    wallet.length + inventory.length ? null : h("li", { class: "faint", textContent: "Holds nothing" }),
    pendingGrants.length ? h("li", { class: "faint", textContent: `${plural(pendingGrants.length, "grant")} to claim` }) : null);
}

async function older(button, data, selection) {
  const owner = ledger.player;
  button.disabled = true;
  try {
    const page = await ask("ledger", { game: selection.game, player: data.asked, cursor: ledger.next });
    if (ledger.player !== owner) return;
    page.ledger.forEach((row) => ledger.rows.set(row.number, row));
    ledger.next = page.nextCursor;
    show(data, selection);
  } catch {
    button.disabled = false;
    button.textContent = "Older (try again)";
  }
}
