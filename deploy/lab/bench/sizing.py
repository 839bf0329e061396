"""What a deployment needs for so many players a day: measured units times a stated demand. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

DAY_S: Final = 86_400
FULL_SHARE: Final = 0.6
"""Of one Redis thread, which is planned for: what comes in bursts must not wait for more."""
GIB: Final = 1024**3


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """What one event, command and player take, as one step of `bench scale` measured it."""

    event_cpu_us: dict[str, float]
    """By kind of process (`kind_of`), wire to query."""
    command_cpu_us: dict[str, float]
    """Of a progress that moves a leaderboard, its archive included."""
    command_redis_us: float
    """Of the thread of Redis that runs the scripts."""
    command_script_us: float
    """Within scripts, by Redis' own clock: on a busy machine waits for a core count too."""
    event_log_bytes: float
    event_table_bytes: float
    command_log_bytes: float
    command_table_bytes: float
    player_redis_bytes: float


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a deployment in a day."""

    players: int = 1_000_000
    sessions_a_player: float = 2.0
    events_a_session: float = 150.0
    commands_a_session: float = 20.0
    peak: float = 3.0
    """The busiest hour's rate over the day's mean."""
    replication: int = 3
    known_players: float = 5.0
    """Players that Redis holds, for each that plays on a day."""

    @property
    def sessions(self) -> float:
        """A day."""
        return self.players * self.sessions_a_player

    @property
    def events(self) -> float:
        """A day."""
        return self.sessions * self.events_a_session

    @property
    def commands(self) -> float:
        """A day."""
        return self.sessions * self.commands_a_session

    def at_peak(self, a_day: float) -> float:
        """A second, in the busiest hour."""
        return a_day / DAY_S * self.peak


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the sizing: a unit that was measured, and what follows for the demand."""

    what: str
    measured: str
    extrapolated: str


def kind_of(part: str) -> str:
    """The kind of a part of the stack: `worker-clickhouse-2` is a `worker-clickhouse`."""
    name, _, number = part.rpartition("-")
    return name if name and number.isdigit() else part


def by_kind(used: Mapping[str, float]) -> dict[str, float]:
    """CPU by kind of process."""
    found: dict[str, float] = {}
    for part, microseconds in used.items():
        found[kind_of(part)] = found.get(kind_of(part), 0.0) + microseconds
    return found


def full_at(redis_us: float) -> float:
    """Commands a second at which one Redis has nothing left; infinite where it took nothing."""
    return 1e6 / redis_us if redis_us > 0 else math.inf


def groups_for(commands_a_second: float, redis_us: float) -> int:
    """How many groups of Redis take so many commands at `FULL_SHARE` of each, at least one."""
    return max(1, math.ceil(commands_a_second * redis_us / 1e6 / FULL_SHARE))


def needs(units: Units, demand: Demand) -> list[Need]:
    """The sizing, by kind of process, then stores."""
    events, commands = demand.at_peak(demand.events), demand.at_peak(demand.commands)
    lines = []
    for kind in sorted({*units.event_cpu_us, *units.command_cpu_us}):
        event, command = units.event_cpu_us.get(kind, 0.0), units.command_cpu_us.get(kind, 0.0)
        cores = (event * events + command * commands) / 1e6
        measured = f"{event:.2f} µs an event, {command:.0f} a command"
        lines.append(Need(what=kind, measured=measured, extrapolated=f"{cores:.1f} cores"))
    groups = groups_for(commands, units.command_redis_us)
    memory = units.player_redis_bytes * demand.players * demand.known_players
    log_event, log_command = units.event_log_bytes, units.command_log_bytes
    log = (log_event * demand.events + log_command * demand.commands) * demand.replication
    row_event, row_command = units.event_table_bytes, units.command_table_bytes
    tables = row_event * demand.events + row_command * demand.commands
    return [
        *lines,
        Need(
            what="Redis, rate",
            measured=f"full at {full_at(units.command_redis_us):,.0f} commands/s",
            extrapolated=f"{groups} of them",
        ),
        Need(
            what="Redis, memory",
            measured=f"{units.player_redis_bytes:,.0f} bytes a player",
            extrapolated=f"{memory / GIB:,.0f} GiB",
        ),
        Need(
            what="brokers, disk a day",
            measured=f"{log_event:.0f} bytes an event, {log_command:.0f} a command",
            extrapolated=f"{log / GIB:,.0f} GiB",
        ),
        Need(
            what="ClickHouse, disk a day",
            measured=f"{row_event:.0f} bytes an event, {row_command:.0f} a command",
            extrapolated=f"{tables / GIB:,.0f} GiB",
        ),
    ]
