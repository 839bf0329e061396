"""Telemetry records to rows of ClickHouse: what each kind of entry becomes. No I/O, no clock.

Sources: the S4 reference and contract/telemetry.md.
"""

from __future__ import annotations

import re
from array import array
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from projections.telemetry.arrow import Repeat
from projections.telemetry.columns import Origin
from projections.telemetry.properties import properties
from projections.telemetry.row_tables import RowTables
from projections.telemetry.rows_s1 import UNKNOWN_ROOM, add_batch, add_feedback, add_model
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import Description
from schemas.telemetry.record import EntryKind
from schemas.telemetry.s1 import decode_batch
from schemas.telemetry.s1_batch import DEFAULT_ENVIRONMENT, DEFAULT_SOURCE, ENVIRONMENT_PATTERN, SENT_SOURCES
from schemas.telemetry.s4 import FUNNEL_STEP, GAMEPLAY, PLAYER, TRAJECTORY, Item, decode_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.telemetry.record import TelemetryEntry

_NO_ROWS = frozenset(
    {
        *(EntryKind.TICK, EntryKind.EXPORT_STARTED, EntryKind.SESSION_DUE, EntryKind.RECORD_SKIPPED),
        EntryKind.PERSON_FORGOTTEN,
    }
)
LEFT_OUT = 0
"""The kind of an item that becomes no row."""
_OF_NO_SESSION = frozenset({PLAYER, LEFT_OUT})
_VECTOR_FROM = 16
"""Below so many positions numpy costs more than it saves."""
_FPS = frozenset({"mean", "low_5", "low_1"})
_ENVIRONMENT = re.compile(ENVIRONMENT_PATTERN).match
_json = msgspec.json.Encoder().encode


class Rows(RowTables):
    """Adds what each kind of entry becomes."""

    def add(self, origin: Origin, index: int, entry: TelemetryEntry) -> int:
        """Add an entry whose first item is `index` in its record; return how many items it has.

        Raises ValueError or a msgspec error, and adds nothing, where the entry can't be read. Entries that
        become no rows (ticks, exports, deadlines) have no items.
        """
        kind = entry.kind
        if kind == EntryKind.S4_ITEMS:
            items = self.items(entry)
            self.describe_items(origin, entry, items)
            self.add_items(origin, index, items)
            return len(items)
        if kind == EntryKind.S1_BATCH:
            batch = decode_batch(entry.body)
            add_batch(self, origin, index, entry, batch)
            return len(batch.events)
        if kind == EntryKind.S1_FEEDBACK:
            add_feedback(self, origin, index, entry)
            return 1
        if kind == EntryKind.MODEL_UPLOADED:
            add_model(self, origin, index, entry)
            return 1
        if kind not in _NO_ROWS:
            raise ValueError(f"a part of the kind {kind!r} is unknown to this build")
        return 0

    def items(self, entry: TelemetryEntry) -> list[Item]:
        """An S4 entry's items; those of forgotten persons are of the kind LEFT_OUT.

        Raises where it can't be read.
        """
        items = decode_items(entry.body)
        if self.forgotten.concerns(entry.studio_id):
            for item in items:
                if self.forgotten.player(entry.studio_id, item.player_id or ""):
                    item.kind = LEFT_OUT
        return items

    def add_items(self, origin: Origin, index: int, items: list[Item]) -> None:
        """Add consecutive S4 items of a record, the first at `index`.

        They may come from several entries of one tenant: a column costs the same for ten items as for many.
        """
        kinds = [item.kind for item in items]
        for kind, adder in (
            (GAMEPLAY, self._add_gameplay),
            (TRAJECTORY, self._add_trajectories),
            (FUNNEL_STEP, self._add_funnel_steps),
            (PLAYER, self._add_players),
        ):
            count = kinds.count(kind)
            if not count:
                continue
            if count == len(items):
                adder(origin, items, range(index, index + count))
            else:
                places = [place for place, found in enumerate(kinds) if found == kind]
                adder(origin, [items[place] for place in places], [index + place for place in places])

    def describe_items(self, origin: Origin, entry: TelemetryEntry, items: list[Item]) -> None:
        """One description for each session of an entry, from its first item."""
        firsts = {item.session_id: item for item in reversed(items) if item.kind not in _OF_NO_SESSION}
        for session_id, first in firsts.items():
            key = SessionKey(origin.studio_id, origin.game_id, session_id or "")
            if key in self.descriptions:
                continue
            self.descriptions[key] = [
                Description(
                    offset=origin.offset,
                    player_id=first.player_id or "",
                    source=_source(first),
                    build_id=first.build_id or "",
                    environment=_environment(first),
                    arrived_at_ms=origin.arrived_at_ms,
                    country=entry.country or "",
                    region=entry.region or "",
                    city=entry.city or "",
                    first_only=True,
                )
            ]

    def _add_gameplay(self, origin: Origin, items: list[Item], indices: Sequence[int]) -> None:
        count = len(items)
        x, y, z = _places([item.position for item in items])
        self.events.add(
            origin,
            count,
            **_shared(items),
            room=[item.level_id or "" for item in items],
            event_name=[item.event_name for item in items],
            x=x,
            y=y,
            z=z,
            input_method=[item.input_method or "" for item in items],
            occurred_at=[item.at_ms for item in items],
            properties=[properties(item.custom_data, _extras(item)) for item in items],
            seq=Repeat(None, count),
            identity=Repeat(0, count),
            _index=indices,
        )
        self.count += count

    def _add_funnel_steps(self, origin: Origin, items: list[Item], indices: Sequence[int]) -> None:
        self.funnel_steps.add(
            origin,
            len(items),
            **_shared(items),
            room=[item.level_id or "" for item in items],
            step_name=[item.funnel_step_name for item in items],
            occurred_at=[item.at_ms for item in items],
            properties=[properties(item.custom_data, _extras(item)) for item in items],
            _index=indices,
        )
        self.count += len(items)

    def _add_trajectories(self, origin: Origin, items: list[Item], indices: Sequence[int]) -> None:
        count = len(items)
        shared = _shared(items)
        rooms = [item.level_id or UNKNOWN_ROOM for item in items]
        starts = [item.at_ms for item in items]
        points = [len(item.positions or ()) // 3 for item in items]
        frames = [item.fps or {} for item in items]
        self.performance.add(
            origin,
            count,
            **shared,
            room=rooms,
            status=[item.status or "" for item in items],
            input_method=[item.input_method or "" for item in items],
            fps_mean=[fps.get("mean") for fps in frames],
            fps_low_5=[fps.get("low_5") for fps in frames],
            fps_low_1=[fps.get("low_1") for fps in frames],
            points=points,
            started_at=starts,
            ended_at=[item.end_ms for item in items],
            properties=[properties(None, _extras(item)) for item in items],
            _index=indices,
        )
        self.positions.add(
            origin,
            count,
            **shared,
            room=rooms,
            occurred_at=starts,
            properties=Repeat(b"", count),
            seq=Repeat(None, count),
            identity=Repeat(0, count),
            _index=indices,
        )
        self.points.extend(points)
        self.ends.extend([item.end_ms for item in items])
        self.coordinates += array("d", list(chain.from_iterable([item.positions or () for item in items])))
        self.count += count + sum(points)

    def _add_players(self, origin: Origin, items: list[Item], indices: Sequence[int]) -> None:
        self.players.add(
            origin,
            len(items),
            player_id=[item.player_id for item in items],
            build_id=[item.build_id for item in items],
            region=[item.region or "" for item in items],
            hardware=[_json(item.hardware or {}) for item in items],
            properties=[properties(item.custom_data, _extras(item)) for item in items],
            occurred_at=[item.at_ms for item in items],
            _index=indices,
        )
        self.count += len(items)


def _shared(items: list[Item]) -> dict[str, list[Any]]:
    return {
        "build_id": [item.build_id for item in items],
        "environment": [_environment(item) for item in items],
        "source": [_source(item) for item in items],
        "session_id": [item.session_id for item in items],
        "player_id": [item.player_id for item in items],
    }


def _places(places: list[list[float] | None]) -> tuple[Any, Any, Any]:
    """x, y and z of positions with two or three coordinates, or none."""
    if len(places) >= _VECTOR_FROM and None not in places:
        flat = array("d", list(chain.from_iterable([place or () for place in places])))
        if len(flat) == 3 * len(places):
            table = np.frombuffer(flat, dtype=np.float64).reshape(-1, 3)
            return table[:, 0], table[:, 1], table[:, 2]
    return (
        [place[0] if place else None for place in places],
        [place[1] if place else None for place in places],
        [place[2] if place and len(place) == 3 else None for place in places],
    )


def _environment(item: Item) -> str:
    given = item.environment
    return given if given is not None and _ENVIRONMENT(given) else DEFAULT_ENVIRONMENT


def _extras(item: Item) -> dict[str, Any] | None:
    """What no column holds: unknown fields, and of the known ones what their columns can't say."""
    if item.source is None and item.environment is None and item.fps is None:
        return item.extras
    rest = dict(item.extras or {})
    if item.fps is not None:
        unknown = {name: value for name, value in item.fps.items() if name not in _FPS}
        if unknown:
            rest["fps"] = unknown
    no_columns = item.kind == PLAYER
    if item.source is not None and (no_columns or item.source not in SENT_SOURCES):
        rest["source"] = item.source
    if item.environment is not None and (no_columns or not _ENVIRONMENT(item.environment)):
        rest["environment"] = item.environment
    return rest


def _source(item: Item) -> str:
    return item.source if item.source in SENT_SOURCES else DEFAULT_SOURCE
