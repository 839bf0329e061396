/** A leaderboard as it is played: loaded once, then moved by its stream. */

import { BoardStream } from "../board_stream.js";
import { BoardTable } from "../board_table.js";
import { h } from "../dom.js";
import { moment, plural, until } from "../format.js";
import { Standings } from "../standings.js";

const WINDOWS = [["", "This window"], ["before", "The one before"]];
const STATES = { live: ["ready", "Live"], waiting: ["behind", "Reconnecting"], paused: ["idle", "Paused"], closed: ["idle", "Final"], none: ["idle", "Waiting"] };
/** How old a view may be: what happened before the stream was joined is in one loaded this much later. */
const VIEW_AGE_MS = 1_700;
const PAINT_MS = 120;

let parts = null;
let shown = null;
let standings = null;
let stream = null;
let awake = true;
let state = "none";

export const leaderboard = {
  id: "leaderboard",
  title: "Leaderboard",
  hint: "Moves as players score",
  width: 5,
  get every() { return stream || state === "closed" ? 30_000 : 3_000; },
  endpoint: "board",
  scope: "own",
  parameters: (selection) => ({ game: selection.game, ...selection.chosen("event", "window", "part") }),
  isEmpty: () => false,
  draw(content, data, selection) {
    if (!parts) parts = build(content, selection);
    if (data !== shown?.data) take(data, selection);
    pick(data, selection);
    follow();
    paint();
  },
  /** The page may have been built anew; what is followed stays followed. */
  reset() {
    parts = null;
  },
  /** An address may name what this game does not have: begin with its first event. */
  recover(selection) {
    if (!Object.keys(selection.chosen("event", "window", "part")).length) return false;
    selection.set({ event: "", window: "", part: "" }, { only: this.id });
    return true;
  },
  awake(is) {
    awake = is;
    if (shown) {
      follow();
      later(); // a paused page asks for nothing that would paint it
    }
    if (is) this.askAgain();
  },
};

function take(data, selection) {
  if (data.board_id !== shown?.data.board_id || !standings) {
    standings = new Standings(data.order);
    stream?.close();
    stream = null;
    state = "none";
  }
  shown = { data, game: selection.game, selection };
  if (data.board) standings.load(data.board);
  if (data.board?.finalized) state = "closed";
}

/** Hold one stream: of the board that is shown, while it can move and is visible. */
function follow() {
  const { data, game } = shown;
  const wanted = awake && data.board && !data.board.finalized && state !== "closed" ? data.board_id : null;
  if (stream && stream.board !== wanted) {
    stream.close();
    stream = null;
    if (state !== "closed") state = "none";
  }
  if (wanted && !stream) {
    state = "waiting";
    stream = new BoardStream({ game, board: wanted }, {
      told: (update) => { if (standings.apply(update)) leaderboard.askAgain(); later(); },
      state: (word) => { state = word; if (word === "closed") stream = null; later(); },
      ready: () => setTimeout(() => leaderboard.askAgain(), VIEW_AGE_MS),
    });
  }
  if (!awake && state !== "closed") state = "paused";
}

let painting = null;
/** A flood of updates is one move. */
function later() {
  painting ??= setTimeout(() => { painting = null; paint(); }, PAINT_MS);
}

function build(content, selection) {
  const own = { only: "leaderboard" };
  const event = h("select", { "aria-label": "Event", on: { change: () => { shape(); selection.set({ event: event.value, part: "" }, own); } } });
  const window = h("select", { "aria-label": "Window", on: { change: () => selection.set({ window: window.value }, own) } }, WINDOWS.map(([value, textContent]) => h("option", { value, textContent })));
  const part = h("input", { "aria-label": "Group or segment", maxLength: 64, on: { change: () => selection.set({ part: part.inputMode === "numeric" ? String(parseInt(part.value, 10) || "").slice(0, 7) : part.value.trim() }, own) } });
  const pill = h("span", { role: "status" });
  const about = h("span", { class: "faint" });
  const message = h("div", { class: "message", hidden: true });
  const table = new BoardTable({ onPick: (player) => { selection.set({ player }, { only: "player" }); paint(); } });
  content.replaceChildren(h("p", { class: "choose" }, event, window, part), h("p", { class: "about" }, pill, about), table.element, message);
  return { event, window, part, pill, about, message, table };
}

function pick(data, selection) {
  const { event, window, part } = parts;
  const wanted = JSON.stringify(data.events);
  if (event.dataset.filled !== wanted) {
    event.replaceChildren(...data.events.map(({ key, name }) => h("option", { value: key, textContent: name })));
    event.dataset.filled = wanted;
  }
  event.value = data.event;
  window.value = selection.window;
  shape(data.events);
  if (document.activeElement !== part) part.value = selection.part;
}

/** What may be typed follows from the chosen event's mode at once, not when its board is answered. */
function shape(events = shown?.data.events ?? []) {
  const { event, part } = parts;
  const { mode } = events.find(({ key }) => key === event.value) ?? { mode: "global" };
  part.hidden = mode === "global";
  part.placeholder = mode === "grouped" ? "Group 1" : "Segment";
  part.inputMode = mode === "grouped" ? "numeric" : "text";
}

function paint() {
  if (!parts || !shown) return;
  const { data, selection } = shown;
  const [kind, word] = STATES[state];
  parts.pill.className = `pill ${kind}`;
  if (parts.pill.textContent !== word) parts.pill.textContent = word;
  const ends = state === "closed" ? `ended ${moment(data.ends_at)}` : data.ends_at < Date.now() ? "the window is over" : `ends ${until(data.ends_at)}`;
  parts.about.textContent = data.ends_at ? `${plural(standings.total, "player")} · ${ends}` : "";
  const problem = trouble(data);
  parts.message.hidden = !problem;
  parts.table.element.hidden = Boolean(problem);
  if (problem) parts.message.replaceChildren(h("strong", { textContent: problem[0] }), problem[1]);
  else parts.table.show(standings.entries, selection.player);
}

function trouble(data) {
  if (!data.events.length) return ["This game has no events", "Declare some in its definition file."];
  if (!data.starts_at) return ["No window", "There is none of that kind for this event."];
  if (!data.board_id) return ["Which segment?", "Enter one of the names that players send."];
  return standings.entries.length ? null : ["No players here yet", "It shows the first player with their first progress."];
}
