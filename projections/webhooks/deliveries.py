"""From an events record to deliveries: one for each event and each target that wants it. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from projections.webhooks.notifications import Notified
from schemas.envelope import EventsRecord
from schemas.liveops.webhooks import Delivery, WebhookTarget


def games_notified(record: EventsRecord, notified: Notified) -> set[str]:
    """Games whose targets must be known to plan this record."""
    return {
        decided.game_id
        for decided in record.decided
        for event in decided.events
        if event.type in notified.wire_names
    }


def planned(
    record: EventsRecord,
    targets: Mapping[str, Sequence[WebhookTarget]],
    appended_at_ms: int,
    notified: Notified,
) -> list[Delivery]:
    """What a record gives to deliver, in its order. `targets` are by game."""
    deliveries: list[Delivery] = []
    for decided in record.decided:
        wanted = targets.get(decided.game_id, ())
        if not wanted:
            continue
        number = 0
        for event in decided.events:
            if event.type not in notified.wire_names:
                continue
            message = notified.events.decode(event.type, event.data)
            for place, what in enumerate(notified.notifications(message, event.at_ms)):
                identifier = delivery_id(decided.command_id, number)
                number += 1
                encoded = notified.body(identifier, what, decided.game_id, event.at_ms)
                deliveries += [
                    Delivery(
                        id=identifier,
                        type=what.type,
                        game_id=decided.game_id,
                        target_id=target.id,
                        line=f"{target.name}/{what.subject}",
                        sequence=2 * event.sequence + place,
                        queued_at_ms=appended_at_ms,
                        body=encoded,
                    )
                    for target in wanted
                    if what.type in target.events
                ]
    return deliveries


def delivery_id(command_id: str, number: int) -> str:
    """`evt_…` of the `number`th thing a command gave to tell: the same whenever the log is read."""
    digest = hashlib.sha256(f"{command_id}/{number}".encode()).digest()
    return "evt_" + base64.b32encode(digest[:15]).decode().lower()
