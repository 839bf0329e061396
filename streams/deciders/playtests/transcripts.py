"""Transcripts of submissions: the playtester's own, the operator's, or the transcriber's."""

from __future__ import annotations

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.playtests import names
from schemas.playtests import slot_commands as ask
from schemas.playtests import slot_events as ev
from schemas.playtests.views import Order, SlotStatus, Transcription, TranscriptionStatus
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.refusals import conflict, not_found
from streams.deciders.playtests.state import OrderState, PlaytestsState, Slot

UPLOADED = "uploaded"
"""The version of a playtester's own transcript."""
_WITH_SUBMISSION = frozenset[SlotStatus]({"submitted", "publishing", "accepted", "rejected"})


def submitted_transcript(draft: Draft, order: Order, number: int, command: ask.SubmitSlot) -> None:
    """With a submission: its own transcript is approved at once, else one is asked for."""
    if command.transcript is not None:
        version, key = UPLOADED, command.transcript.key
        _emit(draft, order, number, ev.TranscriptApproved, "approved", version=version, key=key)
    elif command.transcribe:
        _emit(draft, order, number, ev.TranscriptRequested, "pending")


def start(state: PlaytestsState, request: Request, command: ask.StartTranscript) -> Verdict:
    """The transcriber has begun."""
    draft = Draft(state, request)
    found = _find(draft, command.slot_id)
    if not isinstance(found, CommandRejected) and found[2].transcription == "pending":
        _emit(draft, found[0].order, found[1], ev.TranscriptRequested, "processing")
    return draft.decided()


def approve(state: PlaytestsState, request: Request, command: ask.ApproveTranscript) -> Verdict:
    """A transcript is stored."""
    draft = Draft(state, request)
    found = _find(draft, command.slot_id)
    if isinstance(found, CommandRejected):
        return found
    if found[2].status not in _WITH_SUBMISSION:
        return conflict("wrong_status")
    _emit(
        draft,
        found[0].order,
        found[1],
        ev.TranscriptApproved,
        "approved",
        version=command.version,
        key=command.key,
        key_takeaways=command.key_takeaways,
    )
    return draft.decided()


def fail(state: PlaytestsState, request: Request, command: ask.FailTranscript) -> Verdict:
    """The transcriber has failed."""
    draft = Draft(state, request)
    found = _find(draft, command.slot_id)
    if not isinstance(found, CommandRejected) and found[2].transcription in {"pending", "processing"}:
        _emit(draft, found[0].order, found[1], ev.TranscriptFailed, "failed")
    return draft.decided()


def _find(draft: Draft, slot_id: str) -> tuple[OrderState, int, Slot] | CommandRejected:
    place = names.place_of("slot", slot_id)
    known = draft.studio.orders.get(place[0]) if place is not None else None
    slot = known.slots.get(place[1]) if known is not None and place is not None else None
    if known is None or place is None or slot is None or slot.playtester_id in draft.studio.forgotten:
        return not_found("slot")  # of a forgotten person's nothing is said any more
    return known, place[1], slot


def _emit(
    draft: Draft,
    order: Order,
    number: int,
    kind: type[ev.TranscriptEvent],
    status: TranscriptionStatus,
    *,
    version: str | None = None,
    key: str = "",
    key_takeaways: list[str] | None = None,
) -> Message:
    slot_id = names.slot_id(order.id, number)
    transcription = Transcription(
        id=names.transcription_id(slot_id),
        status=status,
        version=version,
        key=key,
        key_takeaways=key_takeaways or [],
    )
    event = kind(slot_id=slot_id, slot_number=number, transcription=transcription, **draft.of(order))
    draft.emit(event)
    return event
