"""Refusals of this noun: the code of a 409 is its reason, all others have S2's codes."""

from __future__ import annotations

from typing import Final, Literal

Reason = Literal[
    "no_open_slot",
    "already_claimed",
    "not_eligible",
    "deadline_passed",
    "not_pending",
    "pool_full",
    "window_closed",
    "upload_missing",
    "wrong_status",
    "trial_used",
    "amount_mismatch",
    "insufficient_balance",
    "balance_limit",
    "too_many_uploads",
]

BAD_REQUEST: Final = "BAD_REQUEST"
PAYMENT_REQUIRED: Final = "PAYMENT_REQUIRED"
NOT_FOUND: Final = "NOT_FOUND"
VALIDATION_ERROR: Final = "VALIDATION_ERROR"

REASONS: Final[dict[Reason, str]] = {
    "no_open_slot": "No slot is open.",
    "already_claimed": "This playtester has had a slot here, or has applied before.",
    "not_eligible": "The playtest is for other playtesters.",
    "deadline_passed": "The slot's deadline has passed.",
    "not_pending": "The application is no longer pending.",
    "pool_full": "The playtest has as many applications as it takes.",
    "window_closed": "Applications are no longer taken or reviewed.",
    "upload_missing": "The recording has not been uploaded.",
    "wrong_status": "Its status forbids it.",
    "trial_used": "The game has had its free trial.",
    "amount_mismatch": "The payment is of another amount.",
    "insufficient_balance": "The balance is too small.",
    "balance_limit": "The balance would be too large.",
    "too_many_uploads": "The slot holds as many uploads as it may.",
}
