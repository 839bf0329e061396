"""A session as one log partition knows it, folded from the partition's records. Pure and convergent.

Times, counts and runs don't depend on the order or grouping of events; descriptions follow the order of the
log; `version` names the last record folded in, so that a replayed record changes nothing. Rules:
telemetry.md, "Sessions". The parts of several partitions are joined by the view `sessions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from projections.telemetry.active_time import Run, active_ms, add_in_order, bounded, certainly_fit, merge
from projections.telemetry.rule_events import RULE_EVENTS
from projections.telemetry.session_key import SessionKey
from schemas.telemetry.deadlines import SESSION_ENDS_AFTER_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

POSITION_EVENT: Final = "player_pos"
EVENT_NAMES_MAX: Final = 1_000
"""Different names a session's counts hold beside KEPT_NAMES; further ones count under `OTHER_NAMES`."""
KEPT_NAMES: Final = frozenset({POSITION_EVENT, *RULE_EVENTS})
"""Names that are always counted by themselves: others of the contract's rules rest on them."""
OTHER_NAMES: Final = "(other)"


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What one request says about its session beside the events; empty text means that nothing was said."""

    offset: int
    player_id: str
    source: str
    build_id: str
    environment: str
    arrived_at_ms: int
    tester_handle: str = ""
    title: str = ""
    platform: str = ""
    metadata: str = ""
    experiments: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    started_at_ms: int | None = None
    ended: bool = False
    first_only: bool = False
    """Counts only where the session has no description yet (S4, whose every item would repeat it)."""


class Due(msgspec.Struct, frozen=True):
    """The timer's record at `offset`: the game's watermark was at `watermark_ms`."""

    offset: int
    watermark_ms: int


class SessionFragment(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `session_parts`. `version` is the log offset plus 1 of the last record folded in."""

    key: SessionKey
    partition: int
    version: int = 0
    player_id: str = ""
    tester_handle: str = ""
    title: str = ""
    source: str = ""
    build_id: str = ""
    environment: str = ""
    platform: str = ""
    metadata: str = ""
    experiments: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    started_at_ms: int | None = None
    first_arrived_at_ms: int | None = None
    event_counts: dict[str, int] = {}
    runs: tuple[Run, ...] = ()
    idle_ms: int = 0
    """Pauses inside runs that were joined because there were too many: no active time."""
    ended: bool = False
    closed: bool = False

    @property
    def first_event_at_ms(self) -> int | None:
        """Time of the first event; None while there is none."""
        return self.runs[0].start_ms if self.runs else None

    @property
    def last_event_at_ms(self) -> int | None:
        """Time of the last event; None while there is none."""
        return self.runs[-1].end_ms if self.runs else None

    @property
    def active_ms(self) -> int:
        """Sum of the gaps of at most 30 s between consecutive events."""
        return active_ms(self.runs) - self.idle_ms


def count(part: SessionFragment, counts: dict[str, int], runs: Iterable[Run]) -> SessionFragment:
    """Add events: how many of each name, and their runs. The caller gives each event once.

    Where runs may become too many (`certainly_fit`), each event is to be a run of its own, in the order of
    the log: what is joined then does not depend on how the log is split into batches.
    """
    if not counts:
        return part
    total = dict(part.event_counts)
    for name, times in counts.items():
        total[name] = total.get(name, 0) + times
    if len(total.keys() - KEPT_NAMES) > EVENT_NAMES_MAX:
        # The names that sort first stay: one that had to go can never come back, whatever the grouping.
        # Which are the most frequent is known to the events' own tables: `queries.event_names` asks those.
        for name in sorted(total.keys() - KEPT_NAMES - {OTHER_NAMES})[EVENT_NAMES_MAX - 1 :]:
            total[OTHER_NAMES] = total.get(OTHER_NAMES, 0) + total.pop(name)
    runs = list(runs)
    if certainly_fit(part.runs, runs):
        now, joined_ms = merge([*part.runs, *runs]), 0
    else:
        now, joined_ms = add_in_order(part.runs, runs)
    return msgspec.structs.replace(
        part, event_counts=total, runs=tuple(now), idle_ms=part.idle_ms + joined_ms
    )


def shortened(part: SessionFragment) -> SessionFragment:
    """The part with no more runs than a part may have: one from before there was a limit may have more."""
    runs, joined_ms = bounded(list(part.runs))
    return (
        msgspec.structs.replace(part, runs=tuple(runs), idle_ms=part.idle_ms + joined_ms)
        if joined_ms
        else part
    )


def joined_idle_ms(parts: Sequence[SessionFragment], runs: Iterable[Run]) -> int:
    """What to take off the length of the parts' merged runs to get the session's active time.

    Exact where at most one part has joined runs. With more, what is idle in one may be active in another:
    active time then is at least what is left of all, and at least the most active part's own.
    """
    own_ms = max((part.active_ms for part in parts), default=0)
    return min(sum(part.idle_ms for part in parts), active_ms(runs) - own_ms)


def describe(part: SessionFragment, said: Description) -> SessionFragment:
    """Take in what a request says: who, which build and which experiments by the first word."""
    if said.offset < part.version or (said.first_only and part.first_arrived_at_ms is not None):
        return part
    return msgspec.structs.replace(
        part,
        player_id=part.player_id or said.player_id,
        source=part.source or said.source,
        build_id=part.build_id or said.build_id,
        environment=part.environment or said.environment,
        tester_handle=said.tester_handle or part.tester_handle,
        title=said.title or part.title,
        platform=said.platform or part.platform,
        metadata=said.metadata or part.metadata,
        experiments=part.experiments or said.experiments,
        country=said.country or part.country,
        region=said.region or part.region,
        city=said.city or part.city,
        started_at_ms=part.started_at_ms if part.started_at_ms is not None else said.started_at_ms,
        first_arrived_at_ms=(
            part.first_arrived_at_ms if part.first_arrived_at_ms is not None else said.arrived_at_ms
        ),
        ended=part.ended or said.ended,
        closed=part.closed or said.ended,
    )


def is_over(last_event_at_ms: int | None, watermark_ms: int) -> bool:
    """Whether a session whose last event is then has ended at this watermark."""
    return last_event_at_ms is not None and watermark_ms - last_event_at_ms >= SESSION_ENDS_AFTER_MS


def close(part: SessionFragment) -> SessionFragment:
    """Close a part for good: later events still count, and change what was computed. Twice is once."""
    return part if part.closed else msgspec.structs.replace(part, closed=True)


def at_version(part: SessionFragment, offset: int) -> SessionFragment:
    """The part as of the record at `offset`."""
    return msgspec.structs.replace(part, version=max(part.version, offset + 1))
