"""What all decisions about key batches have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from msgspec import UnsetType
from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import batch_events as ev
from schemas.playtests import names
from schemas.playtests.batch_views import BatchCounts, KeyState
from streams.deciders.noun import Request
from streams.deciders.playtests.batch_state import Batch
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.refusals import gone, not_found
from streams.deciders.playtests.state import StudioState

Value = TypeVar("Value")


def find(studio: StudioState, request: Request, batch_id: str) -> Batch | None:
    """A batch of the request's game."""
    return studio.batches.get(aggregate(request, batch_id))


def usable(draft: Draft, request: Request, batch_id: str) -> Batch | CommandRejected:
    """A batch of which keys may be given out now: 404, 410."""
    known = find(draft.studio, request, batch_id)
    if known is None:
        return not_found("batch")
    if not known.batch.is_open(draft.at_ms):
        return gone("batch")
    return known


def aggregate(request: Request, batch_id: str) -> str:
    """The batch's aggregate id."""
    return names.batch_aggregate(request.studio_id, request.game_id, batch_id)


def of(request: Request, batch_id: str) -> dict[str, str]:
    """What every event of a batch names."""
    return {"studio_id": request.studio_id, "game_id": request.game_id, "batch_id": batch_id}


def paired(
    values: Sequence[Value], old_fingerprints: Sequence[Sequence[str]] | UnsetType
) -> list[tuple[Value, Sequence[str]]]:
    """Each value with its fingerprints under former secrets."""
    if isinstance(old_fingerprints, UnsetType):
        return [(value, ()) for value in values]
    return list(zip(values, old_fingerprints, strict=True))


def moved(counts: BatchCounts, before: str, after: str) -> BatchCounts:
    """The counts after one key went from one status to another."""
    return replace(counts, **{before: getattr(counts, before) - 1, after: getattr(counts, after) + 1})


def unlink_key(
    draft: Draft, key: KeyState, reason: Literal["asked", "key_revoked", "forgotten"], game_id: str = ""
) -> None:
    """The key's handle is linked to no device any more, in the request's game unless another is named."""
    where = game_id or draft.request.game_id
    handle = key.redemption.handle if key.redemption is not None else None
    game = draft.studio.games.get(where)
    link = game.links.get(handle.lower()) if game is not None and handle is not None else None
    if link is not None and link.key_id == key.id:
        draft.emit(ev.TesterUnlinked(studio_id=draft.studio_id, game_id=where, link=link, reason=reason))
