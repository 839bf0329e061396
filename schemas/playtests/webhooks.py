"""What webhooks tell of playtests, and the headers that their receivers know beside ours. Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Literal, get_args

PlaytestWebhookType = Literal[
    "slot.reserved",
    "slot.submitted",
    "slot.accepted",
    "slot.rejected",
    "slot.expired",
    "slot.blocked",
    "application.created",
    "playtest.activated",
    "playtest.completed",
    "key.redeemed",
]
PLAYTEST_WEBHOOK_TYPES: Final[frozenset[str]] = frozenset(get_args(PlaytestWebhookType))

SIGNATURE_HEADER: Final = "X-WPG-Signature"
TIMESTAMP_HEADER: Final = "X-WPG-Timestamp"
VERSION_HEADER: Final = "X-WPG-Signature-Version"


def signature_headers(secret: str, at_s: int, body: bytes) -> dict[str, str]:
    """The hexadecimal HMAC-SHA256 of `timestamp.body`, the timestamp in unix seconds, and the version."""
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {SIGNATURE_HEADER: signed, TIMESTAMP_HEADER: str(at_s), VERSION_HEADER: "v1"}
