"""What an ended batch holds, as arrays: repeats, what its sessions gain, the bodies to insert. No I/O.

Everything here is a function of the batch's rows and of the sessions' state before it. Columns at a time: a
batch has tens of thousands of rows, and a Python statement for each would cost more than ClickHouse does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from projections.telemetry.active_time import certainly_fit, events_by_session, runs_by_session
from projections.telemetry.session_key import SessionKey
from projections.telemetry.sessions import (
    POSITION_EVENT,
    Due,
    SessionFragment,
    at_version,
    close,
    count,
    describe,
    is_over,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from projections.telemetry.columns import Columns
    from projections.telemetry.identities import Seen
    from projections.telemetry.rows import Rows

MINUTE_MS = 60_000


class _Moments(NamedTuple):
    """Happenings that count for sessions, one a place: kept rows and points of the three tables together."""

    session: NDArray[np.int64]
    tenant: NDArray[np.int64]
    name: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    arrived_ms: NDArray[np.int64]
    offset: NDArray[np.int64]
    item: NDArray[np.int64]


class InsertBatch:
    """The rows of one batch of one partition, ready to be folded and inserted."""

    def __init__(self, rows: Rows, partition: int) -> None:
        self._rows = rows
        self._partition = partition
        self._tenants: dict[tuple[str, str], int] = {}
        self._codes: dict[SessionKey, int] = {}
        self._session = {
            table.table: self._session_codes(table)
            for table in (rows.events, rows.positions, rows.funnel_steps)
        }
        for key in rows.descriptions:
            self._codes.setdefault(key, len(self._codes))
        self._keep = {
            "events": np.ones(rows.events.rows, dtype=bool),
            "positions": np.ones(rows.positions.rows, dtype=bool),
        }
        self._points = np.frombuffer(rows.points, dtype=np.int64)
        self._point_times = _interpolate(
            rows.positions.numbers("occurred_at"), np.frombuffer(rows.ends, dtype=np.int64), self._points
        )
        self._moments: _Moments | None = None
        self._names: list[str] = []
        self.repeats = 0
        """How many S1 rows were dropped as repeats."""

    @property
    def sessions(self) -> list[SessionKey]:
        """Every session that has an event or a description in the batch."""
        return list(self._codes)

    @property
    def sessions_with_identities(self) -> set[SessionKey]:
        """The sessions whose events may be repeats."""
        return {row.key for row in self._rows.s1_rows}

    def drop_repeats(self, seen: Mapping[SessionKey, Seen]) -> None:
        """Leave out S1 rows that their session has seen, and remember the others in `seen`. Once, first."""
        for row in self._rows.s1_rows:
            if not seen[row.key].add(row.seq, row.identity, row.at_ms):
                self._keep["positions" if row.positions else "events"][row.row] = False
                self.repeats += 1

    def fold(
        self,
        parts: Mapping[SessionKey, SessionFragment],
        dues: Mapping[SessionKey, Sequence[Due]],
        last_offset: int,
    ) -> dict[SessionKey, SessionFragment]:
        """The sessions the batch changes, as of `last_offset`. `parts` has every session of batch and dues.

        What a part has folded in before (offset below its version) is left out.
        """
        moments, names = self._all()
        keys = list(self._codes)
        versions = np.array([parts[key].version for key in keys], dtype=np.int64)
        new = moments.offset >= versions[moments.session] if keys else np.zeros(0, dtype=bool)
        session, at_ms, offset = moments.session[new], moments.at_ms[new], moments.offset[new]
        runs = runs_by_session(self._partition, session, at_ms, offset, moments.item[new])
        many = [code for code, own in runs.items() if not certainly_fit(parts[keys[code]].runs, own)]
        if many:
            runs |= events_by_session(self._partition, session, at_ms, offset, moments.item[new], codes=many)
        counts: dict[int, dict[str, int]] = {}
        pairs, times = _count(session * max(len(names), 1) + moments.name[new], len(keys) * len(names))
        for pair, found in zip(pairs.tolist(), times.tolist(), strict=True):
            counts.setdefault(pair // len(names), {})[names[pair % len(names)]] = found
        changed: dict[SessionKey, SessionFragment] = {}
        touched = [*keys, *(key for key in dues if key not in self._codes)]
        for key in touched:
            before = parts[key]
            code = self._codes.get(key, -1)
            part = before
            for said in self._rows.descriptions.get(key, ()):
                part = describe(part, said)
            part = count(part, counts.get(code, {}), runs.get(code, ()))
            for due in dues.get(key, ()):
                earlier = at_ms[(session == code) & (offset < due.offset)].tolist() if code >= 0 else []
                last_ms = max([*earlier, *_known(before.last_event_at_ms)], default=None)
                if due.offset >= before.version and is_over(last_ms, due.watermark_ms):
                    part = close(part)
            if part is not before:
                changed[key] = at_version(part, last_offset)
        return changed

    def watermarks(self) -> dict[tuple[str, str], tuple[int, int]]:
        """For each (studio, game): the largest event time, never ahead of its arrival; the latest arrival."""
        moments, _ = self._all()
        reached = np.minimum(moments.at_ms, moments.arrived_ms)
        found = {}
        for tenant, code in self._tenants.items():
            own = moments.tenant == code
            if own.any():
                found[tenant] = int(reached[own].max()), int(moments.arrived_ms[own].max())
        return found

    def per_minute(self) -> dict[tuple[str, str], dict[int, int]]:
        """For each (studio, game): how many happenings arrived in each minute (unix minutes)."""
        moments, _ = self._all()
        found: dict[tuple[str, str], dict[int, int]] = {}
        if not len(moments.tenant):
            return found
        tenants = list(self._tenants)
        minute = moments.arrived_ms // MINUTE_MS
        first, width = int(minute.min()), int(minute.max() - minute.min()) + 1
        pairs, times = _count(moments.tenant * width + (minute - first), len(tenants) * width)
        for pair, events in zip(pairs.tolist(), times.tolist(), strict=True):
            found.setdefault(tenants[pair // width], {})[first + pair % width] = events
        return found

    def bodies(self, after: Mapping[str, int]) -> list[tuple[str, list[str], bytes, int]]:
        """Table, columns, Arrow stream and number of rows of each table that gets rows, in a fixed order.

        `after` names, for each table, the highest offset that its own rows show: those rows are left out.
        """
        rows = self._rows
        found = []
        for table in (
            rows.events,
            rows.positions,
            rows.funnel_steps,
            rows.performance,
            rows.players,
            rows.feedback,
            rows.models,
            rows.messages,
        ):
            keep = self._keep.get(table.table, np.ones(table.rows, dtype=bool))
            highest = after.get(table.table, -1)
            if highest >= 0:
                keep = keep & (table.offsets > highest)
            chosen = np.flatnonzero(keep)
            extra: dict[str, Any] = {}
            if table is rows.positions:
                chosen, extra = self._positions(keep, chosen)
            if len(chosen):
                all_rows = len(chosen) == table.rows and not extra
                body = table.body(self._partition, None if all_rows else chosen, extra)
                found.append((table.table, table.columns_of_body(list(extra)), body, len(chosen)))
        return found

    def _positions(
        self, keep: NDArray[np.bool_], chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], dict[str, Any]]:
        points = self._points[chosen]
        kept_points = np.repeat(keep, self._points)
        places = np.frombuffer(self._rows.coordinates, dtype=np.float64).reshape(-1, 3)[kept_points]
        return np.repeat(chosen, points), {
            "x": places[:, 0],
            "y": places[:, 1],
            "z": places[:, 2],
            "occurred_at": self._point_times[kept_points],
            "_point": _ordinals(points).astype(np.uint32),
        }

    def _session_codes(self, table: Columns) -> NDArray[np.int64]:
        """A code for each row's session, in the order of the batch's sessions."""
        tenant = table.tenants(self._tenants)
        local, texts = table.coded("session_id")
        pair = tenant * len(texts) + local
        tenants = list(self._tenants)
        present = np.zeros(len(tenants) * len(texts), dtype=bool)
        present[pair] = True
        lookup = np.zeros(len(present), dtype=np.int64)
        for found in np.flatnonzero(present).tolist():
            studio_id, game_id = tenants[found // len(texts)]
            key = SessionKey(studio_id, game_id, texts[found % len(texts)])
            lookup[found] = self._codes.setdefault(key, len(self._codes))
        return lookup[pair] if len(pair) else pair

    def _all(self) -> tuple[_Moments, list[str]]:
        if self._moments is None:
            self._moments = self._gather()
        return self._moments, self._names

    def _gather(self) -> _Moments:
        rows = self._rows
        names: dict[str, int] = {POSITION_EVENT: 0}
        columns: list[list[NDArray[np.int64]]] = []
        for table, column in ((rows.events, "event_name"), (rows.funnel_steps, "step_name")):
            local, texts = table.coded(column)
            lookup = np.array([names.setdefault(text, len(names)) for text in texts], dtype=np.int64)
            keep = self._keep.get(table.table, slice(None))
            moments = (
                self._session[table.table],
                table.tenants(self._tenants),
                lookup[local] if len(local) else local,
                table.numbers("occurred_at"),
                table.arrivals,
                table.offsets,
                table.numbers("_index"),
            )
            columns.append([values[keep] for values in moments])
        table = rows.positions
        shared = (
            self._session["positions"],
            table.tenants(self._tenants),
            np.zeros(table.rows, dtype=np.int64),
            table.arrivals,
            table.offsets,
            table.numbers("_index"),
        )
        kept_points = np.repeat(self._keep["positions"], self._points)
        session, tenant, name, arrived, offset, index = (
            np.repeat(values, self._points)[kept_points] for values in shared
        )
        columns.append([session, tenant, name, self._point_times[kept_points], arrived, offset, index])
        self._names = list(names)
        return _Moments(*(np.concatenate(values) for values in zip(*columns, strict=True)))


def _interpolate(
    starts: NDArray[np.int64], ends: NDArray[np.int64], points: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The time of each point: evenly from start to end, in whole milliseconds; one point at the start."""
    steps = np.repeat(np.maximum(points - 1, 1), points)
    since = np.repeat(ends - starts, points) * _ordinals(points) // steps
    times: NDArray[np.int64] = np.repeat(starts, points) + since
    return times


def _ordinals(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2… within each trajectory."""
    total = int(points.sum())
    return np.arange(total, dtype=np.int64) - np.repeat(np.cumsum(points) - points, points)


def _count(codes: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different codes below `size`, and how often each occurs."""
    if size <= 4 * len(codes) + 1024:
        times = np.bincount(codes, minlength=1)
        present = np.flatnonzero(times)
        return present, times[present]
    present, times = np.unique(codes, return_counts=True)
    return present, times


def _known(value: int | None) -> list[int]:
    return [] if value is None else [value]
