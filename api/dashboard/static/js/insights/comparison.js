/** The chosen experiment: variants side by side, whether the split can be trusted, and what may be done with it. */

import { part } from "../curl.js";
import { h } from "../dom.js";
import { NOTHING, compared, count, decimal, moment, percent, score as hundredths } from "../format.js";
import { dataTable } from "../table.js";
import { ExperimentActions } from "./experiment_actions.js";
import { statusPill } from "./experiments.js";
import { chosen, known } from "./known.js";
import { Read } from "./s1.js";

const read = new Read("the comparison of variants");
let parts = null;

export const comparison = {
  id: "comparison",
  title: "Variants side by side",
  hint: "Sessions tagged with the variant assigned to their device; lift against the first variant",
  width: 8,
  every: 10_000,
  scope: "own",
  tools: read.tools,
  empty: ["No experiment chosen", "Experiments of the game are listed beside."],
  isEmpty: (found) => !found,
  ready: (selection) => known.game === selection.game,
  async load(selection, signal) {
    const experiment = chosen(selection);
    if (!experiment) return null;
    const found = await read.ask(`/experiments/${part(experiment.id)}/comparison`, {}, signal);
    return found && { experiment, ...found };
  },
  draw(content, { experiment, comparison: compared, digest }, selection) {
    parts ??= build(content);
    parts.title.textContent = experiment.name;
    parts.status.replaceChildren(statusPill(experiment.status));
    parts.actions.show(experiment, selection.kind === "pl_mgmt");
    const scrolled = parts.body.scrollTop;
    parts.body.replaceChildren(...[warning(compared), table(compared), clusters(compared), quotes(compared), text(digest, compared)].filter(Boolean));
    parts.body.scrollTop = scrolled;
  },
  reset() { parts = null; },
};
known.changed = () => comparison.askAgain?.();

function build(content) {
  const title = h("h3");
  const status = h("span");
  const actions = new ExperimentActions(() => { comparison.askAgain(); known.again?.(); });
  const body = h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Comparison of variants" });
  content.replaceChildren(h("div", { class: "experiment-head" }, h("div", { class: "experiment-name" }, title, status), actions.element), actions.notice.element, body);
  return { title, status, actions, body };
}

/** The split is checked before anything is compared: a broken one makes every other figure worthless. */
function warning({ srm, rejectedTags }) {
  const rejected = [["notRunning", "while it did not run"], ["notInAudience", "of devices outside the audience"], ["wrongVariant", "of another variant than the device’s"], ["pinned", "of pinned devices"]].filter(([name]) => rejectedTags[name]).map(([name, why]) => `${count(rejectedTags[name])} ${why}`).join(", ");
  const aside = rejected ? h("p", { class: "faint", textContent: `Sessions left out, by their tags: ${rejected}.` }) : null;
  if (srm.status === "mismatch") {
    return h("div", { class: "srm", "data-srm": srm.status }, h("p", { class: "warning bad", role: "alert" }, h("strong", { textContent: "Do not trust these figures. " }), `Exposures do not fit the allocations (χ² ${decimal(srm.chiSquare)}, p ${probability(srm.pValue)}): find what loses players of one variant first.`), aside);
  }
  const said = srm.status === "insufficient" ? "Too few exposures yet to check the split against the allocations." : `Exposures fit the allocations (χ² ${decimal(srm.chiSquare)}, p ${probability(srm.pValue)}).`;
  return h("div", { class: "srm", "data-srm": srm.status }, h("p", { class: "faint", textContent: said }), aside);
}

const probability = (value) => (value === null ? NOTHING : value < 0.0001 ? "under 0.0001" : value.toFixed(4));

/** Name, value, format, and which way is better: 1 more, -1 less, 0 neither. */
const MEASURES = [
  ["Exposed devices", (one) => one.exposures, count, 0],
  ["Sessions", (one) => one.sessionCount, count, 0],
  ...[1, 2, 7].map((day) => [`Back on day ${day}`, (one) => one.retention.find((row) => row.day === day)?.rate ?? null, percent, 1]),
  ["Time active", (one) => one.engagementPct, percent, 1],
  ["Sessions with a crash", (one) => one.crashRate, percent, -1],
];

function table({ variants }) {
  const [baseline, ...others] = variants;
  return dataTable({
    caption: "Variants by measure, with the lift against the first",
    columns: [{ name: "" }, ...variants.map((one) => ({ name: `${one.name} (${hundredths(one.allocation)}%)`, number: true }))],
    rows: MEASURES.map(([name, of, format, way]) => [name, format(of(baseline)), ...others.map((one) => lifted(of(one), of(baseline), format, way))]),
  });
}

function lifted(value, base, format, way) {
  const { text: lift, tone } = way ? compared(value, base, format, way) : { text: "" };
  if (!lift) return format(value);
  return h("span", {}, `${format(value)} `, h("small", { class: `lift ${tone}`, textContent: lift }));
}

function clusters({ variants }) {
  const listed = (found) => (found.length ? found.map(({ tag, count: testers }) => `${tag} (${count(testers)})`).join(", ") : "nothing yet");
  return h("dl", { class: "by-variant" }, variants.map((one) => h("div", {}, h("dt", { textContent: one.name }), h("dd", {}, h("span", { class: "state bad", textContent: "friction" }), ` ${listed(one.topFriction)}`), h("dd", {}, h("span", { class: "state good", textContent: "praise" }), ` ${listed(one.topPraise)}`))));
}

function quotes({ variants }) {
  const said = variants.filter(({ sampleQuotes }) => sampleQuotes.length);
  return said.length ? h("div", { class: "quotes" }, said.map((one) => h("div", {}, h("h4", { textContent: `Said by players of ${one.name}` }), h("ul", {}, one.sampleQuotes.map((quote) => h("li", {}, h("q", { textContent: quote }))))))) : null;
}

function text(digest, { variants }) {
  if (!digest) return h("p", { class: "faint", textContent: "No digest yet: a session of a management key may make one." });
  const named = (key) => variants.find((one) => one.key === key)?.name ?? key;
  return h("div", { class: "digest" },
    h("h4", {}, "Digest ", h("small", { class: "faint", textContent: `${digest.confidenceLabel} · ${moment(digest.generatedAt)} · ${digest.modelId ?? "by rules"}` })),
    h("p", { textContent: digest.digest.recommendation }),
    h("ul", {}, digest.digest.perVariant.map((line) => h("li", {}, h("b", { textContent: `${named(line.key)}: ` }), line.headline))));
}
