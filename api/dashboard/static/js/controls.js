/** The pickers and buttons of the bar. */

import { ask } from "./request.js";
import { h } from "./dom.js";
import { FILTERED, NARROWING, RANGES } from "./selection.js";

const byId = (id) => document.getElementById(id);

/** Give a select these `[value, text]` options, where it has others, and choose one. */
export function fill(select, options, chosen) {
  const wanted = options.map(([value, text]) => `${value}\n${text}`).join("\n");
  if (select.dataset.filled !== wanted) {
    select.replaceChildren(...options.map(([value, text]) => h("option", { value, textContent: text })));
    select.dataset.filled = wanted;
  }
  select.value = chosen;
}

/** Fill the game picker, and follow what the person picks. */
export function bindGame(selection, games) {
  fill(byId("game"), games.map((game) => [game.slug, game.name]), selection.game);
  byId("game").addEventListener("change", (event) => {
    selection.set({ game: event.target.value, ...Object.fromEntries(NARROWING.map(([name]) => [name, ""])), event: "", window: "", part: "", player: "", playtest: "", a: "", b: "", in: "", experiment: "", tester: "", q: "", server: "", hosted: "", funnel: "", steps: "", within: "", name: "", session: "", cell: "" });
  });
}

/** Links to the other sections keep the chosen game, the filters and the time. */
export function bindSections(selection) {
  const keep = (event) => {
    const link = event.target.closest("a");
    if (link && selection.game) link.search = new URLSearchParams(selection.parameters());
  };
  for (const means of ["click", "auxclick", "contextmenu"]) byId("sections").addEventListener(means, keep);
}

/** Selects of a game's choices: the element and the property, the list of the choices, and what "" is. */
const CHOSEN = [["build", "builds", "All builds"], ["environment", "environments", "All environments"], ["platform", "platforms", "All platforms"], ["country", "countries", "All countries"]];

/** Fill the time picker, and follow the filters and times. */
export function bindFilters(selection) {
  fill(byId("range"), RANGES, selection.range);
  showCustom(selection);
  byId("game").addEventListener("change", () => loadChoices(selection));
  for (const [name] of CHOSEN) byId(name).addEventListener("change", (event) => selection.set({ [name]: event.target.value }, { only: FILTERED }));
  const tester = byId("played-by");
  const show = () => { tester.value = selection.playedBy; };
  const seek = () => tester.value.trim() !== selection.playedBy && selection.set({ playedBy: tester.value.trim() }, { only: FILTERED });
  tester.addEventListener("change", seek);
  tester.addEventListener("search", seek);
  selection.addEventListener("change", show);
  show();
  byId("range").addEventListener("change", (event) => {
    const range = event.target.value;
    if (range !== "custom") return selection.set({ range, from: null, to: null }, { only: FILTERED }), showCustom(selection);
    const to = selection.to ?? Date.now();
    selection.range = "custom";
    showCustom(selection, selection.from ?? to - 3_600_000, to);
    return byId("from").focus();
  });
  byId("pickers").addEventListener("submit", (event) => {
    event.preventDefault();
    seek();
    if (byId("custom").hidden) return;
    const [from, to] = [Date.parse(byId("from").value), Date.parse(byId("to").value)];
    byId("to").setCustomValidity(from < to ? "" : "Must be after the start");
    if (byId("pickers").reportValidity()) selection.set({ range: "custom", from, to }, { only: FILTERED });
  });
  byId("to").addEventListener("input", () => byId("to").setCustomValidity(""));
}

function showCustom(selection, from = selection.from, to = selection.to) {
  const shown = selection.range === "custom";
  byId("custom").hidden = !shown;
  byId("custom").disabled = !shown;
  if (shown) [byId("from").value, byId("to").value] = [localMinute(from), localMinute(to)];
}

function localMinute(ms) {
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Fill what the chosen game has to choose from. What is chosen and not there (yet) stays pickable. */
export async function loadChoices(selection) {
  const game = selection.game;
  const choices = await ask("choices", { game }).catch(() => null);
  if (game !== selection.game || choices === null) {
    if (!byId("build").options.length) show({});
    return;
  }
  show(choices);

  function show(sent) {
    for (const [name, list, all] of CHOSEN) {
      const chosen = selection[name];
      const values = (sent[list] ?? []).filter(Boolean);
      fill(byId(name), [["", all], ...(chosen && !values.includes(chosen) ? [chosen, ...values] : values).map((value) => [value, value])], chosen);
    }
  }
}

/** The theme button shows what pressing it does. */
export function bindTheme() {
  const button = byId("theme");
  const label = () => {
    button.textContent = window.questlogTheme.shown() === "dark" ? "Light" : "Dark";
    button.title = `Switch to the ${button.textContent.toLowerCase()} theme`;
    button.setAttribute("aria-label", button.title);
  };
  button.addEventListener("click", () => window.questlogTheme.set(window.questlogTheme.shown() === "dark" ? "light" : "dark"));
  addEventListener("themechange", label);
  label();
}
