/** Submissions that wait: pick one, watch it, accept or reject it. All of it works from the keyboard. */

import { Notice } from "../notice.js";
import { ask } from "../request.js";
import { h } from "../dom.js";
import { ago, bytes, money, plural } from "../format.js";
import { decide } from "./decide.js";
import { DecisionForm } from "./decision_form.js";
import { everythingAgain, known, views } from "./known.js";
import { Pager, person, tools } from "./parts.js";
import { Player } from "./player.js";

let parts = null;
let rows = [];
let chosen = null;
/** Slots decided here: a page that was read before the decision does not bring them back. */
const decided = new Set();

export const reviews = {
  id: "reviews",
  title: "Review queue",
  hint: "Submissions of all games of the studio, newest first",
  width: 12,
  every: 3_000,
  scope: "own",
  isEmpty: () => false,
  async load(_, signal) {
    const found = await ask("playtests/reviews", pager.parameters, signal);
    pager.show(found.cursor);
    return found;
  },
  draw(content, { data: { submissions } }) {
    parts ??= build(content);
    const before = rows;
    rows = submissions.filter(({ slot }) => !decided.has(slot.id));
    const place = before.findIndex(({ slot }) => slot.id === chosen);
    if (!rows.some(({ slot }) => slot.id === chosen)) {
      if (chosen && place >= 0) parts.notice.say(`The submission of ${person(before[place].playtester)} was decided elsewhere.`);
      pick(rows[Math.max(0, Math.min(place, rows.length - 1))]?.slot.id ?? null);
    }
    paint();
  },
  reset() { parts = null; },
};
const pager = new Pager(reviews, "submissions");
reviews.tools = tools(() => "/api/v1/playtests/submissions?status=submitted&limit=50", pager);
views.push(reviews);

function build(content) {
  const list = h("ul", { id: "queue", role: "listbox", tabIndex: 0, "aria-label": "Submissions to review", "aria-describedby": "review-keys", on: { keydown: move } });
  const notice = new Notice();
  const player = new Player();
  const form = new DecisionForm({ onAccept: (body) => settle("accept", body), onReject: (body) => settle("reject", body) });
  const about = h("div", { class: "about-submission", tabIndex: 0, role: "region", "aria-label": "The submission" });
  const nothing = h("div", { class: "message", hidden: true }, h("strong", { textContent: "Nothing waits for a review" }), "Recordings appear here as playtesters hand them in.");
  const watching = h("div", { class: "watching" }, player.element, about);
  const keys = h("p", { class: "keys", id: "review-keys" }, "Keys: ", ...["J", "K"].map(kbd), " next, previous · ", kbd("P"), " play or pause · ", kbd("A"), kbd("R"), " go to Accept, Reject · ", kbd("Enter"), " decides");
  const all = h("div", { class: "review", on: { keydown: shortcut } }, list, watching, form.element, nothing);
  content.replaceChildren(notice.element, all, keys);
  return { list, notice, player, form, about, nothing, watching, all };
}

const kbd = (textContent) => h("kbd", { textContent });

function paint() {
  const none = rows.length === 0;
  parts.nothing.hidden = !none;
  for (const part of [parts.list, parts.watching, parts.form.element]) part.hidden = none;
  const options = rows.map((row) => {
    const { slot, playtester, playtest, game, submission } = row;
    return h("li", { role: "option", id: `submission-${slot.id}`, "data-id": slot.id, "aria-selected": String(slot.id === chosen), on: { click: () => { pick(slot.id); paint(); parts.list.focus(); } } },
      h("b", { textContent: person(playtester) }),
      h("span", { class: "faint", textContent: `${game.name} · ${playtest.durationMinutes} min · ${playtest.visibility}` }),
      h("span", { class: "faint", textContent: ago(Date.parse(submission?.createdAt ?? slot.createdAt)) }));
  });
  const scrolled = parts.list.scrollTop;
  parts.list.replaceChildren(...options);
  parts.list.scrollTop = scrolled;
  if (chosen) parts.list.setAttribute("aria-activedescendant", `submission-${chosen}`);
  else parts.list.removeAttribute("aria-activedescendant");
}

/** Look at one submission; its recording is asked for anew, since its address holds for an hour. */
function pick(id) {
  if (id === chosen) return;
  chosen = id;
  const row = current();
  parts.player.show(row ? { slot: id, name: `Recording of ${person(row.playtester)}` } : null);
  parts.form.restart();
  parts.about.replaceChildren(...(row ? described(row) : []));
}

const current = () => rows.find(({ slot }) => slot.id === chosen) ?? null;

function described({ submission, playtest, game, playtester, awaitingAdminApproval, transcription }) {
  const facts = [game.name, plural(playtest.playerCount, "player"), `${playtest.durationMinutes} min`, playtest.visibility === "public" ? "published once accepted" : "private", submission ? bytes(submission.videoFileSize) : null, transcription ? `transcript ${transcription.status}` : null, awaitingAdminApproval ? "its trial awaits approval" : null];
  return [h("h3", { textContent: person(playtester) }), h("p", { class: "faint", textContent: facts.filter(Boolean).join(" · ") }), h("p", { class: "notes", textContent: submission?.notes ?? "No notes." })];
}

function move(event) {
  const place = rows.findIndex(({ slot }) => slot.id === chosen);
  const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  goTo(to);
}

function goTo(place) {
  const row = rows[Math.max(0, Math.min(rows.length - 1, place))];
  if (!row) return;
  pick(row.slot.id);
  paint();
  document.getElementById(`submission-${chosen}`)?.scrollIntoView({ block: "nearest" });
}

/** Single letters act while the focus is within the queue, and never while text is typed. */
function shortcut(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("textarea, input:not([type=radio], [type=checkbox]), select")) return;
  const place = rows.findIndex(({ slot }) => slot.id === chosen);
  const act = {
    j: () => { goTo(place + 1); parts.list.focus(); },
    k: () => { goTo(place - 1); parts.list.focus(); },
    p: () => parts.player.toggle(),
    a: () => parts.form.accept.focus(),
    r: () => parts.form.reject.focus(),
  }[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
}

async function settle(verb, body) {
  const row = current();
  if (!row || parts.form.busy) return;
  const who = person(row.playtester);
  parts.form.busy = true;
  try {
    await decide(`/playtests/slots/${row.slot.id}/${verb}`, body);
    decided.add(row.slot.id);
    parts.notice.good(said(verb, body, row, who));
    leave(row);
  } catch (error) {
    if (error.stale) {
      decided.add(row.slot.id);
      parts.notice.bad(`${who}: ${error.message}`);
      leave(row);
    } else parts.form.problem(error.message);
  } finally {
    parts.form.busy = false;
  }
}

function said(verb, body, { playtest, slot }, who) {
  if (verb === "reject") return body.allowRetry ? `Rejected. ${who} may try again within a day.` : `Rejected. The seat of ${who} is back in your credit.`;
  const order = known.orders.find(({ id }) => id === slot.requestId);
  const paid = order?.payoutCents ? ` ${money(order.payoutCents)} go to ${who}.` : "";
  return `Accepted.${paid}${playtest.visibility === "public" ? " The recording is being published." : ""}`;
}

/** Go on with the next one, from the list. */
function leave(row) {
  const place = rows.indexOf(row);
  rows = rows.filter((one) => one !== row);
  pick(rows[Math.min(place, rows.length - 1)]?.slot.id ?? null);
  paint();
  (rows.length ? parts.list : document.getElementById("panels")).focus({ preventScroll: true });
  everythingAgain();
}
