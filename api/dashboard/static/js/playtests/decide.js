/** Decisions: calls of S2's own routes. */

import { money } from "../format.js";
import { Refusal, UNKNOWN, write } from "../session_writes.js";

/** The answer's `data`. `path` is below /api/v1. Throws Refusal. */
export async function decide(path, body = undefined) {
  const { status, ok, said } = await write(`/api/v1${path}`, body);
  if (ok) return said.data;
  throw refusal(status, said.error ?? {});
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
  if (status >= 500) return new Refusal(`Not available right now. ${UNKNOWN}`);
  return new Refusal(message ?? `The server answered ${status}.`);
}
