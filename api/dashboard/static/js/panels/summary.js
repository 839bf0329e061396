/** The figures at the top, each against the same length of time before. */

import { h } from "../dom.js";
import { NOTHING, compared, count, duration, rate, short } from "../format.js";
import { EVENTS, POSITIONS } from "../measures.js";

const FIGURES = [
  ["Players", (figures) => figures.players, short],
  ["Sessions", (figures) => figures.sessions, short],
  ["Median session", (figures) => figures.median_session_seconds, duration],
  [EVENTS, (figures) => figures.events - figures.points, short],
  [POSITIONS, (figures) => figures.points, short],
  ["Median frame rate", (figures) => figures.median_fps, (value) => (value === null ? NOTHING : `${rate(value)} fps`)],
];

export const summary = {
  id: "summary",
  title: "In this time",
  width: 5,
  every: 10_000,
  endpoint: "summary",
  scope: "all",
  isEmpty: () => false,
  draw(content, { now, before }, selection) {
    content.replaceChildren(h("dl", { class: "figures" }, FIGURES.map(([name, read, format]) => {
      const difference = compared(read(now), read(before), format).text;
      return h("div", {},
        h("dt", { textContent: name }),
        h("dd", { title: typeof read(now) === "number" ? count(read(now)) : "" }, format(read(now)),
          h("small", { textContent: difference ? `${difference} vs ${selection.previously}` : "nothing before" })));
    })));
  },
};
