"""What webhooks say of playtests: `{"id", "event", "timestamp", "data"}`, in order for each playtest. Pure.

`data` always has `playtestId`, `gameId`, `slotId` and `playerId` (the playtester's id), null where there is
none, and what the event is about. Nothing in it is a secret or of a person but ids, handles and what the
owner or the playtester wrote of a submission. A subject is `o/<order>` or `k/<batch>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from projections.webhooks.notifications import Dropped, Notification, Notified
from schemas.codec import Message
from schemas.playtests import order_events, slot_events
from schemas.playtests.batch_events import KeyRedeemed, RecipientForgotten
from schemas.playtests.events import EVENTS
from schemas.playtests.person_messages import PersonForgotten
from schemas.playtests.views import SlotState
from schemas.playtests.webhooks import PlaytestWebhookType
from schemas.timestamps import iso_ms

_encode: Final = msgspec.json.Encoder().encode


def _notifications(message: Message, at_ms: int) -> Sequence[Notification]:  # noqa: C901, PLR0911 - a case for each
    """What an event is worth telling; a slot that is rejected may be followed by one that is reserved."""
    del at_ms
    match message:
        case slot_events.SlotReserved():
            return (_of_slot("slot.reserved", message, message.slot),)
        case slot_events.SlotSubmitted(submission=submission):
            told = {"submissionId": submission.id, "videoFileSize": submission.video_bytes}
            return (_of_slot("slot.submitted", message, message.slot, **told),)
        case slot_events.SlotAccepted(rating=rating):
            score = None if rating is None else rating.score
            return (_of_slot("slot.accepted", message, message.slot, ratingScore=score),)
        case slot_events.SlotRejected():
            return _rejected(message)
        case slot_events.SlotExpired(reason=reason):
            return (_of_slot("slot.expired", message, message.slot, reason=reason),)
        case slot_events.SlotBlocked(report=report):
            return (_of_slot("slot.blocked", message, message.slot, reasonCode=report.reason_code),)
        case order_events.ApplicationMade(application=made):
            return (
                _of_order("application.created", message, playerId=made.playtester_id, applicationId=made.id),
            )
        case order_events.PlaytestActivated(order=order):
            return (_of_order("playtest.activated", message, quantity=order.quantity),)
        case order_events.PlaytestCompleted():
            return (_of_order("playtest.completed", message),)
        case KeyRedeemed():
            return (_of_key(message),)
        case _:
            return ()


def _rejected(message: slot_events.SlotRejected) -> Sequence[Notification]:
    said = {"reason": message.rejection.reason, "allowRetry": message.allow_retry}
    rejected = _of_slot("slot.rejected", message, message.slot, **said)
    if message.successor is None or message.successor.status != "reserved":
        return (rejected,)
    return rejected, _of_slot("slot.reserved", message, message.successor)


def _of_slot(
    kind: PlaytestWebhookType, event: order_events.OrderEvent, slot: SlotState, **more: Any
) -> Notification:
    deadline = None if slot.deadline_at_ms is None else iso_ms(slot.deadline_at_ms)
    of = {"slotId": slot.id, "playerId": slot.playtester_id, "status": slot.status, "deadlineAt": deadline}
    return _of_order(kind, event, **(of | more))


def _of_order(kind: PlaytestWebhookType, event: order_events.OrderEvent, **more: Any) -> Notification:
    of = {"playtestId": event.order_id, "gameId": event.game_id, "slotId": None, "playerId": None}
    return Notification(kind, _subject_of_order(event.order_id), of | more)


def _of_key(event: KeyRedeemed) -> Notification:
    redemption = event.key.redemption
    data = {
        "playtestId": None,
        "gameId": event.game_id,
        "slotId": None,
        "playerId": None,
        "batchId": event.batch_id,
        "keyId": event.key.id,
        "handle": None if redemption is None else redemption.handle,
    }
    return Notification("key.redeemed", _subject_of_key(event.batch_id), data)


def _dropped(message: Message) -> Sequence[Dropped]:
    """What names a forgotten person does not wait any longer: what others did of the same subject does."""
    match message:
        case RecipientForgotten(game_id=game_id, batch_id=batch_id, keys=keys):
            return tuple(Dropped(game_id, _subject_of_key(batch_id), _held("keyId", key.id)) for key in keys)
        case PersonForgotten(slots=slots, applications=applications, playtester_id=gone):
            orders = dict.fromkeys(
                [(one.game_id, one.order_id) for one in slots]
                + [(one.game_id, one.order_id) for one in applications]
            )
            return tuple(
                Dropped(game_id, _subject_of_order(order_id), _held("playerId", gone))
                for game_id, order_id in orders
            )
        case _:
            return ()


def _held(name: str, value: str) -> str:
    """How a field stands in a body."""
    return _encode({name: value})[1:-1].decode()


def _subject_of_order(order_id: str) -> str:
    return f"o/{order_id}"


def _subject_of_key(batch_id: str) -> str:
    return f"k/{batch_id}"


def _body(identifier: str, what: Notification, game_id: str, at_ms: int) -> bytes:
    """The request's body, the same bytes every time."""
    del game_id  # it is in the data
    return _encode({"id": identifier, "event": what.type, "timestamp": iso_ms(at_ms), "data": what.data})


PLAYTESTS: Final = Notified(
    wire_names=frozenset(
        kind.WIRE
        for kind in (
            slot_events.SlotReserved,
            slot_events.SlotSubmitted,
            slot_events.SlotAccepted,
            slot_events.SlotRejected,
            slot_events.SlotExpired,
            slot_events.SlotBlocked,
            order_events.ApplicationMade,
            order_events.PlaytestActivated,
            order_events.PlaytestCompleted,
            KeyRedeemed,
            RecipientForgotten,
            PersonForgotten,
        )
    ),
    events=EVENTS,
    notifications=_notifications,
    body=_body,
    game_of=lambda message: getattr(message, "game_id", ""),
    dropped=_dropped,
)
