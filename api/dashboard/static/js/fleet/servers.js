/** A game's servers: where players reach each, how it is; start, restart and stop. One is chosen for the panels beside. */

import { ask } from "../request.js";
import { h } from "../dom.js";
import { ago, plural } from "../format.js";
import { Notice } from "../notice.js";
import { Pager } from "../pager.js";
import { act } from "./act.js";
import { askAgain, chosenServer, everythingAgain, known, views } from "./known.js";
import { replaceRows, statePill, tools } from "./parts.js";
import { StartForm } from "./start_form.js";

const FOLLOWING = ["usage", "log"];
/** A stop ends players' games: it asks for confirmation. */
const SURE_MS = 5_000;

const notice = new Notice();
let list = null;
let game = null;
let page = null;
/** What was pressed and is not answered, and which stop waits to be pressed again. */
const busy = new Set();
let sure = null;

const show = h("select", { id: "show", "aria-label": "Which servers", on: { change: () => { pager.restart(); servers.askAgain(); } } },
  h("option", { value: "live", textContent: "Live" }), h("option", { value: "stopped", textContent: "Stopped" }));
const form = new StartForm({ onStart: start });
const open = h("button", { type: "button", class: "primary", id: "start", textContent: "Start server", on: { click: () => form.open() } });

export const servers = {
  id: "servers",
  title: "Servers",
  hint: "Newest first; pick one",
  width: 7,
  every: 2_000,
  scope: "own",
  get empty() {
    return show.value === "live"
      ? ["No servers", "Start one here, or with POST /api/v3/servers/start."]
      : ["None has stopped in the last 7 days", "Servers are kept here for a week after their stop."];
  },
  isEmpty: ({ servers: found }) => !found.length,
  async load(selection, signal) {
    if (game !== selection.game) {
      game = selection.game;
      pager.restart();
    }
    page = Number(pager.parameters.cursor ?? 1);
    const found = await ask("fleet/servers", { game, show: show.value, page }, signal);
    const before = chosenServer(selection)?.instance_id;
    Object.assign(known, { game, servers: found.servers });
    pager.show(found.has_more ? String(page + 1) : null);
    if (chosenServer(selection)?.instance_id !== before) askAgain(...FOLLOWING);
    return found;
  },
  draw(content, { servers: found }, selection) {
    if (!list) {
      list = h("ul", { class: "rows servers", "aria-label": "Servers" });
      content.replaceChildren(h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Servers" }, list));
    }
    const picked = chosenServer(selection);
    replaceRows(list, found.map((server) => row(server, server === picked, selection)));
  },
  reset() { list = null; },
};
const pager = new Pager(servers, "servers");
servers.tools = tools(() => (show.value === "live" ? "/api/v3/servers?include_launching=true&include_pool=true&limit=50" : "/api/v3/servers?status=stopped&limit=50"), notice.element, pager.element, show, open);
views.push(servers);

function row(server, isChosen, selection) {
  const { instance_id: id, name, phase, region, compute_size: size, version_tag: tag, version, match_id: match } = server;
  const about = [region, size, `${tag} v${version}`, match ? `match ${match}` : null, unclaimed(server) ? "pool" : null].filter(Boolean).join(" · ");
  const pick = h("button", { type: "button", class: "pick", "data-action": "pick", "aria-pressed": String(isChosen), on: { click: () => choose(id, selection) } },
    h("span", { class: "what", textContent: name }), h("span", { class: "faint", textContent: about, title: about }));
  return h("li", { "data-id": id, "data-phase": phase, class: isChosen ? "chosen" : "" },
    pick, h("div", { class: "how" }, statePill(phase), h("span", { class: "faint", textContent: note(server) })), reached(server), buttons(server));
}

const unclaimed = ({ is_pool_server: pool, pool_claimed_at: claimed }) => pool && !claimed;

/** What there is to say of it beside its state. */
function note({ phase, stop_reason: reason, exit_code: code, restarts, started_at: started, stopped_at: stopped, created_at: created }) {
  if (phase === "stopped" || phase === "stopping") return [reason, code === null || code === undefined ? null : `exit ${code}`, stopped ? ago(Date.parse(stopped)) : null].filter(Boolean).join(" · ");
  const since = started ? `since ${ago(Date.parse(started))}`.replace("since just now", "just now") : `asked ${ago(Date.parse(created))}`;
  return restarts ? `${since} · ${plural(restarts, "restart")}` : since;
}

function reached({ network_ports: ports, custom_data: data }) {
  const addresses = ports.map(({ host, external_port: port, protocol }) => `${host}:${port}/${protocol}`);
  const told = playing(data);
  return h("div", { class: "reach" }, h("code", { textContent: addresses[0] ?? "", title: addresses.join("\n") }),
    h("span", { class: "faint", textContent: [addresses.length > 1 ? `and ${plural(addresses.length - 1, "port")} more` : null, told === null ? null : plural(told, "player")].filter(Boolean).join(" · ") }));
}

/** How many play there, where the server says so in its custom data: `players` as a number or a list. */
function playing(data) {
  const players = data?.players;
  if (Array.isArray(players)) return players.length;
  return Number.isFinite(players) ? players : null;
}

function buttons(server) {
  const { instance_id: id, name, status } = server;
  if (status === "stopped") return h("div", { class: "acts" });
  const button = (action, label, about, run) => h("button", { type: "button", "data-action": action, textContent: label, "aria-label": about, "aria-busy": String(busy.has(`${action} ${id}`)), on: { click: run } });
  const isSure = sure === id;
  return h("div", { class: "acts" },
    unclaimed(server) ? null : button("restart", "Restart", `Restart ${name}`, () => settle("restart", server)),
    button("stop", isSure ? "Sure?" : "Stop", isSure ? `Really stop ${name}` : `Stop ${name}`, () => (isSure ? settle("stop", server) : hesitate(id))));
}

function choose(id, selection) {
  selection.set({ server: id }, { only: FOLLOWING });
  list.querySelectorAll("li").forEach((item) => {
    item.classList.toggle("chosen", item.dataset.id === id);
    item.querySelector(".pick").setAttribute("aria-pressed", String(item.dataset.id === id));
  });
}

function hesitate(id) {
  sure = id;
  paint(id);
  setTimeout(() => {
    if (sure !== id) return;
    sure = null;
    paint(id);
  }, SURE_MS);
}

/** Draw one row's buttons again. */
function paint(id) {
  const server = known.servers.find(({ instance_id: one }) => one === id);
  const item = list?.querySelector(`[data-id="${id}"]`);
  if (!server || !item) return;
  const focused = item.contains(document.activeElement) ? document.activeElement.dataset.action : null;
  item.querySelector(".acts").replaceWith(buttons(server));
  if (focused) item.querySelector(`[data-action="${focused}"]`)?.focus();
}

async function settle(action, server) {
  const { instance_id: id, name } = server;
  if (busy.has(`${action} ${id}`)) return;
  busy.add(`${action} ${id}`);
  sure = null;
  paint(id);
  try {
    if (action === "stop") await act(known.game, "DELETE", `/servers/${id}`);
    else await act(known.game, "POST", `/servers/${id}/restart`);
    notice.good(action === "stop" ? `${name} stops.` : `${name} starts again.`);
    everythingAgain();
  } catch (error) {
    notice.bad(`${name}: ${error.message}`);
    if (error.stale) everythingAgain();
  } finally {
    busy.delete(`${action} ${id}`);
    paint(id);
  }
}

async function start(fields) {
  const server = await act(known.game, "POST", "/servers/start", fields);
  notice.good(`${server.name} is ${server.status === "running" ? "there, from the pool" : "launching"}.`);
  show.value = "live";
  pager.restart();
  everythingAgain();
}
