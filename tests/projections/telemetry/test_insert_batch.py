"""Rows and sessions of batches, without a store: any grouping of the same log gives the same sessions."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.telemetry.columns import Origin
from projections.telemetry.identities import Seen
from projections.telemetry.insert_batch import InsertBatch
from projections.telemetry.rows import Rows
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import Due, SessionFragment
from tests.projections.telemetry.support import (
    GAME,
    MINUTE,
    SECOND,
    START_MS,
    STUDIO,
    funnel,
    gameplay,
    player,
    s1,
    s4,
    trajectory,
)

if TYPE_CHECKING:
    from schemas.telemetry.record import TelemetryEntry


class Projected:
    """What a worker knows after some batches."""

    def __init__(self) -> None:
        self.sessions: dict[SessionKey, SessionFragment] = {}
        self.seen: dict[SessionKey, Seen] = {}
        self.rows: Counter[str] = Counter()
        self.bytes = 0

    def batch(self, records: list[tuple[int, list[TelemetryEntry], list[Due]]]) -> None:
        rows = Rows()
        dues: dict[SessionKey, list[Due]] = {}
        for offset, entries, found in records:
            item = 0
            for entry in entries:
                item += rows.add(Origin(STUDIO, GAME, START_MS + offset, offset), item, entry)
            for due in found:
                dues.setdefault(SessionKey(STUDIO, GAME, "s1"), []).append(due)
        facts = InsertBatch(rows, 0)
        for key in facts.sessions_with_identities:
            self.seen.setdefault(key, Seen())
        facts.drop_repeats(self.seen)
        for key in {*facts.sessions, *dues}:
            self.sessions.setdefault(key, SessionFragment(key=key, partition=0))
        self.sessions |= facts.fold(self.sessions, dues, records[-1][0])
        for table, _columns, _body, count in facts.bodies({}):
            self.rows[table] += count

    def without_versions(self) -> dict[SessionKey, Any]:
        import msgspec  # noqa: PLC0415 - only here

        known = {key: part for key, part in self.sessions.items() if part.version}
        return {key: msgspec.structs.replace(part, version=0) for key, part in known.items()}


moments = st.integers(0, 300).map(lambda second: START_MS + second * SECOND)
names = st.sampled_from(["s1", "s2"])
items = st.one_of(
    st.builds(lambda at, session: gameplay(at, session=session), moments, names),
    st.builds(
        lambda at, seconds, points, session: trajectory(at, at + seconds * SECOND, points, session=session),
        moments,
        st.integers(0, 200),
        st.integers(0, 4),
        names,
    ),
    st.builds(lambda at, session: funnel(at, session=session), moments, names),
    st.builds(player, moments),
)
s1_events = st.fixed_dictionaries(
    {"name": st.sampled_from(["player_pos", "note"]), "t": moments},
    optional={"seq": st.integers(0, 9), "x": st.just(1.0), "y": st.just(2.5), "room": st.just("hall")},
)
entries = st.one_of(
    st.lists(items, min_size=1, max_size=5).map(lambda found: s4(*found)),
    st.builds(
        lambda events, ended: s1("t1", *events, ended=ended),
        st.lists(s1_events, max_size=5),
        st.booleans(),
    ),
)
logs = st.lists(
    st.tuples(
        st.lists(entries, max_size=3),
        st.lists(st.integers(25, 40).map(lambda minutes: START_MS + minutes * MINUTE), max_size=1),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(logs, st.sets(st.integers(1, 7)))
def test_any_batches_of_the_same_log_give_the_same_sessions_and_rows(
    log: list[tuple[list[TelemetryEntry], list[int]]], marks: set[int]
) -> None:
    records = [
        (offset, found, [Due(offset, watermark) for watermark in watermarks])
        for offset, (found, watermarks) in enumerate(log)
    ]
    whole, batch, twice = Projected(), Projected(), Projected()
    whole.batch(records)
    edges = [0, *sorted(mark for mark in marks if mark < len(records)), len(records)]
    for begin, end in pairwise(edges):
        batch.batch(records[begin:end])
        twice.batch(records[begin:end])
        twice.batch(records[begin:end])  # a replay: sessions know their version
    assert batch.without_versions() == whole.without_versions()
    assert twice.without_versions() == whole.without_versions()
    assert batch.rows == whole.rows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(items, min_size=1, max_size=6), min_size=1, max_size=5))
def test_sessions_count_and_span_what_a_brute_force_reading_does(log: list[list[dict[str, Any]]]) -> None:
    projected = Projected()
    projected.batch([(offset, [s4(*found)], []) for offset, found in enumerate(log)])
    expected: dict[str, list[tuple[str, int]]] = {}
    for found in log:
        for item in found:
            expected.setdefault(item.get("session_id", ""), []).extend(happenings(item))
    expected = {session: found for session, found in expected.items() if found}
    sessions = {key.session_id: part for key, part in projected.sessions.items() if part.runs}
    assert sessions.keys() == expected.keys()
    for session, part in sessions.items():
        times = sorted(at_ms for _, at_ms in expected[session])
        assert part.event_counts == dict(Counter(name for name, _ in expected[session]))
        assert (part.first_event_at_ms, part.last_event_at_ms) == (times[0], times[-1])
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert part.active_ms == sum(gap for gap in gaps if gap <= 30 * SECOND)


def happenings(item: dict[str, Any]) -> list[tuple[str, int]]:
    """Name and time of what an item counts as, by the letter of the contract."""
    from schemas.timestamps import unix_ms  # noqa: PLC0415 - only here

    if "positions" in item:
        start, end = unix_ms(item["timestamp_start"]), unix_ms(item["timestamp_end"])
        points = len(item["positions"]) // 3
        return [
            ("player_pos", start + (end - start) * number // max(points - 1, 1)) for number in range(points)
        ]
    if item.get("event_name") == "Create_Player":
        return []
    return [(item.get("funnel_step_name") or item["event_name"], unix_ms(item["timestamp"]))]


def test_building_rows_does_not_import_pandas() -> None:
    """It comes with chDB, and would cost every worker 55 MB and a second."""
    script = (
        "import sys, msgpack\n"
        "from tests.projections.telemetry.support import *\n"
        "from projections.telemetry import columns, insert_batch, rows\n"
        "made = rows.Rows()\n"
        "batch = s1('t', {'name': 'player_pos', 't': START_MS, 'x': 1, 'y': 2})\n"
        "for part in (s4(gameplay(START_MS), trajectory(START_MS, START_MS, 3)), batch):\n"
        "    made.add(columns.Origin('s', 'g', START_MS, 0), 0, part)\n"
        "ended = insert_batch.InsertBatch(made, 0)\n"
        "assert len(ended.bodies({})) == 3\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - our own script
