"""S1 batches, feedback and model uploads to rows. Source: contract/telemetry.md, both ingest sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.arrow import Repeat
from projections.telemetry.properties import properties
from projections.telemetry.row_tables import RowTables, S1Row
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import POSITION_EVENT, Description
from schemas.studio.discord import MESSAGE, SOURCE, MessageSaid
from schemas.telemetry.identity import identities
from schemas.telemetry.s1_batch import DEFAULT_ENVIRONMENT, DEFAULT_SOURCE, Batch, Event
from schemas.telemetry.s1_feedback import decode_feedback

if TYPE_CHECKING:
    from projections.telemetry.columns import Origin
    from schemas.telemetry.record import TelemetryEntry

UNKNOWN_ROOM: Final = "unknown"
_RANK_OF_FIRST: Final = 2**62
"""A repeated submission counts once: `_rank` falls as the log goes on, so the first wins."""

_json = msgspec.json.encode


class _Model(msgspec.Struct):
    """The body of an s4.model-uploaded entry."""

    id: str
    app_name: str
    level_name: str
    size: int
    sha256: str
    object: str


def add_batch(rows: RowTables, origin: Origin, index: int, entry: TelemetryEntry, batch: Batch) -> None:
    """Add a batch's events, each with its identity, and what the batch says about its session.

    Nothing of a forgotten person's batch, nor messages and handles of theirs in another's.
    """
    if rows.forgotten.player(origin.studio_id, batch.device_id):
        return
    left_out = _of_forgotten(rows, origin, batch)
    labels = batch.labels
    build_id = (labels.game_version if labels else None) or ""
    environment = (labels.environment if labels else None) or DEFAULT_ENVIRONMENT
    source = batch.source or DEFAULT_SOURCE
    key = SessionKey(origin.studio_id, origin.game_id, batch.session_id)
    rows.descriptions.setdefault(key, []).append(
        Description(
            offset=origin.offset,
            player_id=batch.device_id,
            source=source,
            build_id=build_id,
            environment=environment,
            arrived_at_ms=origin.arrived_at_ms,
            tester_handle=_handle(rows, origin, batch),
            title=batch.title or "",
            platform=(labels.platform if labels else None) or "",
            metadata=_json(batch.metadata).decode() if batch.metadata else "",
            experiments=_json(batch.experiments).decode() if batch.experiments else "",
            country=entry.country or "",
            region=entry.region or "",
            city=entry.city or "",
            started_at_ms=batch.started_at_ms,
            ended=bool(batch.ended),
        )
    )
    event_identities = identities(origin.game_id, batch)
    points = [
        event.name == POSITION_EVENT and event.x is not None and event.y is not None for event in batch.events
    ]
    for positions in (False, True):
        places = [place for place, point in enumerate(points) if point == positions and place not in left_out]
        if not places:
            continue
        events = [batch.events[place] for place in places]
        table = rows.positions if positions else rows.events
        first_row = table.rows
        count = len(events)
        columns: dict[str, Any] = {
            "build_id": Repeat(build_id, count),
            "environment": Repeat(environment, count),
            "source": Repeat(source, count),
            "session_id": Repeat(batch.session_id, count),
            "player_id": Repeat(batch.device_id, count),
            "room": [event.room or (UNKNOWN_ROOM if positions else "") for event in events],
            "occurred_at": [event.at_ms for event in events],
            "properties": [properties(event.props, event.extras) for event in events],
            "seq": [event.seq for event in events],
            "identity": [event_identities[place] for place in places],
            "_index": [index + place for place in places],
        }
        if positions:
            rows.points.extend([1] * count)
            rows.ends.extend(columns["occurred_at"])
            for event in events:
                rows.coordinates.extend((event.x or 0.0, event.y or 0.0, event.z or 0.0))
        else:
            columns |= {
                "event_name": [event.name for event in events],
                "x": [event.x for event in events],
                "y": [event.y for event in events],
                "z": [event.z for event in events],
                "input_method": Repeat("", count),
            }
        table.add(origin, count, **columns)
        rows.s1_rows += [
            S1Row(key, positions, first_row + place, event.seq, identity, event.at_ms)
            for place, (event, identity) in enumerate(zip(events, columns["identity"], strict=True))
        ]
    rows.count += len(batch.events) - len(left_out)
    if source == SOURCE:
        _add_messages(rows, origin, index, batch, left_out)


def _handle(rows: RowTables, origin: Origin, batch: Batch) -> str:
    handle = batch.tester_handle or ""
    return "" if rows.forgotten.handle(origin.studio_id, origin.game_id, handle) else handle


def _of_forgotten(rows: RowTables, origin: Origin, batch: Batch) -> frozenset[int]:
    """Which events are messages of forgotten authors."""
    if batch.source != SOURCE or not rows.forgotten.concerns(origin.studio_id):
        return frozenset()
    return frozenset(
        place
        for place, event in enumerate(batch.events)
        if (said := _said(event)) is not None
        and rows.forgotten.handle(origin.studio_id, origin.game_id, said.author)
    )


def _said(event: Event) -> MessageSaid | None:
    """What an event of a Discord session says as a message; None where it has not the form of one."""
    if event.name != MESSAGE:
        return None
    try:
        return msgspec.convert(event.props, MessageSaid)
    except msgspec.ValidationError:
        return None


def _add_messages(
    rows: RowTables, origin: Origin, index: int, batch: Batch, left_out: frozenset[int]
) -> None:
    """Add a Discord session's messages, each beside its event. What has not their form is an event alone."""
    for place, event in enumerate(batch.events):
        said = _said(event)
        if said is None or event.seq is None or place in left_out:
            continue
        rows.messages.add(
            origin,
            1,
            session_id=[batch.session_id],
            player_id=[batch.device_id],
            number=[event.seq],
            message_id=[said.id],
            author=[said.author],
            text=[said.text],
            occurred_at=[event.at_ms],
            _rank=[_RANK_OF_FIRST - origin.offset],
            _index=[index + place],
        )
        rows.count += 1


def add_feedback(rows: RowTables, origin: Origin, index: int, entry: TelemetryEntry) -> None:
    """Add one submission, unless a forgotten person made it."""
    body = decode_feedback(entry.body)
    if rows.forgotten.player(origin.studio_id, body.device_id):
        return
    rows.feedback.add(
        origin,
        1,
        form_id=[body.form_id],
        submission_id=[body.submission_id],
        session_id=[body.session_id],
        player_id=[body.device_id],
        answers=[_json(body.answers)],
        _rank=[_RANK_OF_FIRST - origin.offset],
        _index=[index],
    )
    rows.count += 1


def add_model(rows: RowTables, origin: Origin, index: int, entry: TelemetryEntry) -> None:
    """Add one uploaded model."""
    body = msgspec.json.decode(entry.body, type=_Model)
    rows.models.add(
        origin,
        1,
        model_id=[body.id],
        app_name=[body.app_name],
        level_name=[body.level_name],
        size=[body.size],
        sha256=[body.sha256],
        object=[body.object],
        _index=[index],
    )
    rows.count += 1
