/** Writes of a signed-in page: sent with a key that this session has for minutes, each happening once. */

const TIMEOUT_MS = 20_000;
/** The clocks of browser and server may differ a little; where they differ more, a write is refused and a new key is asked. */
const EARLY_MS = 15_000;

/** Why something was not done, as a sentence. `stale`: the page shows what is no longer so. */
export class Refusal extends Error {
  constructor(message, stale = false) {
    super(message);
    this.stale = stale;
  }
}

export const UNKNOWN = "It may or may not have happened: press again, it happens once.";

/** The writes of one surface. `keyPath` gives keys, below /dashboard/data; `headers(key)` is how it takes one. */
export class SessionWrites {
  constructor({ keyPath, headers }) {
    Object.assign(this, { keyPath, headers });
    this.held = null;
    /** What was asked and not answered, with its idempotency key: asked again, it happens once. */
    this.unanswered = new Map();
  }

  /** The status and the body of an answer. Throws Refusal where there is none, or no key. */
  async write(address, body = undefined, method = "POST") {
    const asked = `${method} ${address} ${JSON.stringify(body ?? null)}`;
    const idempotencyKey = this.unanswered.get(asked) ?? name();
    this.unanswered.set(asked, idempotencyKey);
    const send = (key) => asking(address, {
      method,
      headers: { ...this.headers(key), "idempotency-key": idempotencyKey, "content-type": "application/json" },
      body: JSON.stringify(body ?? {}),
    });
    let answer = await send(await this.key());
    if (answer.status === 401) answer = await send(await this.key({ anew: true }));
    const said = await answer.json().catch(() => ({}));
    if (answer.ok || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) this.unanswered.delete(asked);
    return { status: answer.status, ok: answer.ok, said };
  }

  async key({ anew = false } = {}) {
    if (!anew && this.held && this.held.expires_at - EARLY_MS > Date.now()) return this.held.key;
    const answer = await asking(`/dashboard/data/${this.keyPath}`, { method: "POST" });
    if (answer.status === 401) {
      location.replace(location.pathname);
      return new Promise(() => {});
    }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(said.message ?? `The server answered ${answer.status}.`);
    this.held = said;
    return said.key;
  }
}

const owner = new SessionWrites({ keyPath: "playtests/key", headers: (key) => ({ authorization: `Bearer ${key}` }) });
/** A write with the studio's authority, of S2 and of experiments. */
export const write = (address, body = undefined) => owner.write(address, body);

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
