"""Which failures are not the record's fault, and what an operator does about a record that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from projections.clickhouse.errors import ClickHouseAway
from projections.clickhouse.positions import GenerationChanged
from projections.redis.client import AWAY
from projections.telemetry.skip_store import SkipNeedsRebuild, SkipsChanged
from projections.telemetry.stale_worker import WorkerIsStale
from schemas.log_positions import PositionRefused, StoreRegressed
from schemas.objects import ObjectStoreError
from schemas.telemetry.noun import TELEMETRY
from streams.deciders.decider import AnotherWriter, OutOfOrder

if TYPE_CHECKING:
    from schemas.failures import Failing

ELSEWHERE: Final = (
    *AWAY,
    OSError,
    TimeoutError,
    ClickHouseAway,
    ObjectStoreError,
    # These say what is wrong with a store or with this process, and what to do.
    AnotherWriter,
    GenerationChanged,
    OutOfOrder,
    PositionRefused,
    SkipsChanged,
    StoreRegressed,
    WorkerIsStale,
)


def advice(failing: Failing) -> str:
    """What to do, as a sentence."""
    if failing.kind == SkipNeedsRebuild.__name__:
        return "It is in tables that can't give it back: `questlog rebuild clickhouse` leaves it out."
    if failing.begin < 0:
        return "It is no record that fails: look at what the error says."
    if failing.topic != TELEMETRY.name:
        return "On this topic nothing is skipped: run a release that takes the record in."
    if failing.first != failing.last:
        return (
            "No single request fails by itself: look at what the error says, and run a release that takes"
            " the records in."
        )
    return f"Run a release that takes it in, or go on without it: `{skip_command(failing)}`."


def skip_command(failing: Failing) -> str:
    """The command that skips a telemetry record."""
    part = "" if failing.index is None else f" --request {failing.index}"
    return f"questlog skip telemetry {failing.partition} {failing.first}{part}"
