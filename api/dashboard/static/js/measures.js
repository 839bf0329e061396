/** What each measure is, in the one name that all panels use for it, and the calls that give a panel's figures. */

import { part } from "./curl.js";

/** Names of measures, and what they count. */
export const EVENTS = "Events";
export const POSITIONS = "Positions";
export const EVENTS_AND_POSITIONS = "Events + positions";
const MEASURES = {
  [EVENTS]: "what the game sent under a name, funnel steps among them, by the time at which it happened; positions are counted apart.",
  [POSITIONS]: "points of players’ paths: player_pos events and the points of trajectories.",
  [EVENTS_AND_POSITIONS]: "both together, as they arrive.",
  Players: "different players of those sessions.",
  Sessions: "sessions that were going on at any time in the range, also where they began before it.",
  Started: "sessions whose first event lies in the bucket.",
  "Median session": "from a session’s first event to its last.",
  "Median active": "a session’s time without gaps of more than 30 s.",
  "Frame rate": "the mean that trajectories carry (fps.mean); 1% low is fps.low_1.",
  "Crashes and errors": "events named crash or error.",
};
const BY_RECORDED = "It goes by sessions’ recordedAt (startedAt as sent, else the first event), this panel by the time of each event: sessions that lie across the range’s ends make the two differ.";
const during = ({ from, to }) => (from && to ? `&from=${from}&to=${to}` : "");
const narrowed = ({ build, environment }, build_ = "build") => [build ? `&${build_}=${encodeURIComponent(build)}` : "", environment ? `&env=${encodeURIComponent(environment)}` : ""].join("");
const query = (text) => (text ? `?${text.slice(1)}` : "");
const events = (selection) => `/api/v1/events/${part(selection.game)}${query(narrowed(selection) + during(selection.span()))}`;
const sessions = (selection) => `/api/v1/sessions?game=${part(selection.game)}${narrowed(selection)}${during(selection.span())}`;

/**
 * By panel: `counts`, the measures it shows; `says`, more of its definition; `rest(selection)`, the path of the REST
 * call that gives the same or the nearest there is, and `differs`, where that goes by another definition.
 */
export const ABOUT = {
  "live-events": { counts: [EVENTS_AND_POSITIONS], says: "Of all builds and environments, by the minute in which the log took them." },
  summary: { counts: ["Players", "Sessions", "Median session", EVENTS, POSITIONS, "Frame rate"], rest: sessions, differs: BY_RECORDED },
  timeline: { counts: [EVENTS, POSITIONS], says: "Each bucket is drawn as a rate: divided by its minutes, the running one by those that it has run.", rest: events, differs: BY_RECORDED },
  "event-names": { counts: [EVENTS, POSITIONS], says: "Positions are listed as player_pos. Players are exact to about one percent.", rest: events, differs: BY_RECORDED },
  sessions: { counts: ["Players", "Sessions", "Started"], says: "In each bucket.", rest: sessions, differs: BY_RECORDED },
  funnel: { says: "A step is an event or a funnel step by its name. A player counts at a step who did it at or after all steps before it, within the window that the first step begins; steps count where they happen in the chosen range, so players of its last moments may still go on." },
  active: { says: "DAU are different players of a UTC day, WAU and MAU those of the 7 and 30 days that end with it. A player is active on the day of a session’s recordedAt. At least 28 days are shown.", rest: sessions, differs: "It lists the sessions one by one." },
  retention: { says: "A cohort is the players whose first session is of one UTC day. Back on day n are those of them with a session from n to n + 1 times 24 hours after their first, in shares of those whose day n is over: as experiments’ comparisons count it. At least 28 days are shown.", rest: sessions, differs: "It lists the sessions one by one." },
  event: { counts: [EVENTS], says: "Players are different ones with that event. Properties are counted in the newest 20,000 of them.", rest: events, differs: BY_RECORDED },
  session: { counts: [EVENTS], says: "In order of their time, then of the log; positions are left out.", rest: ({ game, session }) => (session ? `/api/v1/sessions/${part(session)}` : `/api/v1/sessions?game=${part(game)}`), differs: "It has the session’s counts by name and its findings." },
  cell: { counts: [POSITIONS], says: "The 50 sessions with the most positions in the cell.", rest: sessions, differs: BY_RECORDED },
  fps: { counts: ["Frame rate"], says: "Percentiles over all trajectories that began in the range." },
  builds: { counts: ["Sessions", "Players", EVENTS, POSITIONS, "Median session", "Median active", "Frame rate", "Crashes and errors"], says: "Builds of fewer than 5 sessions are compared where they are picked, not by themselves.", rest: (selection) => (selection.build ? `/api/v1/builds/${part(selection.game)}/${part(selection.build)}` : sessions(selection)), differs: BY_RECORDED },
  heatmaps: { counts: [POSITIONS], says: "Each room has 32 by 18 cells over its own bounds.", rest: (selection) => `/api/v1/heatmaps/${part(selection.game)}${query(narrowed(selection))}`, differs: "It is of all times, this panel of the chosen range." },
  models: { says: "Level models as uploaded to POST /api/models." },
  economy: { says: "Minted is the sum of what was added to balances, spent of what was taken, held what all players have at the range’s end. Builds and environments are none of the ledger’s." },
  leaderboard: { says: "As GET /sdk/v1/leaderboards/… answers players, at most a second old, and then as its server-sent events say." },
  player: { says: "As GET /server/v1/players/{id} and its ledger answer a game’s server." },
  testers: { says: "Sessions of the chosen build and environment, at most 50, those with the newest recordedAt first. A search looks in titles and testers’ handles." },
  journey: { says: "All sessions of one device or handle, also outside the chosen time. Active is a session’s time without gaps of more than 30 s. The trend compares the mean active time of the first closed sessions with that of the last." },
  feedback: { says: "Submissions are counted by form, answers by question, over all times and builds. A mean is that of all ratings given. The newest 20 texts are listed." },
  archetypes: { says: "Testers whose session summaries are alike, by the embeddings of the studio’s own model or of the installed one. Sessions of the environment production count; at least 5 testers with analyzed sessions are needed." },
  compare: { says: "Friction is what sessions’ analysis found, by tag. A share is the part of a build’s testers with analyzed sessions who met it; differences are in percentage points of those shares." },
  suggestions: { says: "What the studio’s own model proposes for the friction that is left in the later build. Figures beside a proposal count testers who met its tag." },
  experiments: { says: "Experiments of the game’s definition file, newest first. They are started and stopped here or by questlog experiments." },
  comparison: { says: "Counts sessions that are tagged with the variant assigned to their device and that arrived while the experiment ran or in the 24 hours after; those of pinned devices are left out. An exposure is a device’s first such session. Lift is a variant’s figure against the first variant’s; the split is tested by χ² against the allocations." },
  credit: { says: "Credit is the studio’s balance, from which playtests are paid. To review are submissions that wait for a decision. Active playtests are paid ones that are not completed." },
  reviews: { says: "Submissions that were handed in and wait for a decision, of all games of the studio." },
  orders: { says: "Slots by their states. Paid is what the playtest cost; held is what its unfinished slots keep; paid out went to playtesters; the fee is the platform’s; back to credit came from slots that ended without a payout." },
  slots: { says: "Each slot of the chosen playtest with its present state: who has it, until when, and what came of it." },
  applications: { says: "Applications to the chosen playtest, where it was ordered with the selection mode manual. What was rated and accepted before is beside each playtester." },
  batches: { says: "Keys of each batch by what became of them: redeemed, reserved for an invite, available, revoked. Left are those available and those reserved." },
  states: { says: "Running: players can connect. Launching: queued, starting, or starting again after an exit. In the pool: started ahead and not claimed. Stopped: in the last 7 days." },
  servers: { says: "Each server with its state, its addresses and since when. Stopped ones are kept for 7 days." },
  usage: { says: "A host takes a sample every 15 s; a point is the mean of a step’s samples. CPU is in percent of what the server was allotted; connected are established TCP connections." },
  log: { says: "Standard output and standard error of the chosen server, as printed; lines are kept for 7 days." },
  "server-builds": { says: "Builds that servers are started from, with their state: uploading, processing, ready or failed, and the size of the archive and of its files." },
  processing: { says: "What was reported while the chosen build was processed; lines are kept for 30 days." },
  views: { says: "Names, types and comments of the views in ClickHouse, as questlog sql --describe prints them." },
  hosts: { says: "Machines that run game servers, with the memory and the cores that are left for further ones." },
  projections: { says: "As GET /readyz answers: how many records of the log each projection has yet to take, and since when.", rest: () => "/readyz" },
};

/** A measure's definition as a sentence. */
export const defined = (name) => `${name}: ${MEASURES[name]}`;
