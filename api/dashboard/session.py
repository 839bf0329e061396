"""The dashboard's session: a signed, expiring token that names a key by its hash and never holds the key.

The token only says who asked; whether that key is still valid is asked of the directory at every call, so a
rotated or revoked key is out within the directory's one second.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.signed_tokens import TokenSigner

COOKIE: Final = "questlog_dashboard"
"""The cookie's name over HTTP. `Cookie` says what it is over HTTPS."""
LIFETIME_MS: Final = 12 * 3600 * 1000


class Cookie(msgspec.Struct, frozen=True):
    """The session's cookie: over HTTPS one that no other host and no page of this one's may set or read."""

    secure: bool
    """Whether clients come over HTTPS."""

    @property
    def name(self) -> str:
        """`__Host-` asks browsers to take it over HTTPS and from this host alone."""
        return f"__Host-{COOKIE}" if self.secure else COOKIE

    @property
    def path(self) -> str:
        """That prefix allows no other path than the whole host's."""
        return "/" if self.secure else "/dashboard"


OVER_HTTP: Final = Cookie(secure=False)


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What a token says. `key_hash` is sha256 hex of the key; times are unix milliseconds."""

    version: int
    key_hash: str
    expires_at_ms: int


_decoder = msgspec.json.Decoder(Session)


class SessionSigner:
    """Issues and reads tokens. The secret is the deployment's; only a key derived from it signs."""

    def __init__(self, secret: bytes) -> None:
        self._signer = TokenSigner(secret, b"questlog.dashboard-session.v1")

    def issue(self, key_hash: str, now_ms: int) -> str:
        """A token for that key, good for twelve hours from `now_ms`."""
        return self._signer.sign(msgspec.json.encode(Session(1, key_hash, now_ms + LIFETIME_MS)))

    def read(self, token: str, now_ms: int) -> Session | None:
        """The session of a token that this secret signed and that has not expired; None otherwise."""
        payload = self._signer.verified(token)
        if payload is None:
            return None
        try:
            session = _decoder.decode(payload)
        except msgspec.DecodeError:
            return None
        return session if session.version == 1 and session.expires_at_ms > now_ms else None
