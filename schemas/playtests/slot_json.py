"""Slots in S2's JSON, for the write side's answers and the read side's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from schemas.playtests import resources, slot_resources, views
from schemas.playtests.json import _time
from schemas.timestamps import iso_ms

_HIDDEN: Final = frozenset[views.SlotStatus]({"open", "expired", "cancelled"})
"""Slots that show their playtester neither notes nor key."""
Panel = Mapping[str, views.Playtester]
_opened: Final = lru_cache(maxsize=1024)(iso_ms)
"""When a slot was opened: an order's slots mostly share it."""


def playtest_head(order: views.Order) -> slot_resources.PlaytestHead:
    """What a slot shows of its playtest."""
    return slot_resources.PlaytestHead(
        id=order.id,
        visibility=order.visibility,
        duration_minutes=order.duration_minutes,
        player_count=order.player_count,
    )


def slot(value: views.Slot, panel: Panel, public_url: str | None = None) -> slot_resources.Slot:
    """A slot in lists.

    Fields by name, and parts asked for before anything is called: most of a page's slots have none, and
    merged mappings and calls for them would double the cost of a page of a hundred.
    """
    return slot_resources.Slot(
        id=value.id,
        request_id=value.order_id,
        status=value.status,
        deadline_at=None if value.deadline_at_ms is None else iso_ms(value.deadline_at_ms),
        created_at=_opened(value.created_at_ms),
        submission=None if value.submission is None else _handed_in(value),
        rating=None if value.rating is None else _rating(value),
        rejection=None if value.rejection is None else _rejection(value),
        previous_slot_id=value.previous_slot_id,
        blocked_report=None if value.blocked_report is None else _blocked(value),
        playtester=None if value.playtester_id is None else _panelist(value, panel),
        transcription=None if value.transcription is None else _transcription(value),
        public_url=public_url,
    )


def slot_detail(
    value: views.Slot,
    order: views.Order,
    game: resources.GameName,
    panel: Panel,
    public_url: str | None = None,
) -> slot_resources.SlotDetail:
    """A slot with all that belongs to it."""
    found = value.transcription
    return slot_resources.SlotDetail(
        **_head(value),
        **_parts(value),
        game=game,
        playtest=playtest_head(order),
        playtester=_panelist(value, panel),
        transcription=None
        if found is None
        else slot_resources.TranscriptionDetail(
            id=found.id,
            status=found.status,
            selected_version=found.version,
            key_takeaways=found.key_takeaways,
        ),
        public_url=public_url,
    )


def own_slot(
    value: views.Slot,
    *,
    payout_cents: int,
    notes: str | None,
    game_key: str | None,
    public_url: str | None = None,
) -> slot_resources.OwnSlot:
    """A slot as its playtester sees it."""
    return slot_resources.OwnSlot(**_own(value, payout_cents, notes, game_key), public_url=public_url)


def own_slot_detail(
    value: views.Slot,
    order: views.Order,
    game: resources.GameName,
    game_key: str | None,
    public_url: str | None = None,
) -> slot_resources.OwnSlotDetail:
    """The same with its game and its playtest."""
    return slot_resources.OwnSlotDetail(
        **_own(value, order.payout_cents, order.notes_for_testers, game_key),
        public_url=public_url,
        game=game,
        playtest=playtest_head(order),
    )


def _own(value: views.Slot, payout_cents: int, notes: str | None, game_key: str | None) -> dict[str, Any]:
    hidden = value.status in _HIDDEN
    return {
        **_head(value),
        **_parts(value),
        "game_id": value.game_id,
        "payout_cents": payout_cents,
        "notes_for_testers": None if hidden else notes,
        "game_key": None if hidden else game_key,
        "transcription": _transcription(value),
    }


def shows_key(value: views.Slot) -> bool:
    """Whether its playtester sees the slot's game key."""
    return value.key_number is not None and value.status not in _HIDDEN


def submission_rows(
    slots: Iterable[views.Slot],
    orders: Mapping[str, views.Order],
    games: Mapping[str, resources.GameName],
    panel: Panel,
) -> list[slot_resources.SubmissionRow]:
    """Slots with their submissions, as far as their orders are known. What is of an order is made once."""
    playtests = {order_id: _playtest_of_submission(order) for order_id, order in orders.items()}
    return [
        slot_resources.SubmissionRow(
            slot=slot_resources.ReservedSlot(
                id=value.id,
                request_id=value.order_id,
                status=value.status,
                deadline_at=None if value.deadline_at_ms is None else iso_ms(value.deadline_at_ms),
                created_at=_opened(value.created_at_ms),
                reserved_by=value.playtester_id,
            ),
            submission=None if value.submission is None else _stored(value.submission),
            game=games[value.game_id],
            playtest=playtests[value.order_id],
            playtester=None if value.playtester_id is None else _panelist(value, panel),
            awaiting_admin_approval=orders[value.order_id].trial == "pending",
            blocked_report=None if value.blocked_report is None else _blocked(value),
            transcription=None if value.transcription is None else _transcription(value),
        )
        for value in slots
        if value.order_id in orders
    ]


def _playtest_of_submission(order: views.Order) -> slot_resources.PlaytestOfSubmission:
    return slot_resources.PlaytestOfSubmission(
        id=order.id,
        visibility=order.visibility,
        duration_minutes=order.duration_minutes,
        player_count=order.player_count,
        is_free_public_trial=order.trial != "none",
    )


def _stored(stored: views.Submission) -> slot_resources.StoredSubmission:
    """Fields by name, as in `slot`."""
    return slot_resources.StoredSubmission(
        id=stored.id,
        video_file_size=stored.video_bytes,
        notes=stored.notes,
        created_at=iso_ms(stored.created_at_ms),
        video_storage_key=stored.video_key,
    )


def _head(value: views.Slot) -> dict[str, Any]:
    return {
        "id": value.id,
        "request_id": value.order_id,
        "status": value.status,
        "deadline_at": _time(value.deadline_at_ms),
        "created_at": iso_ms(value.created_at_ms),
    }


def _parts(value: views.Slot) -> dict[str, Any]:
    return {
        "submission": _handed_in(value),
        "rating": _rating(value),
        "rejection": _rejection(value),
        "previous_slot_id": value.previous_slot_id,
        "blocked_report": _blocked(value),
    }


def _handed_in(value: views.Slot) -> slot_resources.Submission | None:
    stored = value.submission
    if stored is None:
        return None
    return slot_resources.Submission(
        id=stored.id,
        video_file_size=stored.video_bytes,
        notes=stored.notes,
        created_at=iso_ms(stored.created_at_ms),
    )


def _rating(value: views.Slot) -> slot_resources.Rating | None:
    rating = value.rating
    return None if rating is None else slot_resources.Rating(score=rating.score, comment=rating.comment)


def _rejection(value: views.Slot) -> slot_resources.Rejection | None:
    rejection = value.rejection
    if rejection is None:
        return None
    return slot_resources.Rejection(reason=rejection.reason, created_at=iso_ms(rejection.created_at_ms))


def _blocked(value: views.Slot) -> slot_resources.BlockedReport | None:
    report = value.blocked_report
    if report is None:
        return None
    return slot_resources.BlockedReport(
        reason_code=report.reason_code, notes=report.notes, reported_at=iso_ms(report.reported_at_ms)
    )


def _transcription(value: views.Slot) -> slot_resources.Transcription | None:
    found = value.transcription
    if found is None:
        return None
    return slot_resources.Transcription(id=found.id, status=found.status, selected_version=found.version)


def _panelist(value: views.Slot, panel: Panel) -> resources.Panelist | None:
    if value.playtester_id is None:
        return None
    known = panel.get(value.playtester_id)
    return resources.Panelist(
        id=value.playtester_id, display_name=None if known is None else known.display_name
    )
