/** The pickers and buttons of the bar. */

import { ask } from "./request.js";
import { h } from "./dom.js";
import { FILTERED, RANGES } from "./selection.js";

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
    selection.set({ game: event.target.value, build: "", environment: "", event: "", window: "", part: "", player: "", playtest: "", a: "", b: "", in: "", experiment: "", tester: "", q: "", server: "", hosted: "", funnel: "", steps: "", within: "", name: "", session: "", cell: "" });
  });
}

/** Links to the other sections keep the chosen game, build, environment and time. */
export function bindSections(selection) {
  const keep = (event) => {
    const link = event.target.closest("a");
    if (link && selection.game) link.search = new URLSearchParams(selection.parameters());
  };
  for (const means of ["click", "auxclick", "contextmenu"]) byId("sections").addEventListener(means, keep);
}

/** Fill the time picker, and follow builds, environments and times. */
export function bindFilters(selection) {
  fill(byId("range"), RANGES, selection.range);
  showCustom(selection);
  byId("game").addEventListener("change", () => loadChoices(selection));
  byId("build").addEventListener("change", (event) => selection.set({ build: event.target.value }, { only: FILTERED }));
  byId("environment").addEventListener("change", (event) => selection.set({ environment: event.target.value }, { only: FILTERED }));
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

/** Fill builds and environments of the chosen game. A chosen one that is not there (yet) stays pickable. */
export async function loadChoices(selection) {
  const game = selection.game;
  const choices = await ask("choices", { game }).catch(() => null);
  if (game !== selection.game || choices === null) {
    if (!byId("build").options.length) show({ builds: [], environments: [] });
    return;
  }
  show(choices);

  function show({ builds, environments }) {
    const named = (name) => [name, name || "(none sent)"];
    const withChosen = (list, chosen) => (chosen && !list.includes(chosen) ? [chosen, ...list] : list);
    fill(byId("build"), [["", "All builds"], ...withChosen(builds.filter(Boolean), selection.build).map(named)], selection.build);
    fill(byId("environment"), [["", "All environments"], ...withChosen(environments.filter(Boolean), selection.environment).map(named)], selection.environment);
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
