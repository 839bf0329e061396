"""The dashboard's session: a signed, expiring token that names a key by its hash and never holds the key.

The token only says who asked; whether that key is still valid is asked of the directory at every call, so a
rotated or revoked key is out within the directory's one second.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

import msgspec

COOKIE: Final = "questlog_dashboard"
COOKIE_PATH: Final = "/dashboard"
LIFETIME_MS: Final = 12 * 3600 * 1000
_TOKEN_BYTES_MAX: Final = 512


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What a token says. `key_hash` is sha256 hex of the key; times are unix milliseconds."""

    version: int
    key_hash: str
    expires_at_ms: int


_decoder = msgspec.json.Decoder(Session)


class SessionSigner:
    """Issues and reads tokens. The secret is the deployment's; only a key derived from it signs."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("the signing secret needs at least 16 bytes")
        self._key = hmac.digest(secret, b"questlog.dashboard-session.v1", "sha256")

    def issue(self, key_hash: str, now_ms: int) -> str:
        """A token for that key, good for twelve hours from `now_ms`."""
        payload = msgspec.json.encode(Session(1, key_hash, now_ms + LIFETIME_MS))
        return f"{_text(payload)}.{_text(self._sign(payload))}"

    def read(self, token: str, now_ms: int) -> Session | None:
        """The session of a token that this secret signed and that has not expired; None otherwise."""
        if len(token) > _TOKEN_BYTES_MAX:
            return None
        head, _, tail = token.partition(".")
        try:
            payload, signature = _bytes(head), _bytes(tail)
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(signature, self._sign(payload)):
            return None
        try:
            session = _decoder.decode(payload)
        except msgspec.DecodeError:
            return None
        return session if session.version == 1 and session.expires_at_ms > now_ms else None

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
