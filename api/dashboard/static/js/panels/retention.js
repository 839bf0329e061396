/** Who came back: players by the day of their first session, and the share of them back on each day after. */

import { h } from "../dom.js";
import { NOTHING, count, percent } from "../format.js";
import { dataTable, fromDay } from "../table.js";

export const retention = {
  id: "retention",
  title: "Retention",
  hint: "Players by first day, and the share back on later days",
  width: 6,
  every: 60_000,
  endpoint: "retention",
  scope: "all",
  empty: ["No first sessions in these days", "A cohort is the players whose first session is of one day."],
  isEmpty: ({ cohorts }) => !cohorts.length,
  draw(content, { cohorts, all }) {
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    const table = dataTable({
      caption: "Cohorts by the day of players’ first sessions, newest first, with the share back on day n",
      columns: [{ name: "First day (UTC)" }, { name: "Players", number: true }, ...all.map(({ day }) => ({ name: `Day ${day}`, number: true }))],
      rows: [
        ["All", count(cohorts.reduce((sum, { players }) => sum + players, 0)), ...all.map(share)],
        ...cohorts.map(({ t, players, back }) => [fromDay(t), count(players), ...back.map(share)]),
      ],
    });
    table.classList.add("cohorts");
    content.replaceChildren(table);
    table.scrollTop = scrolled;
  },
};

/** Coloured by the share; of how many, on asking. Nothing where no player's day is over yet. */
function share({ eligible, retained }) {
  if (!eligible) return h("span", { class: "faint", textContent: NOTHING, title: "Not over yet" });
  const rate = retained / eligible;
  return h("span", { class: "share", style: { "--share": `${Math.round(rate * 55)}%` }, title: `${count(retained)} of ${count(eligible)}`, textContent: percent(rate) });
}
