"""Who may call S1's client-safe routes, and which game is meant: for writes and reads alike.

Source: contract/telemetry.md, "S1 ingest". An unknown game and another studio's are the same: none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from schemas.edge.errors import Refused, retry_after
from schemas.edge.ports import Credential, Directory, Game, KeyKind, Verdict
from schemas.telemetry.errors import S1Text


async def ingest_credential(
    credential_of: Callable[[str], Awaitable[Credential | None]],
    presented: str,
    count_unknown: Callable[[], Awaitable[Verdict]],
) -> Credential:
    """The principal of an ingest key; raises `Refused` (401, 403, 429) for any other.

    `count_unknown` takes from the bucket that all unknown keys of one address share.
    """
    if not presented:
        raise Refused(401, S1Text.MISSING, code=S1Text.MISSING)
    credential = await credential_of(presented)
    if credential is not None and credential.kind == KeyKind.INGEST:
        return credential
    if credential is not None and credential.kind == KeyKind.MANAGEMENT:
        raise Refused(403, S1Text.WRONG_SCOPE, requiredScope="ingest")
    verdict = await count_unknown()
    if not verdict.allowed:
        raise rate_limited(verdict.retry_after_ms)
    raise Refused(401, S1Text.INVALID_KEY)


async def studio_game(
    game_of: Callable[[str], Awaitable[Game | None]], directory: Directory, studio_id: str, id_or_slug: str
) -> Game | None:
    """The studio's own game by id or slug; None alike for an unknown one and another studio's."""
    game = await game_of(id_or_slug)
    if game is not None and game.studio_id == studio_id:
        return game
    return await directory.game_by_slug(studio_id, id_or_slug)


def rate_limited(retry_after_ms: int) -> Refused:
    """The limit of a source address is used up."""
    wait = ((b"retry-after", retry_after(retry_after_ms).encode()),)
    return Refused(429, S1Text.RATE_LIMITED, headers=wait, retryAfterMs=retry_after_ms, scope="ip")
