/** Starts a page: who is signed in, which panels there are, and when each asks again. */

import { ask } from "./request.js";
import { chartLibrary } from "./charts/lines.js";
import { bindFilters, bindGame, bindSections, bindTheme, loadChoices } from "./controls.js";
import { timeOfDay } from "./format.js";
import { Panel } from "./panel.js";
import { FILTERED, NARROWING, Selection } from "./selection.js";

const TICK_MS = 500;
const CHOICES_EVERY_MS = 30_000;
const AT_ONCE_MAX = 4;

const selection = new Selection();
const liveButton = document.getElementById("live");
const banner = document.getElementById("banner");
let panels = [];
let choicesDueAt = 0;
let isLive = true;

/**
 * `filters`: builds, environments, platforms, countries, testers and times are picked too. `mayNot(session)`: what to say instead of panels to a
 * session that may not see them. Called once a page.
 */
export async function startPage(listed, { filters = false, mayNot = () => null } = {}) {
  bindTheme();
  bindSections(selection);
  const title = document.querySelector("h1").textContent;
  const session = await askUntilAnswered();
  try { sessionStorage.removeItem("questlog-arrived"); } catch { /* see sign_in.js */ }
  document.getElementById("studio").textContent = session.studio;
  document.title = `${session.studio} · Questlog ${title.toLowerCase()}`;
  const views = listed.filter(({ kind }) => !kind || kind === session.kind);
  const instead = mayNot(session) ?? (session.games.length ? null : "This studio has no games yet. Declare one in a definition file and load it with “questlog apply FILE”.");
  if (instead) {
    document.getElementById("panels").replaceChildren(Object.assign(document.createElement("p"), { className: "message w12", textContent: instead }));
    return;
  }
  const known = session.games.find((game) => game.slug === selection.game || game.id === selection.game);
  if (selection.game && !known) sayUnknown(selection.game, session.games[0].name);
  const changes = known ? { game: known.slug } : { game: session.games[0].slug, ...Object.fromEntries(NARROWING.map(([name]) => [name, ""])) };
  selection.kind = session.kind;
  selection.set(changes, { quiet: true });
  bindGame(selection, session.games);
  if (filters) bindFilters(selection);
  else choicesDueAt = Infinity;
  panels = views.map((view) => new Panel(view, selection));
  if (views.some((view) => view.plots) && !(await chartLibrary())) panels.filter((panel) => panel.view.plots).forEach((panel) => { panel.onlyTable = true; });
  if (filters) panels.forEach((panel) => panel.sayWhatIsNotFiltered());
  document.getElementById("panels").replaceChildren(...panels.map((panel) => panel.element));
  selection.addEventListener("change", ({ only }) => {
    const follows = ({ obeyed, view: { id, scope } }) => (only === FILTERED ? scope === "all" || obeyed.length : only ? [only].flat().includes(id) : scope !== "none");
    panels.filter(follows).forEach((panel) => panel.invalidate());
    if (filters) panels.forEach((panel) => panel.sayWhatIsNotFiltered());
    tick();
  });
  addEventListener("themechange", () => panels.forEach((panel) => panel.redraw()));
  document.addEventListener("visibilitychange", () => { wake(); tick(); });
  wake();
  setInterval(tick, TICK_MS);
  tick();
}

/** An address may name a game that is gone, or another studio's. */
function sayUnknown(wanted, instead) {
  const note = document.getElementById("unknown-game");
  note.textContent = `This key opens no game “${wanted}”. ${instead} is shown.`;
  note.hidden = false;
  selection.addEventListener("change", () => { note.hidden = true; }, { once: true });
}

async function askUntilAnswered() {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const session = await ask("session");
      setBanner(null);
      return session;
    } catch (error) {
      setBanner(error);
      await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 1000 * 2 ** attempt)));
    }
  }
}

/** Refresh what is due: a few at a time, nothing in a hidden tab, nothing of its own accord when not live. */
function tick() {
  if (document.hidden) return;
  const now = performance.now();
  const waiting = panels.filter((panel) => panel.controller);
  const due = panels
    .filter((panel) => !panel.controller && panel.dueAt <= now && panel.view.ready?.(selection) !== false)
    .filter((panel) => panel.dueAt === 0 || panel.failures || (isLive && (selection.moving || panel.view.scope !== "all")))
    .sort((a, b) => a.dueAt - b.dueAt);
  for (const panel of due.slice(0, Math.max(0, AT_ONCE_MAX - waiting.length))) panel.refresh().then(settle);
  if (choicesDueAt <= now && (isLive || choicesDueAt === 0)) {
    choicesDueAt = now + CHOICES_EVERY_MS;
    loadChoices(selection);
  }
}

/** Tell panels that listen for themselves whether to: a hidden tab or a paused page holds no connection. */
function wake() {
  panels.forEach((panel) => panel.view.awake?.(isLive && !document.hidden));
}

function settle(error) {
  const failing = panels.filter((panel) => panel.failures);
  setBanner(failing.length ? error ?? { passing: true, kept: true } : null);
  if (!failing.length) document.getElementById("freshness").textContent = `Up to date at ${timeOfDay(Date.now())}`;
  if (panels.some((panel) => panel.dueAt === 0 && !panel.controller)) tick();
}

function setBanner(error) {
  if (error?.kept && !banner.hidden) return;
  banner.hidden = !error?.passing;
  if (!banner.hidden) {
    banner.querySelector("p").textContent = error.code === "offline"
      ? "The server can’t be reached. Trying again by itself."
      : "Some figures can’t be read right now: a store is away or catching up. Trying again by itself.";
  }
}

banner.querySelector("button").addEventListener("click", () => {
  panels.filter((panel) => panel.failures).forEach((panel) => { panel.dueAt = 0; });
  tick();
});
liveButton.addEventListener("click", () => {
  isLive = !isLive;
  liveButton.setAttribute("aria-pressed", String(isLive));
  wake();
  tick();
});
