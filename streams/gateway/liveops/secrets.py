"""Player secrets: shown once, recomputable for a keyed retry, never in the log. Pure.

Source: architecture rule 12. Every copy of a game holds its SDK key, so a client that can guess the
idempotency key of a registration could ask for its secret again. Only a key with a random UUID in it that is
not the player's own public id can't be guessed; under any other a registration's secret depends on its
request too, and no later request can compute it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

PREFIX: Final = "ps_"
_DIGITS: Final = 40
_RANDOM_UUID: Final = re.compile(
    r"(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-z])"
    r"|\A[0-9a-f]{12}[47][0-9a-f]{3}[89ab][0-9a-f]{15}\Z",
    re.IGNORECASE,
)
"""Versions 4 (122 random bits) and 7 (74); the others are made from names, clocks and network addresses."""


def unguessable(idempotency_key: str, external_id: str) -> bool:
    """Whether a key is a random UUID, as those that the gateway makes are, or holds one with its hyphens.

    One that is in the player's id doesn't count: boards show it to every player.
    """
    public = external_id.replace("-", "").lower()
    found = (match[0].replace("-", "").lower() for match in _RANDOM_UUID.finditer(idempotency_key))
    return any(random not in public for random in found)


def player_secret(secret: bytes, command_id: str, nonce: bytes = b"") -> str:
    """The secret that a register or rotate command gives, from the deployment's secret (160 bits).

    With a nonce it is this request's alone.
    """
    message = b"player-secret\0" + command_id.encode() + (b"\0" + nonce if nonce else b"")
    return PREFIX + hmac.new(secret, message, hashlib.sha256).hexdigest()[:_DIGITS]
