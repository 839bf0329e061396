"""What happens to slots, as operations: rows, the lists that they are in, deadlines, notices, earnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from projections.playtests import keys
from projections.playtests.accounts import credit, earn, known
from projections.playtests.context import Context, Step, encode
from projections.redis.operations import add_member, merge_field
from schemas.codec import Message
from schemas.playtests import names, order_events, slot_events
from schemas.playtests.person_messages import ForgottenSlot
from schemas.playtests.ports import DueKind
from schemas.playtests.views import Rating, SlotState, SlotStatus, Transcription

BEFORE: Final[dict[type[Message], tuple[SlotStatus, ...]]] = {
    slot_events.SlotReserved: ("open",),
    slot_events.SlotSubmitted: ("reserved",),
    slot_events.SlotAccepted: ("submitted",),
    slot_events.SlotPublished: ("publishing",),
    slot_events.SlotRejected: ("submitted",),
    slot_events.SlotExpired: ("open", "reserved"),
    slot_events.SlotAbandoned: ("reserved",),
    slot_events.SlotBlocked: ("reserved",),
    slot_events.SlotUnblocked: ("blocked",),
    slot_events.SlotCancelled: ("open", "blocked"),
}
"""The statuses that a slot may have before each event: the lists which it leaves."""
_PASSING: Final = tuple(one.name for one in msgspec.structs.fields(SlotState) if not one.required)
"""What a slot may have at one time and not at another."""
_SAID: Final = ("submission", "rating", "rejection", "transcription", "blocked_report")
"""What was said of a slot by its playtester, of them, or by them in a recording."""


class SlotHead(SlotState, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every row of a slot begins with, named as in `Slot`. The rest comes with later events."""

    order_id: str
    studio_id: str
    game_id: str


def open_slot(context: Context, event: order_events.OrderEvent, slot: SlotState) -> None:
    """A slot comes to be: open, or reserved for who may try again."""
    context.listed(f"slots:{event.order_id}", _place(slot), there=True)
    _state(context, event, slot)
    if slot.playtester_id is not None:
        _taken(context, event, slot, slot.playtester_id)


def _place(slot: SlotState) -> str:
    return keys.place(slot.created_at_ms, slot.id)


def _said(context: Context, slot_id: str, **parts: Any) -> None:
    """What an event says of a slot beside its state, by the names of `Slot`."""
    context.add(merge_field(keys.slot_rows(slot_id), slot_id, encode(parts)))


def _state(
    context: Context, event: order_events.OrderEvent, slot: SlotState, *, without: Sequence[str] = ()
) -> None:
    head = SlotHead(
        order_id=event.order_id,
        studio_id=event.studio_id,
        game_id=event.game_id,
        **msgspec.structs.asdict(slot),
    )
    row = keys.slot_rows(slot.id)
    context.add(merge_field(row, slot.id, encode(head), without=(*_PASSING, *without)))
    context.listed(keys.status_key(event.studio_id, slot.status), _place(slot), there=True)
    if slot.due_at_ms is not None:
        kind: DueKind = "block" if slot.status == "blocked" else "slot"
        context.due(keys.due_member(kind, event.studio_id, slot.id, event.game_id), slot.due_at_ms)


def _taken(context: Context, event: order_events.OrderEvent, slot: SlotState, playtester_id: str) -> None:
    def own(kind: str) -> str:
        return keys.of_playtester(kind, event.studio_id, playtester_id)

    context.listed(own("own-slots"), _place(slot), there=True)
    context.add(add_member(own("joined"), event.order_id), add_member(own("played"), event.game_id))


def _moved(context: Context, event: slot_events.SlotEvent, *, without: Sequence[str] = ()) -> None:
    """The slot leaves the lists of the status it had, and loses what `without` names."""
    slot = event.slot
    context.progressed[event.order_id] = (event, event.progress)
    for status in BEFORE[type(event)]:
        context.listed(keys.status_key(event.studio_id, status), _place(slot), there=False)
        if status == "reserved":
            context.due(keys.due_member("slot", event.studio_id, slot.id, event.game_id), None)
        elif status == "blocked":
            context.due(keys.due_member("block", event.studio_id, slot.id, event.game_id), None)
    _state(context, event, slot, without=without)


def _reserved(context: Context, event: slot_events.SlotReserved) -> None:
    _moved(context, event)
    if event.slot.playtester_id is not None:
        _taken(context, event, event.slot, event.slot.playtester_id)


def _submitted(context: Context, event: slot_events.SlotSubmitted) -> None:
    _moved(context, event)
    _said(context, event.slot.id, submission=event.submission)


def _accepted(context: Context, event: slot_events.SlotAccepted) -> None:
    _moved(context, event)
    if event.rating is not None:
        _said(context, event.slot.id, rating=event.rating)
    playtester = event.playtester
    accepted = keys.of_playtester("accepted", event.studio_id, playtester.id)
    context.add(add_member(accepted, event.game_id))
    known(context, playtester)
    if event.earning is not None:
        earn(context, playtester, event.earning)
    context.notify(playtester.id, event, slot_id=event.slot.id)


def _published(context: Context, event: slot_events.SlotPublished) -> None:
    _moved(context, event)
    _said(context, event.slot.id, public_key=event.public_key)


def _ended(context: Context, event: slot_events.SlotEnding) -> None:
    """A slot ended unaccepted: its seat has a successor, or its cost is credit again."""
    _moved(context, event)
    if event.successor is not None:
        open_slot(context, event, event.successor)
    if event.credit is not None:
        credit(context, event.studio_id, event.credit)
    if event.slot.playtester_id is not None and not isinstance(event, slot_events.SlotAbandoned):
        message = event.rejection.reason if isinstance(event, slot_events.SlotRejected) else None
        context.notify(event.slot.playtester_id, event, slot_id=event.slot.id, message=message)


def _rejected(context: Context, event: slot_events.SlotRejected) -> None:
    _ended(context, event)
    _said(context, event.slot.id, rejection=event.rejection)


def _blocked(context: Context, event: slot_events.SlotBlocked) -> None:
    _moved(context, event)
    _said(context, event.slot.id, blocked_report=event.report)


def _unblocked(context: Context, event: slot_events.SlotUnblocked) -> None:
    _moved(context, event, without=("blocked_report",))
    if event.slot.playtester_id is not None:
        context.notify(event.slot.playtester_id, event, slot_id=event.slot.id)


def _rated(context: Context, event: slot_events.SlotRated) -> None:
    _said(context, event.slot_id, rating=event.rating)
    known(context, event.playtester)


def _transcribed(context: Context, event: slot_events.TranscriptEvent) -> None:
    _said(context, event.slot_id, transcription=event.transcription)


def without_texts(context: Context, studio_id: str, left: ForgottenSlot) -> None:
    """A slot of a forgotten person as it is still told: its state, its rating, how its transcript stands."""
    slot = left.slot
    head = SlotHead(
        order_id=left.order_id, studio_id=studio_id, game_id=left.game_id, **msgspec.structs.asdict(slot)
    )
    context.add(merge_field(keys.slot_rows(slot.id), slot.id, encode(head), without=(*_PASSING, *_SAID)))
    parts: dict[str, Any] = {"public_key": ""}
    if left.rating:
        parts["rating"] = Rating(score=left.rating)
    if left.transcription is not None:
        transcript_id = names.transcription_id(slot.id)
        parts["transcription"] = Transcription(id=transcript_id, status=left.transcription)
    _said(context, slot.id, **parts)


STEPS: Final[dict[type[Message], Step]] = {
    slot_events.SlotReserved: _reserved,
    slot_events.SlotSubmitted: _submitted,
    slot_events.SlotAccepted: _accepted,
    slot_events.SlotPublished: _published,
    slot_events.SlotRejected: _rejected,
    slot_events.SlotExpired: _ended,
    slot_events.SlotAbandoned: _ended,
    slot_events.SlotBlocked: _blocked,
    slot_events.SlotUnblocked: _unblocked,
    slot_events.SlotCancelled: _ended,
    slot_events.SlotRated: _rated,
    slot_events.TranscriptRequested: _transcribed,
    slot_events.TranscriptApproved: _transcribed,
    slot_events.TranscriptFailed: _transcribed,
}
