"""Slots from their reservation to their end: what playtesters, owners and time do to them."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import names, order_commands, slot_commands
from schemas.playtests import slot_events as ev
from schemas.playtests.limits import BLOCKED_MS
from schemas.playtests.states import SlotCommand, slot_transition
from schemas.playtests.views import BlockedReport, ShownToPlaytester, Submission
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.applications import auto_reject
from streams.deciders.playtests.draft import Draft, progress_moved, shown, slot_state
from streams.deciders.playtests.refusals import conflict, not_found
from streams.deciders.playtests.seats import end
from streams.deciders.playtests.state import OrderState, PlaytestsState, Slot
from streams.deciders.playtests.transcripts import submitted_transcript

Found = tuple[OrderState, int, Slot]


def submit(state: PlaytestsState, request: Request, command: slot_commands.SubmitSlot) -> Verdict:
    """A recording, before the deadline."""
    draft = Draft(state, request)
    found = _reserved(draft, command.slot_id, "submit", command.playtester_id)
    if isinstance(found, CommandRejected):
        return found
    if command.video is None:
        return conflict("upload_missing")
    known, number, slot = found
    submitted = replace(slot, status="submitted", due_at_ms=None)
    submission = Submission(
        id=names.submission_id(command.slot_id),
        video_key=command.video.key,
        video_bytes=command.video.size_bytes,
        created_at_ms=request.at_ms,
        notes=command.notes,
    )
    draft.emit(
        ev.SlotSubmitted(
            slot=slot_state(known.order.id, number, submitted),
            progress=progress_moved(known, "reserved", "submitted"),
            submission=submission,
            shown=shown(known, submitted),
            **draft.of(known.order),
        )
    )
    submitted_transcript(draft, known.order, number, command)
    return draft.decided()


def abandon(state: PlaytestsState, request: Request, command: slot_commands.AbandonSlot) -> Verdict:
    """The playtester gives the slot up."""
    draft = Draft(state, request)
    found = _reserved(draft, command.slot_id, "abandon", command.playtester_id)
    if isinstance(found, CommandRejected):
        return found
    known, number, _ = found
    payout = ShownToPlaytester(payout_cents=known.order.payout_cents)
    end(draft, known, number, ev.SlotAbandoned, "cancelled", may_reopen=True, shown=payout)
    return draft.decided()


def block(state: PlaytestsState, request: Request, command: slot_commands.BlockSlot) -> Verdict:
    """The playtester can't go on; the owner has 7 days."""
    draft = Draft(state, request)
    found = _reserved(draft, command.slot_id, "block", command.playtester_id)
    if isinstance(found, CommandRejected):
        return found
    known, number, slot = found
    blocked = replace(slot, status="blocked", due_at_ms=request.at_ms + BLOCKED_MS)
    draft.emit(
        ev.SlotBlocked(
            slot=slot_state(known.order.id, number, blocked),
            progress=progress_moved(known, "reserved", "blocked"),
            report=BlockedReport(
                reason_code=command.reason_code, reported_at_ms=request.at_ms, notes=command.notes
            ),
            shown=shown(known, blocked),
            **draft.of(known.order),
        )
    )
    return draft.decided()


def unblock(state: PlaytestsState, request: Request, command: slot_commands.UnblockSlot) -> Verdict:
    """The playtester goes on, with a fresh full deadline."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "unblock")
    if isinstance(found, CommandRejected):
        return found
    known, number, slot = found
    if _is_due(slot, request.at_ms):
        return conflict("deadline_passed")
    deadline_at_ms = request.at_ms + slot.submit_within_ms
    reserved = replace(slot, status="reserved", deadline_at_ms=deadline_at_ms, due_at_ms=deadline_at_ms)
    draft.emit(
        ev.SlotUnblocked(
            slot=slot_state(known.order.id, number, reserved),
            progress=progress_moved(known, "blocked", "reserved"),
            **draft.of(known.order),
        )
    )
    return draft.decided()


def cancel(state: PlaytestsState, request: Request, command: slot_commands.CancelSlot) -> Verdict:
    """The owner ends a blocked slot."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "cancel-slot")
    if isinstance(found, CommandRejected):
        return found
    end(draft, found[0], found[1], ev.SlotCancelled, "cancelled", reason="owner")
    return draft.decided()


def slot_due(state: PlaytestsState, request: Request, command: slot_commands.SlotDue) -> Verdict:
    """The recording was not submitted in time."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "slot-due")
    if not isinstance(found, CommandRejected) and _is_due(found[2], request.at_ms):
        end(draft, found[0], found[1], ev.SlotExpired, "expired", may_reopen=True, reason="deadline")
    return draft.decided()


def block_due(state: PlaytestsState, request: Request, command: slot_commands.BlockDue) -> Verdict:
    """The owner did nothing in time."""
    draft = Draft(state, request)
    found = find(draft, command.slot_id, "block-due")
    if not isinstance(found, CommandRejected) and _is_due(found[2], request.at_ms):
        end(draft, found[0], found[1], ev.SlotCancelled, "cancelled", reason="blocked_too_long")
    return draft.decided()


def review_due(state: PlaytestsState, request: Request, command: order_commands.ReviewDue) -> Verdict:
    """The window is over: open slots expire, pending applications are rejected."""
    draft = Draft(state, request)
    known = draft.studio.orders.get(command.order_id)
    due_at_ms = known.progress.due_at_ms if known is not None else None
    if known is None or due_at_ms is None or request.at_ms < due_at_ms:
        return ()
    auto_reject(draft, known, "window_over")
    for number in known.open:
        present = draft.studio.orders[command.order_id]
        end(draft, present, number, ev.SlotExpired, "expired", reason="window_over")
    return draft.decided()


def find(
    draft: Draft, slot_id: str, command: SlotCommand, playtester_id: str | None = None
) -> Found | CommandRejected:
    """The slot a command is about, in a status of its row in the state table; 404, or 409."""
    place = names.place_of("slot", slot_id)
    known = draft.studio.orders.get(place[0]) if place is not None else None
    slot = known.slots.get(place[1]) if known is not None and place is not None else None
    if known is None or place is None or slot is None:
        return not_found("slot")
    if playtester_id not in {None, slot.playtester_id}:
        return not_found("slot")
    if slot_transition(slot.status, command) is None:
        return conflict("deadline_passed" if _is_too_late(slot, command) else "wrong_status")
    return known, place[1], slot


def _reserved(
    draft: Draft, slot_id: str, command: SlotCommand, playtester_id: str
) -> Found | CommandRejected:
    """A playtester's reserved slot before its deadline, whether or not its Due has come."""
    found = find(draft, slot_id, command, playtester_id)
    if not isinstance(found, CommandRejected) and _is_due(found[2], draft.at_ms):
        return conflict("deadline_passed")
    return found


def _is_due(slot: Slot, at_ms: int) -> bool:
    return slot.due_at_ms is not None and at_ms >= slot.due_at_ms


def _is_too_late(slot: Slot, command: SlotCommand) -> bool:
    """An expired slot was lost to its deadline, which says more than its status."""
    return slot.status == "expired" and slot_transition("reserved", command) is not None
