/** Starts, stops and restarts: calls of S5's own routes, with a key that this session has for minutes. */

import { Refusal, SessionWrites, UNKNOWN } from "../session_writes.js";

const REASONS = {
  stopped: "It stopped meanwhile; this page shows how it stands now.",
  unclaimed: "It waits in the pool: a start takes it; it is not restarted.",
};
const sessions = new Map();

/** The answer. `path` is below /api/v3. Throws Refusal. */
export async function act(game, method, path, body = undefined) {
  if (!sessions.has(game)) sessions.set(game, new SessionWrites({ keyPath: `fleet/key?${new URLSearchParams({ game })}`, headers: (key) => ({ "api-key": key }) }));
  const { status, ok, said } = await sessions.get(game).write(`/api/v3${path}`, body, method);
  if (ok) return said;
  throw refusal(status, said);
}

function refusal(status, { error, detail, code }) {
  if (status === 409) return new Refusal(REASONS[code] ?? error, true);
  if (code === "no_capacity") return new Refusal("No host has room for it right now. Stop a server, add a host, or try again later.");
  if (status === 404) return new Refusal("Not there: the server has gone, or no such build is ready.", true);
  if (status === 422 && Array.isArray(detail)) return new Refusal(detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "));
  if (status === 429) return new Refusal("Too many calls. Wait a moment, then press again.");
  if (status >= 500) return new Refusal(`Not available right now. ${UNKNOWN}`);
  return new Refusal(error ?? `The server answered ${status}.`);
}
