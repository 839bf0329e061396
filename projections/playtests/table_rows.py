"""What playtests' events become in ClickHouse: rows, and changes of things that have a row each. No I/O.

Ledger and events are rows of their own. Orders, slots, applications, keys and links have one row that says
how they are now; an event changes some of its columns, and `table_changes` makes the row of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from projections.clickhouse.event_json import event_json
from projections.clickhouse.noun_tables import Rows
from projections.clickhouse.times import optional_time, time_of
from projections.playtests.table_columns import APPLICATIONS, EVENTS_TABLE, KEYS, LEDGER, LINKS, ORDERS, SLOTS
from schemas.codec import Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.outcomes import SHELL_EVENTS
from schemas.playtests import batch_events as bev
from schemas.playtests import order_events, slot_events
from schemas.playtests.account_views import LedgerRow
from schemas.playtests.batch_views import KeyState, Link
from schemas.playtests.events import EVENTS
from schemas.playtests.person_messages import PersonForgotten
from schemas.playtests.views import ApplicationState, Order, Progress, SlotState

_LEFT_OUT: Final = frozenset(
    {
        *("keys", "key_fingerprints", "qualifications_response", "shown", "applicant", "code"),
        *("display_name", "gaming_experience", "handle", "email", "personal_note", "user_agent", "sealed"),
        *("fingerprint", "email_fingerprint", "claim_token_hash", "token_hash", "share_token_hash"),
        "previous_share_token_hash",
    }
)
"""Fields, wherever they are in an event, that hold a secret or speak of a person."""


class Change(NamedTuple):
    """Some columns of a thing's row have other values since a record."""

    table: str
    key: tuple[str, ...]
    offset: int
    columns: dict[str, Any]
    forgets: bool = False
    """What was said of it before is to be nowhere any more: a person is forgotten."""


class PersonGone(NamedTuple):
    """A person is forgotten: what names them or was said of them is to be nowhere any more."""

    studio_id: str
    playtester_id: str
    pseudonym: str
    slots: tuple[str, ...]


def add_record(
    record: EventsRecord, partition: int, offset: int, rows: Rows, changes: list[Change | PersonGone]
) -> None:
    """Add the rows and changes of a record's events. Pure but for these two; the same record, the same."""
    index = 0
    for decided in record.decided:
        for event in decided.events:
            if event.type not in SHELL_EVENTS:
                message = EVENTS.decode(event.type, event.data)
                if isinstance(message, PersonForgotten):
                    slots = tuple(one.slot.id for one in message.slots)
                    told = (message.studio_id, message.playtester_id, message.pseudonym)
                    changes.append(PersonGone(*told, slots))
                    message = replace(message, playtester_id=message.pseudonym)
                _add_rows(decided, event, message, [partition, offset, index], rows)
                forgets = isinstance(message, bev.RecipientForgotten)
                for table, key, columns in _changed(message, event.at_ms):
                    changes.append(Change(table, key, offset, columns, forgets))
            index += 1


def _add_rows(decided: Decided, event: Event, message: Any, place: list[int], rows: Rows) -> None:
    studio_id, at = decided.studio_id, time_of(event.at_ms)
    for name in ("movement", "credit", "earning"):
        moved: LedgerRow | None = getattr(message, name, None)
        if moved is not None:
            rows[LEDGER].append(_ledger(studio_id, message, moved))
    of = (studio_id, getattr(message, "game_id", ""), getattr(message, "order_id", ""))
    data = event_json(message, _LEFT_OUT)
    rows[EVENTS_TABLE].append([*of, event.type, decided.command_id, data, at, *place])


def _ledger(studio_id: str, message: Any, moved: LedgerRow) -> list[Any]:
    earned = moved.type.startswith("payout")
    return [
        *(studio_id, message.playtester.id if earned else "", moved.number, moved.id, moved.type),
        *(moved.amount_cents, moved.balance_cents, moved.order_id or "", moved.slot_id or ""),
        *(moved.payment_id or "", moved.payout_id or "", moved.reason or "", time_of(moved.at_ms)),
    ]


_Changed = tuple[str, tuple[str, ...], dict[str, Any]]


def _changed(message: Message, at_ms: int) -> Iterator[_Changed]:
    if isinstance(message, order_events.OrderEvent):
        yield ORDERS, (message.studio_id, message.order_id), _order(message, at_ms)
        for slot_id, columns in _slots(message, at_ms):
            of = {"game_id": message.game_id, "playtest_id": message.order_id}
            yield SLOTS, (message.studio_id, slot_id), of | columns
        for application in _applications(message, at_ms):
            of = {"game_id": message.game_id, "playtest_id": message.order_id}
            yield APPLICATIONS, (message.studio_id, application.id), of | _application(application)
    elif isinstance(message, PersonForgotten):
        yield from _forgotten(message)
    elif isinstance(message, bev.LinkEvent):
        link = message.link
        until = at_ms if isinstance(message, bev.TesterUnlinked) else None
        yield LINKS, (message.studio_id, message.game_id, link.handle), _link(link, until)
    elif isinstance(message, bev.BatchEvent):
        of_batch = (message.studio_id, message.game_id, message.batch_id)
        for key in _keys(message):
            yield KEYS, (*of_batch, key.id), _key(key)


def _forgotten(event: PersonForgotten) -> Iterator[_Changed]:
    """What a person had, under the pseudonym."""
    for one in event.slots:
        columns = {"game_id": one.game_id, "playtest_id": one.order_id, "rejection_reason": ""}
        if one.transcription is not None:
            columns["transcript_status"] = one.transcription
        yield SLOTS, (event.studio_id, one.slot.id), columns | _slot(one.slot)
    for application in event.applications:
        of = {"game_id": application.game_id, "playtest_id": application.order_id}
        yield APPLICATIONS, (event.studio_id, application.id), of | {"playtester_id": event.pseudonym}
    for order in event.orders:
        columns = {"game_id": order.game_id, "targeted_playtester_id": event.pseudonym}
        yield ORDERS, (event.studio_id, order.id), columns


def _order(event: Any, at_ms: int) -> dict[str, Any]:
    columns: dict[str, Any] = {"game_id": event.game_id}
    order: Order | None = getattr(event, "order", None)
    if order is not None:
        columns |= {
            name: getattr(order, name) or ""
            for name in ("targeting_type", "past_playtester_scope", "targeted_playtester_id")
        }
        columns |= {
            name: getattr(order, name)
            for name in (
                *("status", "trial", "visibility", "selection_mode", "quantity", "duration_minutes"),
                *("player_count", "cost_per_slot_cents", "payout_cents"),
            )
        }
        columns["created_at"] = time_of(order.created_at_ms)
        columns["activated_at"] = optional_time(order.activated_at_ms)
        columns["applications_expire_at"] = optional_time(order.applications_expire_at_ms)
        if isinstance(event, order_events.PlaytestCompleted | order_events.PlaytestCancelled):
            columns["ended_at"] = time_of(at_ms)
    progress: Progress | None = getattr(event, "progress", None)
    if progress is not None:
        money = progress.money
        columns |= {f"slots_{status}": count for status, count in progress.slots.by_status().items()}
        columns |= {
            "paid_cents": money.paid_cents,
            "held_cents": money.held_cents,
            "paid_out_cents": money.payout_cents,
            "fee_cents": money.fee_cents,
            "credited_cents": money.credited_cents,
        }
    return columns


_ENDED: Final = frozenset({"accepted", "publishing", "rejected", "expired", "cancelled"})


def _slots(event: order_events.OrderEvent, at_ms: int) -> Iterator[tuple[str, dict[str, Any]]]:
    match event:
        case order_events.PlaytestActivated(slots=slots):
            yield from ((slot.id, _slot(slot)) for slot in slots)
        case slot_events.SlotEvent(slot=slot):
            yield slot.id, _slot(slot) | _said(event, at_ms)
            successor = getattr(event, "successor", None)
            if successor is not None:
                reserved = {"reserved_at": time_of(at_ms)} if successor.status == "reserved" else {}
                yield successor.id, _slot(successor) | reserved
        case slot_events.SlotRated(rating=rating):
            yield event.slot_id, {"rating": rating.score}
        case slot_events.TranscriptEvent(transcription=transcription):
            told = {
                "transcript_status": transcription.status,
                "transcript_version": transcription.version or "",
            }
            yield event.slot_id, told
        case _:
            pass


def _slot(slot: SlotState) -> dict[str, Any]:
    return {
        "number": slot.number,
        "status": slot.status,
        "playtester_id": slot.playtester_id or "",
        "previous_slot_id": slot.previous_slot_id or "",
        "created_at": time_of(slot.created_at_ms),
        "deadline_at": optional_time(slot.deadline_at_ms),
    }


def _said(event: slot_events.SlotEvent, at_ms: int) -> dict[str, Any]:
    """What an event says of a slot beside its state."""
    columns: dict[str, Any] = {}
    if event.slot.status in _ENDED and not isinstance(event, slot_events.SlotPublished):
        columns["ended_at"] = time_of(at_ms)
    credit: LedgerRow | None = getattr(event, "credit", None)
    if credit is not None:
        columns["credited_cents"] = credit.amount_cents
    match event:
        case slot_events.SlotReserved():
            columns["reserved_at"] = time_of(at_ms)
        case slot_events.SlotSubmitted(submission=submission):
            columns["submitted_at"] = time_of(submission.created_at_ms)
            columns["video_bytes"] = submission.video_bytes
        case slot_events.SlotAccepted(earning=earning, rating=rating):
            columns["earned_cents"] = 0 if earning is None else earning.amount_cents
            columns["rating"] = None if rating is None else rating.score
        case slot_events.SlotRejected(rejection=rejection):
            columns["rejection_reason"] = rejection.reason or ""
        case slot_events.SlotBlocked(report=report):
            columns["blocked_reason"] = report.reason_code
        case slot_events.SlotUnblocked():
            columns["blocked_reason"] = ""
        case _:
            pass
    return columns


def _applications(event: order_events.OrderEvent, at_ms: int) -> Iterable[ApplicationState]:
    if isinstance(event, order_events.ApplicationEvent):
        return (event.application,)
    if not isinstance(event, order_events.ApplicationsAutoRejected):
        return ()
    return (
        ApplicationState(
            id=one.id,
            playtester_id=one.playtester_id,
            status="auto_rejected",
            created_at_ms=one.created_at_ms,
            reviewed_at_ms=at_ms,
        )
        for one in event.applications
    )


def _application(application: ApplicationState) -> dict[str, Any]:
    return {
        "playtester_id": application.playtester_id,
        "status": application.status,
        "created_at": time_of(application.created_at_ms),
        "reviewed_at": optional_time(application.reviewed_at_ms),
        "assigned_slot_id": application.assigned_slot_id or "",
    }


def _keys(event: bev.BatchEvent) -> Iterable[KeyState]:
    match event:
        case bev.KeysImported(created_at_ms=created_at_ms):
            return (
                KeyState(id=one.id, number=one.number, status="available", created_at_ms=created_at_ms)
                for one in event.keys
            )
        case bev.KeyRedeemed(key=key) | bev.KeyRevoked(key=key) | bev.InviteSent(key=key):
            return (key,)
        case bev.RecipientForgotten(keys=keys):
            return keys
        case _:
            return ()


def _key(key: KeyState) -> dict[str, Any]:
    redemption = key.redemption
    return {
        "number": key.number,
        "status": key.status,
        "created_at": time_of(key.created_at_ms),
        "invite_id": key.invite_id or "",
        "redeemed_at": None if redemption is None else time_of(redemption.redeemed_at_ms),
        "handle": (redemption.handle if redemption is not None else None) or "",
        "country": (redemption.country if redemption is not None else None) or "",
    }


def _link(link: Link, until_ms: int | None) -> dict[str, Any]:
    return {
        "device_id": link.device_id,
        "claimed_at": time_of(link.claimed_at_ms),
        "unlinked_at": optional_time(until_ms),
        "batch_id": link.batch_id,
        "key_id": link.key_id,
    }
