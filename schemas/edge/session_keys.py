"""Keys of the dashboard's sessions: for minutes, a studio's authority for who is signed in there.

A session of a management key trades its cookie for such a key and puts it where a surface's own routes take
theirs. It names the session and the key that signed in by their hashes, and is signed by the deployment: no
store holds it. It is refused once it expires, once its session is signed out, once the key that signed in is
rotated or revoked, and wherever the browser does not say that the page of this very address asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from schemas.edge.authentication import header
from schemas.edge.ports import Credential, EndedSessions, KeyHashes, KeyKind
from schemas.edge.same_origin import same_origin
from schemas.signed_tokens import TokenSigner

if TYPE_CHECKING:
    from schemas.edge.authentication import Headers

LIFETIME_MS: Final = 5 * 60 * 1000
SIGNED_IN_BY: Final = KeyKind.MANAGEMENT
"""Whose sessions act for their studio. Those of a game's secret key do not: money and machines are the
studio's."""


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """One surface's session keys: how they begin, what they are signed for, and as which key they count."""

    prefix: str
    purpose: bytes
    kind: KeyKind


class SessionKey(msgspec.Struct, frozen=True, array_like=True):
    """What such a key says: `session` and `key_hash` are sha256 hex, times are unix milliseconds."""

    version: int
    session: str
    key_hash: str
    expires_at_ms: int
    game_id: str = ""
    """Of a surface whose keys belong to a game."""


_decoder = msgspec.json.Decoder(SessionKey)


class SessionKeys:
    """Issues and reads the keys of one surface. The secret is the deployment's."""

    def __init__(
        self, secret: bytes, directory: KeyHashes, ended: EndedSessions, authority: Authority
    ) -> None:
        self._signer = TokenSigner(secret, authority.purpose)
        self._directory = directory
        self._ended = ended
        self._authority = authority

    def issue(
        self, session: str, key_hash: str, *, session_expires_at_ms: int, now_ms: int, game_id: str = ""
    ) -> tuple[str, int]:
        """A key, and when it expires: in five minutes, or with its session. The game is the session's."""
        expires_at_ms = min(now_ms + LIFETIME_MS, session_expires_at_ms)
        said = msgspec.json.encode(SessionKey(1, session, key_hash, expires_at_ms, game_id))
        return self._authority.prefix + self._signer.sign(said), expires_at_ms

    def owns(self, presented: str) -> bool:
        """Whether a key is to be read here, valid or not."""
        return presented.startswith(self._authority.prefix)

    async def credential(self, presented: str, headers: Headers, now_ms: int) -> Credential | None:
        """The authority of a key that is read here; None where it is not valid (any more).

        Raises StoreUnavailable where that can't be known, Ambiguous for a header that comes twice.
        """
        payload = self._signer.verified(presented.removeprefix(self._authority.prefix))
        if payload is None or not _asked_by_our_page(headers):
            return None
        key = _decoder.decode(payload)
        if key.version != 1 or key.expires_at_ms <= now_ms or await self._ended.ended(key.session):
            return None
        signed_in = await self._directory.credential_by_hash(key.key_hash)
        if signed_in is None or signed_in.kind != SIGNED_IN_BY:
            return None
        return Credential(
            key_id=signed_in.key_id,
            kind=self._authority.kind,
            studio_id=signed_in.studio_id,
            game_id=key.game_id,
        )


def _asked_by_our_page(headers: Headers) -> bool:
    items = list(headers)
    site, origin = header(items, b"sec-fetch-site"), header(items, b"origin")
    return same_origin(site or None, origin or None, header(items, b"host"))
