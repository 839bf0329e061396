"""Session parts and S1 identities in ClickHouse: read when a session resumes, written with every batch.

Many sessions a query: their keys travel beside it as rows, since a game may name a session as it likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.client import time_text
from projections.clickhouse.statements import BesideRows
from projections.telemetry.active_time import EventId, Run
from projections.telemetry.identities import REMEMBERED_MAX, Seen
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import SessionFragment, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from projections.clickhouse.client import ClickHouse

KEYS_PER_QUERY: Final = 1_000
KEY_CHARACTERS_PER_QUERY: Final = 4 << 20
"""A key that is longer travels alone."""

_TEXTS: Final = (
    "player_id",
    "tester_handle",
    "title",
    "source",
    "build_id",
    "environment",
    "platform",
    "metadata",
    "experiments",
    "country",
    "region",
    "city",
)
COLUMNS: Final = (
    "studio_id",
    "game_id",
    "session_id",
    *_TEXTS,
    "started_at",
    "first_event_at",
    "last_event_at",
    "first_arrived_at",
    "event_counts",
    "spans",
    "span_events",
    "idle_ms",
    "ended",
    "closed",
    "_partition",
    "_version",
)
_SELECT_PARTS: Final = (
    "SELECT studio_id, game_id, session_id, _partition, _version, ended, closed,"
    " toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(first_arrived_at),"
    " event_counts, spans, span_events, idle_ms, player_id, tester_handle, title, source, build_id,"
    " environment, platform, metadata, experiments, country, region, city"  # in the order of _TEXTS
    " FROM session_parts FINAL WHERE (studio_id, game_id, session_id) IN wanted"
)
_SELECT_CLOSED: Final = (
    "SELECT DISTINCT studio_id, game_id, session_id"
    " FROM session_parts FINAL WHERE (studio_id, game_id, session_id) IN wanted AND closed = 1"
)
_SELECT_SEEN: Final = tuple(
    f"SELECT studio_id, game_id, session_id, groupArray({remembered})"  # noqa: S608 - constants
    f" FROM (SELECT studio_id, game_id, session_id, seq, occurred_at, identity"
    f" FROM {table} WHERE (studio_id, game_id, session_id) IN wanted"
    " AND identity != 0 AND _partition = {partition:UInt16} AND _offset < {before:UInt64}"
    " AND arrived_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
    f" AND {condition} ORDER BY {latest} LIMIT {{most:UInt32}} BY studio_id, game_id, session_id)"
    " GROUP BY studio_id, game_id, session_id"
    for table in ("events", "positions")
    for condition, latest, remembered in (
        ("isNotNull(seq)", "seq DESC", "(assumeNotNull(seq), '')"),
        (
            "isNull(seq)",
            "occurred_at DESC, identity DESC",
            "(toUnixTimestamp64Milli(occurred_at), toString(identity))",
        ),
    )
)
SEEN_KEYS_PER_QUERY: Final = 100
"""Sessions whose identities one query may bring: up to 20,000 of each kind and table."""
_KEY_COLUMNS: Final = dict.fromkeys(("studio_id", "game_id", "session_id"), "String")
_json = msgspec.json.Encoder()


def chunks(keys: Iterable[SessionKey], most: int = KEYS_PER_QUERY) -> Iterator[list[SessionKey]]:
    """The keys in lists short enough for one query."""
    some: list[SessionKey] = []
    characters = 0
    for key in keys:
        characters += sum(map(len, key))
        if some and (len(some) == most or characters > KEY_CHARACTERS_PER_QUERY):
            yield some
            some, characters = [], sum(map(len, key))
        some.append(key)
    if some:
        yield some


def wanted(keys: Collection[SessionKey]) -> BesideRows:
    """The keys as the table of a query that has `(studio_id, game_id, session_id) IN wanted`."""
    return BesideRows("wanted", _KEY_COLUMNS, list(keys))


class SessionStore:
    """What the projector of one partition keeps of sessions between batches."""

    def __init__(self, client: ClickHouse) -> None:
        self._client = client

    async def parts(
        self, keys: Collection[SessionKey], partition: int | None = None
    ) -> dict[SessionKey, list[SessionFragment]]:
        """The stored parts of these sessions by partition; of one partition only where it is named."""
        found: dict[SessionKey, list[SessionFragment]] = {}
        only = "" if partition is None else " AND _partition = {partition:UInt16}"
        for some in chunks(keys):
            rows = await self._client.rows(
                _SELECT_PARTS + only + " ORDER BY _partition",
                None if partition is None else {"partition": partition},
                beside=wanted(some),
            )
            for row in rows:
                part = _part(row)
                found.setdefault(part.key, []).append(part)
        return found

    async def closed(self, keys: Collection[SessionKey]) -> set[SessionKey]:
        """Which of these sessions are closed by the word of any partition."""
        found: set[SessionKey] = set()
        for some in chunks(keys):
            rows = await self._client.rows(_SELECT_CLOSED, beside=wanted(some))
            found |= {SessionKey(*row) for row in rows}
        return found

    async def seen(
        self, partition: int, before: Mapping[SessionKey, int], since_ms: int
    ) -> dict[SessionKey, Seen]:
        """The S1 identities that sessions remember: of this partition's rows below each one's offset.

        `since_ms` is a lower bound of the sessions' arrival: it spares older days the scan.
        """
        seqs: dict[SessionKey, list[int]] = {}
        hashes: dict[SessionKey, list[tuple[int, int]]] = {}
        for bound in sorted(set(before.values())):
            parameters = {"partition": partition, "before": bound, "since": since_ms, "most": REMEMBERED_MAX}
            keys = (key for key, own in before.items() if own == bound)
            for some in chunks(keys, SEEN_KEYS_PER_QUERY):
                for select in _SELECT_SEEN:
                    for *key, found in await self._client.rows(select, parameters, beside=wanted(some)):
                        seqs.setdefault(SessionKey(*key), []).extend(
                            number for number, identity in found if not identity
                        )
                        hashes.setdefault(SessionKey(*key), []).extend(
                            (number, int(identity)) for number, identity in found if identity
                        )
        return {key: Seen(seqs.get(key, ()), hashes.get(key, ())) for key in before}

    async def write(self, parts: Collection[SessionFragment], token: str) -> None:
        """Store parts; of the same session and partition the highest version wins."""
        if parts:
            body = b"\n".join(_json.encode(_row(part)) for part in parts)
            await self._client.insert("session_parts", COLUMNS, body, form="JSONCompactEachRow", token=token)

    async def open_sessions(self, partition: int) -> dict[SessionKey, int]:
        """Every session of this partition that is not closed, and the time of its last event."""
        rows = await self._client.rows(
            "SELECT studio_id, game_id, session_id, toUnixTimestamp64Milli(last_event_at)"
            " FROM session_parts FINAL WHERE _partition = {partition:UInt16} AND closed = 0"
            " AND notEmpty(spans)",
            {"partition": partition},
        )
        return {SessionKey(studio, game, session): int(last) for studio, game, session, last in rows}

    async def watermarks(self, partition: int) -> dict[tuple[str, str], int]:
        """The largest event time of each (studio, game) in this partition."""
        rows = await self._client.rows(
            "SELECT studio_id, game_id, toUnixTimestamp64Milli(max(last_event_at)) FROM session_parts"
            " WHERE _partition = {partition:UInt16} GROUP BY studio_id, game_id",
            {"partition": partition},
        )
        return {(studio, game): int(at) for studio, game, at in rows}


def _part(row: list[Any]) -> SessionFragment:
    studio_id, game_id, session_id, partition, version, ended, closed, started, arrived, *rest = row
    counts, spans, span_events, idle_ms, *texts = rest
    runs = tuple(
        Run(start, EventId(partition, first[0], first[1]), end, EventId(partition, first[2], first[3]))
        for (start, end), first in zip(spans, span_events, strict=True)
    )
    part = SessionFragment(
        key=SessionKey(studio_id, game_id, session_id),
        partition=partition,
        version=version,
        started_at_ms=started,
        first_arrived_at_ms=arrived or None,
        event_counts=counts,
        runs=runs,
        idle_ms=idle_ms,
        ended=bool(ended),
        closed=bool(closed),
        **dict(zip(_TEXTS, texts, strict=True)),
    )
    return shortened(part)


def _row(part: SessionFragment) -> list[Any]:
    texts = [getattr(part, name) for name in _TEXTS]
    texts[_TEXTS.index("tester_handle")] = part.tester_handle or part.player_id
    return [
        *part.key,
        *texts,
        None if part.started_at_ms is None else time_text(part.started_at_ms),
        time_text(part.first_event_at_ms or 0),
        time_text(part.last_event_at_ms or 0),
        time_text(part.first_arrived_at_ms or 0),
        part.event_counts,
        [(run.start_ms, run.end_ms) for run in part.runs],
        [(run.first.offset, run.first.item, run.last.offset, run.last.item) for run in part.runs],
        part.idle_ms,
        int(part.ended),
        int(part.closed),
        part.partition,
        part.version,
    ]
