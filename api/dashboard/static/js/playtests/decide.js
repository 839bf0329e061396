/** Decisions: calls of S2's own routes, with a key that this session has for minutes. */

import { money } from "../format.js";

const TIMEOUT_MS = 20_000;
/** The clocks of browser and server may differ a little; where they differ more, S2 refuses and a new key is asked. */
const EARLY_MS = 15_000;

let held = null;
/** What was asked and not answered, with its idempotency key: asked again, it happens once. */
const unanswered = new Map();

/** Why a decision was not taken, as a sentence. `stale`: the page shows what is no longer so. */
export class Refusal extends Error {
  constructor(message, stale = false) {
    super(message);
    this.stale = stale;
  }
}

/** The answer's `data`. `path` is below /api/v1. Throws Refusal. */
export async function decide(path, body = undefined) {
  const asked = `${path} ${JSON.stringify(body ?? null)}`;
  const idempotencyKey = unanswered.get(asked) ?? name();
  unanswered.set(asked, idempotencyKey);
  let answer = await send(path, body, idempotencyKey, await key());
  if (answer.status === 401) answer = await send(path, body, idempotencyKey, await key({ anew: true }));
  const said = await answer.json().catch(() => ({}));
  if (answer.ok || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) unanswered.delete(asked);
  if (answer.ok) return said.data;
  throw refusal(answer.status, said.error ?? {});
}

async function send(path, body, idempotencyKey, authority) {
  return asking(`/api/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${authority}`, "idempotency-key": idempotencyKey, "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
}

async function key({ anew = false } = {}) {
  if (!anew && held && held.expires_at - EARLY_MS > Date.now()) return held.key;
  const answer = await asking("/dashboard/data/playtests/key", { method: "POST" });
  if (answer.status === 401) {
    location.replace("/dashboard/playtests");
    return new Promise(() => {});
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(said.message ?? `The server answered ${answer.status}.`);
  held = said;
  return held.key;
}

async function asking(address, options) {
  try {
    return await fetch(address, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Refusal("No answer came. It may or may not have happened: press again, it happens once.");
  }
}

/** `crypto.randomUUID` is there on https and localhost alone. */
function name() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const REASONS = {
  wrong_status: "It was decided or has ended meanwhile; this page shows how it stands now.",
  not_pending: "The application was decided or withdrawn meanwhile; this page shows how it stands now.",
  no_open_slot: "No slot is open any more.",
  window_closed: "The time to approve applications is over.",
  not_eligible: "The playtester is not eligible any more.",
  already_claimed: "The playtester has had a slot of this playtest.",
};

function refusal(status, { message, reason, balanceCents, requiredCents, details }) {
  if (status === 402) return new Refusal(`The credit is too small: ${money(balanceCents)} of the ${money(requiredCents)} it needs. Top it up (POST /api/v1/billing/credit), then pay.`);
  if (status === 409) return new Refusal(REASONS[reason] ?? message, true);
  if (status === 404) return new Refusal("It is not there any more.", true);
  if (status === 422 && details?.length) return new Refusal(details.map((one) => `${one.field} ${one.message}`).join("; "));
  if (status === 429) return new Refusal("Too many calls. Wait a moment, then press again.");
  if (status >= 500) return new Refusal("Not available right now. It may or may not have happened: press again, it happens once.");
  return new Refusal(message ?? `The server answered ${status}.`);
}
