/** The rows of a leaderboard, which slide to their new places. */

import { h } from "./dom.js";
import { ago, count, plural, score } from "./format.js";

const SLIDE_MS = 600;
const MARK_MS = 6_000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class BoardTable {
  constructor({ onPick }) {
    this.onPick = onPick;
    this.rows = new Map();
    this.body = h("tbody");
    const head = ["#", "", "Player", "Score", "Since"].map((name, place) => h("th", { scope: "col", class: ["num", "move", "wide", "num", "num optional"][place], textContent: name }));
    this.element = h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Leaderboard" },
      h("table", { class: "board" }, h("caption", { class: "unseen", textContent: "Players by rank" }), h("thead", {}, h("tr", {}, head)), this.body));
  }

  /** Show the entries in this order; `chosen` is the player who is looked at. */
  show(entries, chosen) {
    const before = new Map([...this.rows].map(([id, row]) => [id, row.element.offsetTop]));
    const seen = new Set();
    entries.forEach((entry, place) => {
      const id = `${entry.isBot ? "bot" : "player"} ${entry.externalId}`;
      seen.add(id);
      const row = this.rows.get(id) ?? this.make(id, entry);
      this.update(row, entry, place + 1, chosen);
      if (this.body.children[place] !== row.element) this.body.insertBefore(row.element, this.body.children[place] ?? null);
    });
    for (const [id, row] of this.rows) {
      if (seen.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    if (!calm.matches) this.slide(before);
  }

  make(id, entry) {
    const cells = { rank: h("td", { class: "num rank" }), move: h("td", { class: "move" }), score: h("td", { class: "num" }), since: h("td", { class: "num optional faint" }) };
    const name = entry.isBot
      ? h("span", { class: "faint", textContent: `${entry.externalId} (bot)` })
      : h("button", { type: "button", class: "name", textContent: entry.externalId, title: `Look at ${entry.externalId}`, on: { click: () => this.onPick(entry.externalId) } });
    const element = h("tr", { "data-player": entry.externalId }, cells.rank, cells.move, h("th", { scope: "row", class: "wide" }, name), cells.score, cells.since);
    const row = { element, cells, rank: null, score: null };
    this.rows.set(id, row);
    return row;
  }

  update(row, entry, rank, chosen) {
    const { cells } = row;
    if (row.rank !== null && row.rank !== rank) this.mark(row, row.rank - rank);
    if (row.score !== null && row.score !== entry.score && !calm.matches) cells.score.animate([{ color: "var(--accent)" }, {}], { duration: 1500 });
    Object.assign(row, { rank, score: entry.score });
    cells.rank.textContent = count(rank);
    cells.score.textContent = score(entry.score);
    cells.since.textContent = ago(Date.parse(entry.achievedAt));
    row.element.setAttribute("aria-current", String(entry.externalId === chosen && !entry.isBot));
  }

  /** Show for a while by how many places a player moved. */
  mark(row, by) {
    const up = by > 0;
    row.cells.move.replaceChildren(
      h("span", { class: up ? "better" : "worse", "aria-hidden": "true", textContent: `${up ? "▲" : "▼"} ${Math.abs(by)}` }),
      h("span", { class: "unseen", textContent: `${up ? "up" : "down"} ${plural(Math.abs(by), "rank")}` }));
    clearTimeout(row.timer);
    row.timer = setTimeout(() => row.cells.move.replaceChildren(), MARK_MS);
  }

  slide(before) {
    for (const [id, { element }] of this.rows) {
      const from = before.get(id);
      const by = from === undefined ? 0 : from - element.offsetTop;
      if (by) element.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: SLIDE_MS, easing: "cubic-bezier(0.2, 0.7, 0.2, 1)" });
    }
  }
}
