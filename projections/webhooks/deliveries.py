"""From an events record to deliveries: one for each event and each target that wants it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from projections.webhooks.bodies import NOTIFIED_TYPES, body, delivery_id, notifications
from schemas.envelope import EventsRecord
from schemas.liveops.events import EVENTS
from schemas.liveops.webhooks import Delivery, WebhookTarget


def games_notified(record: EventsRecord) -> set[str]:
    """Games whose targets must be known to plan this record."""
    return {
        decided.game_id
        for decided in record.decided
        for event in decided.events
        if event.type in NOTIFIED_TYPES
    }


def planned(
    record: EventsRecord, targets: Mapping[str, Sequence[WebhookTarget]], appended_at_ms: int
) -> list[Delivery]:
    """What a record gives to deliver, in its order. `targets` are by game."""
    deliveries: list[Delivery] = []
    for decided in record.decided:
        wanted = targets.get(decided.game_id, ())
        if not wanted:
            continue
        number = 0
        for event in decided.events:
            if event.type not in NOTIFIED_TYPES:
                continue
            for place, what in enumerate(notifications(EVENTS.decode(event.type, event.data), event.at_ms)):
                identifier = delivery_id(decided.command_id, number)
                number += 1
                encoded = body(identifier, what, decided.game_id, event.at_ms)
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
