/** Writes of a signed-in page: sent with a key that this session has for minutes, each happening once. */

const TIMEOUT_MS = 20_000;
/** The clocks of browser and server may differ a little; where they differ more, a write is refused and a new key is asked. */
const EARLY_MS = 15_000;

let held = null;
/** What was asked and not answered, with its idempotency key: asked again, it happens once. */
const unanswered = new Map();

/** Why something was not done, as a sentence. `stale`: the page shows what is no longer so. */
export class Refusal extends Error {
  constructor(message, stale = false) {
    super(message);
    this.stale = stale;
  }
}

export const UNKNOWN = "It may or may not have happened: press again, it happens once.";

/** The status and the body of an answer. Throws Refusal where there is none, or no key. */
export async function write(address, body = undefined) {
  const asked = `${address} ${JSON.stringify(body ?? null)}`;
  const idempotencyKey = unanswered.get(asked) ?? name();
  unanswered.set(asked, idempotencyKey);
  let answer = await send(address, body, idempotencyKey, await key());
  if (answer.status === 401) answer = await send(address, body, idempotencyKey, await key({ anew: true }));
  const said = await answer.json().catch(() => ({}));
  if (answer.ok || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) unanswered.delete(asked);
  return { status: answer.status, ok: answer.ok, said };
}

async function send(address, body, idempotencyKey, authority) {
  return asking(address, {
    method: "POST",
    headers: { authorization: `Bearer ${authority}`, "idempotency-key": idempotencyKey, "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
}

async function key({ anew = false } = {}) {
  if (!anew && held && held.expires_at - EARLY_MS > Date.now()) return held.key;
  const answer = await asking("/dashboard/data/playtests/key", { method: "POST" });
  if (answer.status === 401) {
    location.replace(location.pathname);
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
    throw new Refusal(`No answer came. ${UNKNOWN}`);
  }
}

/** `crypto.randomUUID` is there on https and localhost alone. */
function name() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
