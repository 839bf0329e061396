/** Asks the page's own endpoints. */

const TIMEOUT_MS = 20_000;

/** What went wrong: `code` is the server's word, or `offline`, or `slow`. `passing` means trying again helps. */
export class RequestError extends Error {
  constructor(code, message, retryAfterMs = 0) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.passing = ["unavailable", "rate_limited", "offline", "slow", "failed"].includes(code);
  }
}

/** Whole numbers that a float cannot hold, such as amounts of 64 bits, as a BigInt. */
function exactly(_, value, { source } = {}) {
  return typeof value === "number" && source && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/**
 * The JSON of `/dashboard/data/<name>`. Throws RequestError. When the session has ended the browser is sent to the
 * sign-in form and the promise never settles: the page is leaving.
 */
export async function ask(name, parameters = {}, signal = undefined, timeoutMs = TIMEOUT_MS) {
  const query = new URLSearchParams(parameters).toString();
  const limit = AbortSignal.timeout(timeoutMs);
  let answer;
  try {
    answer = await fetch(`/dashboard/data/${name}${query ? `?${query}` : ""}`, {
      headers: { accept: "application/json" },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (limit.aborted) throw new RequestError("slow", "The answer takes too long.");
    throw new RequestError("offline", "The server can’t be reached.");
  }
  if (answer.status === 401) {
    location.reload();
    return new Promise(() => {});
  }
  const body = await answer.text().then((text) => JSON.parse(text, exactly)).catch(() => ({}));
  if (answer.ok) return body;
  const retryAfterMs = 1000 * Number(answer.headers.get("retry-after") ?? 0);
  throw new RequestError(body.error ?? "failed", body.message ?? `The server answered ${answer.status}.`, retryAfterMs);
}
