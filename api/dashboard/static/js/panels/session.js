/** One session: whose it is, and its events in their order. */

import { h } from "../dom.js";
import { count, duration, moment, plural, timeOfDay } from "../format.js";
import { ask } from "../request.js";
import { NARROWING } from "../selection.js";
import { dataTable } from "../table.js";

export const session = {
  id: "session",
  title: "One session",
  hint: "Its events in order",
  width: 12,
  every: 10_000,
  endpoint: "session-events",
  scope: "own",
  /** It is the one that was chosen, whatever the others are narrowed by. */
  obeys: NARROWING.map(([name]) => name),
  parameters: ({ game, session: id }) => ({ game, session: id }),
  async load({ game, session: id }, signal) {
    asked = id;
    if (!id) return null;
    return ask("session-events", { game, session: id }, signal).catch((error) => {
      if (error.code === "not_found") return null;
      throw error;
    });
  },
  get empty() { return asked ? ["No such session", "This game has no session of that id."] : ["No session chosen", "Choose one in a tester’s journey, or in a cell of a heatmap."]; },
  isEmpty: (data) => !data,
  draw(content, data, selection) {
    const scrolled = content.querySelector(".scroll")?.scrollTop ?? 0;
    const begun = data.first_at;
    const table = dataTable({
      caption: "Events of the session, oldest first",
      columns: [{ name: "After", number: true }, { name: "At", optional: true }, { name: "Event" }, { name: "Room", optional: true }, { name: "Properties", wide: true }],
      rows: data.events.map((one) => [
        duration((one.at - begun) / 1000),
        h("time", { dateTime: new Date(one.at).toISOString(), textContent: timeOfDay(one.at) }),
        one.step ? h("span", {}, one.name, h("small", { class: "faint", textContent: " step" })) : one.name,
        one.room,
        one.properties === "{}" ? "" : one.properties,
      ]),
    });
    const where = [data.build, data.environment, data.platform, data.country].filter(Boolean).join(" · ");
    const whose = h("button", { type: "button", class: "name", textContent: data.tester || data.player, title: `The journey of ${data.tester || data.player}`, on: { click: () => selection.set({ tester: data.player }, { only: ["journey", "testers"] }) } });
    const rest = data.total - data.events.length;
    content.replaceChildren(
      h("h3", {}, data.id, " ", whose),
      h("p", { class: "faint", textContent: `${moment(begun)}, ${duration((data.last_at - begun) / 1000)} · ${where} · ${plural(data.total, "event")}${rest > 0 ? `, the first ${count(data.events.length)} are listed` : ""}` }),
      table);
    table.scrollTop = scrolled;
  },
};
let asked = "";
