/** Frame rates by build: the middle half, the spread, and the worst one percent. */

import { h } from "../dom.js";
import { count, plural, rate } from "../format.js";

const USUAL = [30, 60, 120, 144, 240];

/** The rates people aim for, or round ones where the game is far beyond them. */
function steps(end) {
  if (end <= 330) return USUAL;
  const size = 10 ** Math.floor(Math.log10(end));
  const step = end / size > 5 ? size : end / size > 2 ? size / 2 : size / 5;
  return Array.from({ length: Math.floor(end / step) }, (_, place) => (place + 1) * step);
}

export const fps = {
  id: "fps",
  title: "Frame rate by build",
  hint: "Newest build first",
  width: 5,
  every: 10_000,
  endpoint: "fps",
  scope: "all",
  empty: ["No frame rates in this time", "They come with realtime trajectories (fps.mean, low_5, low_1)."],
  isEmpty: ({ builds }) => !builds.length,
  draw(content, { builds }) {
    const highest = Math.max(...builds.map((build) => build.p95 ?? 0), 33);
    const end = highest * 1.06;
    const at = (value) => `${Math.min(100, (Math.max(0, value) / end) * 100)}%`;
    const guides = steps(end).filter((step) => step < end);
    const near = guides.filter((step, place) => place === 0 || (step - guides[place - 1]) / end > 0.09);
    content.replaceChildren(
      h("div", { class: "fps", tabIndex: 0, role: "region", "aria-label": "Frame rates" },
        builds.map((build) => h("div", { class: "row" },
          h("div", {},
            h("span", { class: "build", textContent: build.build || "(no build)", title: build.build }),
            h("span", { class: "value" }, h("b", { textContent: rate(build.p50) }), ` fps median · 1% low ${rate(build.low_1)}`)),
          h("div", { class: "track", role: "img", "aria-label": `${build.build}: median ${rate(build.p50)} fps, half between ${rate(build.p25)} and ${rate(build.p75)}, most between ${rate(build.p5)} and ${rate(build.p95)}`, title: plural(build.samples, "sample") },
            guides.map((step) => h("i", { class: "guide", style: { left: at(step) } })),
            h("i", { class: "whisker", style: { left: at(build.p5), width: `calc(${at(build.p95)} - ${at(build.p5)})` } }),
            h("i", { class: "box", style: { left: at(build.p25), width: `calc(${at(build.p75)} - ${at(build.p25)})` } }),
            h("i", { class: "median", style: { left: at(build.p50) } }),
            build.low_1 === null ? null : h("i", { class: "low", style: { left: at(build.low_1) } })))),
        h("div", { class: "scale", "aria-hidden": "true" }, near.map((step) => h("span", { textContent: count(step), style: { left: at(step) } })))),
      h("p", { class: "key", "aria-hidden": "true" },
        h("span", {}, h("i", { class: "k-median" }), "median"),
        h("span", {}, h("i", { class: "k-box" }), "middle half"),
        h("span", {}, h("i", { class: "k-whisker" }), "5th to 95th"),
        h("span", {}, h("i", { class: "k-low" }), "1% low")));
  },
  table: ({ builds }) => ({
    caption: "Frame rate percentiles by build",
    columns: [{ name: "Build" }, ...["p5", "p25", "p50", "p75", "p95", "5% low", "1% low", "Samples"].map((name) => ({ name, number: true }))],
    rows: builds.map((build) => [build.build, ...["p5", "p25", "p50", "p75", "p95", "low_5", "low_1"].map((name) => rate(build[name])), count(build.samples)]),
  }),
};
