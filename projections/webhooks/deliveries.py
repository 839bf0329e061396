"""From an events record to deliveries: one for each event and each target that wants it. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from projections.webhooks.notifications import Notified
from schemas.envelope import EventsRecord
from schemas.webhooks import Delivery, WebhookTarget


class NotifiedEvent(msgspec.Struct, frozen=True):
    """An event of a type that webhooks can ask for."""

    command_id: str
    game_id: str
    sequence: int
    at_ms: int
    message: Any


def notified_events(record: EventsRecord, notified: Notified) -> list[NotifiedEvent]:
    """The events of a record that webhooks can ask for, in its order, each with its own game."""
    return [
        NotifiedEvent(decided.command_id, notified.game_of(message), event.sequence, event.at_ms, message)
        for decided in record.decided
        for event in decided.events
        if event.type in notified.wire_names
        for message in (notified.events.decode(event.type, event.data),)
    ]


def planned(
    happened: Sequence[NotifiedEvent],
    targets: Mapping[str, Sequence[WebhookTarget]],
    appended_at_ms: int,
    notified: Notified,
) -> list[Delivery]:
    """The deliveries of some events, in their order. `targets` are by game."""
    deliveries: list[Delivery] = []
    numbers: dict[str, int] = {}
    for one in happened:
        for place, what in enumerate(notified.notifications(one.message, one.at_ms)):
            number = numbers[one.command_id] = numbers.get(one.command_id, -1) + 1
            wanted = [target for target in targets.get(one.game_id, ()) if what.type in target.events]
            if not wanted:
                continue
            identifier = delivery_id(one.command_id, number)
            encoded = notified.body(identifier, what, one.game_id, one.at_ms)
            deliveries += [
                Delivery(
                    id=identifier,
                    type=what.type,
                    game_id=one.game_id,
                    target_id=target.id,
                    line=f"{target.name}/{what.subject}",
                    sequence=2 * one.sequence + place,
                    queued_at_ms=appended_at_ms,
                    body=encoded,
                )
                for target in wanted
            ]
    return deliveries


def delivery_id(command_id: str, number: int) -> str:
    """`evt_…` of the `number`th thing a command gave to tell: the same whenever the log is read."""
    digest = hashlib.sha256(f"{command_id}/{number}".encode()).digest()
    return "evt_" + base64.b32encode(digest[:15]).decode().lower()
