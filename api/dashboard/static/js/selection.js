/** What is being looked at, kept in the page's address so that a link shows the same to a colleague. */

export const RANGES = [
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["6h", "Last 6 hours"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["90d", "Last 90 days"],
  ["custom", "From … to …"],
];
/** What narrows figures beside the time: the property, its parameter in the address, and its name in a sentence. */
export const NARROWING = [["build", "build", "build"], ["environment", "env", "environment"], ["platform", "platform", "platform"], ["country", "country", "country"], ["playedBy", "played_by", "tester"]];
/** In place of a panel's name: all that go by these and by time. */
export const FILTERED = Symbol("filtered");
const DEFAULT_RANGE = "1h";
const NAME_MAX = 256;
const INSIGHTS = ["a", "b", "in", "experiment", "tester", "q"];
const FLEET = ["server", "hosted"];
const DRILL = ["name", "session", "cell"];
const FUNNEL = ["funnel", "steps", "within"];
const STEPS_TEXT_MAX = 8_000;

/** Holds the choice and tells listeners when it changes. */
export class Selection extends EventTarget {
  constructor(address = location.search) {
    super();
    const query = new URLSearchParams(address);
    const range = query.get("range") ?? DEFAULT_RANGE;
    this.game = query.get("game") ?? "";
    for (const [name, parameter] of NARROWING) this[name] = (query.get(parameter) ?? "").slice(0, NAME_MAX);
    /** A leaderboard: the event, its window ("" is the running one), and a group's number or a segment. */
    this.event = query.get("event") ?? "";
    this.window = query.get("window") === "before" ? "before" : "";
    this.part = query.get("part") ?? "";
    this.player = (query.get("player") ?? "").slice(0, NAME_MAX);
    this.playtest = query.get("playtest") ?? "";
    /** Two builds and their environment ("" is all of them), an experiment, a tester, and a text that is sought. */
    for (const name of INSIGHTS) this[name] = (query.get(name) ?? "").slice(0, NAME_MAX);
    /** A game server, and a build that servers are started from. */
    for (const name of FLEET) this[name] = (query.get(name) ?? "").slice(0, NAME_MAX);
    /** An event's name, a session, and a cell of the heatmap ("x y room"). */
    for (const name of DRILL) this[name] = (query.get(name) ?? "").slice(0, STEPS_TEXT_MAX);
    /** A declared funnel, steps that were picked (JSON), and the minutes within which all are done. */
    for (const name of FUNNEL) this[name] = (query.get(name) ?? "").slice(0, STEPS_TEXT_MAX);
    this.from = Number(query.get("from")) || null;
    this.to = Number(query.get("to")) || null;
    this.range = this.from && this.to ? "custom" : RANGES.some(([id]) => id === range && id !== "custom") ? range : DEFAULT_RANGE;
  }

  /**
   * Change some of it; `quiet` keeps listeners asleep (used while the pickers fill), `only` names the panel, or
   * the panels, that it matters to.
   */
  set(changes, { quiet = false, only = null } = {}) {
    Object.assign(this, changes);
    const address = { ...this.parameters(), ...this.chosen("event", "window", "part", "player", "playtest", ...INSIGHTS, ...FLEET, ...FUNNEL, ...DRILL) };
    history.replaceState(null, "", `${location.pathname}?${new URLSearchParams(address)}`);
    if (!quiet) this.dispatchEvent(Object.assign(new Event("change"), { only }));
  }

  /** Those of the names that are set, as query parameters. */
  chosen(...names) {
    return Object.fromEntries(names.filter((name) => this[name]).map((name) => [name, this[name]]));
  }

  /** As query parameters of the data endpoints, and of the address. */
  parameters() {
    const parameters = { game: this.game };
    for (const [name, parameter] of NARROWING) if (this[name]) parameters[parameter] = this[name];
    if (this.range === "custom" && this.from && this.to) Object.assign(parameters, { from: this.from, to: this.to });
    else parameters.range = this.range === "custom" ? DEFAULT_RANGE : this.range;
    return parameters;
  }

  /** Names of what is chosen and no panel that goes by `obeyed` alone follows. */
  beyond(obeyed) {
    return NARROWING.filter(([name]) => this[name] && !obeyed.includes(name)).map(([, , word]) => word);
  }

  /** The chosen time as `from` and `to` in unix milliseconds. */
  span() {
    if (this.range === "custom" && this.from && this.to) return { from: this.from, to: this.to };
    const [, amount, unit] = (this.range === "custom" ? DEFAULT_RANGE : this.range).match(/^(\d+)([mhd])$/);
    const to = Date.now();
    return { from: to - Number(amount) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit], to };
  }

  /** Whether the range ends now, so that refreshing shows anything new. */
  get moving() {
    return this.range !== "custom";
  }

  /** The range in words, for "before" comparisons. */
  get previously() {
    return { "15m": "the 15 min before", "1h": "the hour before", "6h": "the 6 h before", "24h": "the day before", "7d": "the week before", "30d": "the 30 days before", "90d": "the 90 days before" }[this.range] ?? "the time before";
  }
}
