"""Refusals of key batches: the code of a 409 is its reason; 404 and 410 have codes of their own."""

from __future__ import annotations

from typing import Final, Literal

BatchReason = Literal[
    "fixed",
    "not_public",
    "not_invite",
    "conflict",
    "wrong_source",
    "batch_full",
    "used",
    "no_key_left",
    "handle_taken",
    "email_used",
]
GONE: Final = "GONE"

BATCH_REASONS: Final[dict[BatchReason, str]] = {
    "fixed": "A batch's source, redemption mode and identity mode never change.",
    "not_public": "The batch has no public link.",
    "not_invite": "The batch takes no invites.",
    "conflict": "The link was changed meanwhile.",
    "wrong_source": "The batch's keys come from the other source.",
    "batch_full": "The batch would have too many keys.",
    "used": "This link has been used.",
    "no_key_left": "No key is left.",
    "handle_taken": "This handle is taken.",
    "email_used": "This e-mail has a key already.",
}
