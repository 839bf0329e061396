"""Outcome bodies of batches' commands. Part of `answers`.

DefineBatch, CloseBatch, RotateShareToken 200 BatchAnswer; ImportKeys 200 ImportAnswer; SendInvites 200
InvitesAnswer; RedeemKey 201 RedeemAnswer; LinkTester and UnlinkTester 200 LinkAnswer (DoneAnswer where there
was no link to take back); all others 200 DoneAnswer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from schemas.codec import Message
from schemas.playtests import batch_events as ev
from schemas.playtests.batch_views import Batch, BatchCounts, Invite, KeyState, Link


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it is now."""

    batch: Batch


class ImportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many keys are new; `skipped` are positions of codes that the studio had, or that came twice."""

    imported: int
    skipped: list[int]
    counts: BatchCounts


class InvitesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The invites that are new, in the order asked; who was invited before is not among them."""

    invites: list[Invite] = []


class RedeemAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key it is now; its code is sealed."""

    batch_id: str
    key: KeyState
    code: str


class LinkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was made or taken back, or that was there before."""

    link: Link
    already_linked: bool = False


def _batch(event: Any, _messages: Sequence[Message]) -> tuple[int, BatchAnswer]:
    return 200, BatchAnswer(batch=event.batch)


def _imported(event: ev.KeysImported, _messages: Sequence[Message]) -> tuple[int, ImportAnswer]:
    return 200, ImportAnswer(imported=len(event.keys), skipped=event.skipped, counts=event.counts)


def _invited(_event: ev.InviteSent, messages: Sequence[Message]) -> tuple[int, InvitesAnswer]:
    return 200, InvitesAnswer(
        invites=[message.invite for message in messages if isinstance(message, ev.InviteSent)]
    )


def _redeemed(event: ev.KeyRedeemed, _messages: Sequence[Message]) -> tuple[int, RedeemAnswer]:
    return 201, RedeemAnswer(batch_id=event.batch_id, key=event.key, code=event.code)


def _linked(event: ev.TesterLinked, _messages: Sequence[Message]) -> tuple[int, LinkAnswer]:
    return 200, LinkAnswer(link=event.link, already_linked=event.already_linked)


def _unlinked(event: ev.TesterUnlinked, _messages: Sequence[Message]) -> tuple[int, LinkAnswer]:
    return 200, LinkAnswer(link=event.link)


BATCH_ANSWERS: Final[dict[type[Message], Callable[[Any, Sequence[Message]], tuple[int, msgspec.Struct]]]] = {
    ev.BatchDefined: _batch,
    ev.BatchClosed: _batch,
    ev.KeysImported: _imported,
    ev.InviteSent: _invited,
    ev.KeyRedeemed: _redeemed,
    ev.TesterLinked: _linked,
    ev.TesterUnlinked: _unlinked,
}
