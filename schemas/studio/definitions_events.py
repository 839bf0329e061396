"""The `events` section of a game's definition: competitions, their windows, scores, rewards and lobbies.

Source: the live-ops contract, "Event definition, by example". Shapes here; `event_problems` checks meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.fleet.arguments import Unbalanced, words
from schemas.fleet.bodies import Arguments, Seconds, Version
from schemas.fleet.sizes import ComputeSize, Region
from schemas.studio.definition_shape import TIME_FORMAT
from schemas.studio.formulas import METRIC_PATTERN, RESERVED_NAMES, formula_problem
from schemas.studio.yaml_source import Path

KEY_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z"
TRIGGER_PATTERN: Final = r"^(?:completed|rank <= [1-9][0-9]{0,6}|score >= -?[0-9]{1,15}(?:\.[0-9]{1,6})?)\Z"

Key = Annotated[
    str,
    Meta(
        pattern=KEY_PATTERN,
        description="1 to 64 of letters, digits, `_`, `.` and `-`, the first a letter or digit",
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Time = Annotated[
    datetime,
    Meta(
        description="a time such as 2026-01-05T00:00:00Z; without a zone it is UTC",
        extra_json_schema={"format": TIME_FORMAT},
    ),
]
MetricName = Annotated[
    str,
    Meta(
        pattern=METRIC_PATTERN,
        description="1 to 64 of letters, digits and `_`, the first no digit",
    ),
]
Positive = Annotated[float, Meta(gt=0, le=1e15)]
Quantity = Annotated[int, Meta(ge=1, le=10**15)]


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of every part of a definition: camelCase in the file, unknown fields refused."""


class Window(Section, frozen=True, kw_only=True):
    """When an event runs: once (startsAt, endsAt), by the calendar (every), or every so many seconds."""

    starts_at: Time | None = None
    ends_at: Time | None = None
    every: Literal["hour", "day", "week", "month"] | None = None
    seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] | None = None
    from_: Time | None = msgspec.field(default=None, name="from")


class Target(Section, frozen=True, kw_only=True):
    """Reaching `value` of `metric` completes an attempt."""

    metric: str
    value: Positive


class MetricLimits(Section, frozen=True, kw_only=True):
    """Plausibility limits of one metric; none by default."""

    max_per_call: Positive | None = None
    max_per_minute: Positive | None = None


class Entry(Section, frozen=True, kw_only=True):
    """So many of an item or a currency of the game's catalog."""

    type: Literal["item", "currency"]
    key: Key
    quantity: Quantity


class CrateRow(Section, frozen=True, kw_only=True):
    """One line of a crate's table: drawn with probability weight / sum of weights."""

    weight: Annotated[float, Meta(gt=0, le=1e9)]
    entries: Annotated[list[Entry], Meta(min_length=1, max_length=50)]


class Crate(Section, frozen=True, kw_only=True):
    """A weighted table, rolled once when opened."""

    table: Annotated[list[CrateRow], Meta(min_length=1, max_length=200)]


class Reward(Section, frozen=True, kw_only=True):
    """What a trigger gives: entries, or a crate. Triggers: `completed`, `rank <= 10`, `score >= 500`."""

    trigger: Annotated[
        str,
        Meta(
            pattern=TRIGGER_PATTERN,
            description="`completed`, `rank <= N` (N from 1 to 9999999) or `score >= X` (at most 6 decimals)",
        ),
    ]
    entries: Annotated[list[Entry], Meta(min_length=1, max_length=50)] | None = None
    crate: Crate | None = None


class Bots(Section, frozen=True, kw_only=True):
    """Fill a lobby's empty places with bots that score `perMinute`."""

    per_minute: Positive


class LobbyServer(Section, frozen=True, kw_only=True):
    """A game server for each lobby: it is asked for when the lobby turns active, and ends with the lobby.

    What is left out is as a start of S5 without it: the newest ready build, the plan's ttl.
    """

    region: Region
    compute_size: ComputeSize
    version_tag: Name | None = None
    version: Version | None = None
    startup_args: Arguments | None = None
    ttl: Seconds | None = None
    auto_restart: bool = False


class Matchmaking(Section, frozen=True, kw_only=True):
    """Lobbies of `size`; after `fillSeconds` one starts with `minPlayers` or closes."""

    size: Annotated[int, Meta(ge=2, le=1000)]
    min_players: Annotated[int, Meta(ge=1, le=1000)] = 1
    fill_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 30
    bots: Bots | None = None
    server: LobbyServer | UnsetType = UNSET
    """Left out of what is encoded where there is none: definitions without it keep their hashes."""


class EventDefinition(Section, frozen=True, kw_only=True):
    """One competition of a game."""

    event_key: Key
    name: Name
    mode: Literal["global", "grouped", "segmented"]
    window: Window
    metrics: Annotated[dict[MetricName, MetricLimits], Meta(min_length=1, max_length=32)]
    score_formula: str
    target: Target | None = None
    keep: Literal["best", "last", "sum"] = "best"
    order: Literal["desc", "asc"] = "desc"
    group_size: Annotated[int, Meta(ge=2, le=10_000)] | None = None
    segment_by: Key | None = None
    attempt_cap: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    rewards: Annotated[list[Reward], Meta(max_length=50)] = []
    matchmaking: Matchmaking | None = None


Finding = tuple[Path, str]
"""Where below the event, and what is wrong there."""


def event_problems(event: EventDefinition, items: set[str], currencies: set[str]) -> Iterator[Finding]:
    """What the shapes alone don't say. `items` and `currencies` are the keys of the game's catalog. Pure."""
    yield from _mode_problems(event)
    yield from _window_problems(event.window)
    for metric in event.metrics:
        if metric in RESERVED_NAMES:
            yield ("metrics", metric), "is a word that formulas keep for themselves"
    if event.target is not None and event.target.metric not in event.metrics:
        yield ("target", "metric"), f"{event.target.metric} is not one of the event's metrics"
    problem = formula_problem(event.score_formula, event.metrics)
    if problem is not None:
        yield ("scoreFormula",), problem
    if event.matchmaking is not None and event.matchmaking.min_players > event.matchmaking.size:
        yield ("matchmaking", "minPlayers"), "is larger than size"
    yield from _server_problems(event.matchmaking)
    for index, reward in enumerate(event.rewards):
        for path, message in _reward_problems(event, reward, items, currencies):
            yield ("rewards", index, *path), message


def _server_problems(matchmaking: Matchmaking | None) -> Iterator[Finding]:
    if matchmaking is None or not matchmaking.server or matchmaking.server.startup_args is None:
        return
    try:
        words(matchmaking.server.startup_args)
    except Unbalanced as error:
        yield ("matchmaking", "server", "startupArgs"), str(error)


def _mode_problems(event: EventDefinition) -> Iterator[Finding]:
    if (event.mode == "grouped") != (event.group_size is not None):
        yield ("groupSize",), "is needed in mode grouped, and only there"
    if (event.mode == "segmented") != (event.segment_by is not None):
        yield ("segmentBy",), "is needed in mode segmented, and only there"


def _window_problems(window: Window) -> Iterator[Finding]:
    once = window.starts_at is not None or window.ends_at is not None
    if sum((once, window.every is not None, window.seconds is not None)) != 1:
        yield ("window",), "needs exactly one of: startsAt with endsAt, every, seconds"
        return
    if once:
        if window.starts_at is None or window.ends_at is None:
            yield ("window",), "startsAt and endsAt go together"
        elif utc(window.starts_at) >= utc(window.ends_at):
            yield ("window", "endsAt"), "is not after startsAt"
        if window.from_ is not None:
            yield ("window", "from"), "belongs to every and seconds"


def utc(time: datetime) -> datetime:
    """The time in UTC; one without a zone is UTC already (common contract)."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _reward_problems(
    event: EventDefinition, reward: Reward, items: set[str], currencies: set[str]
) -> Iterator[Finding]:
    if (reward.entries is None) == (reward.crate is None):
        yield (), "needs either entries or a crate"
    if reward.trigger == "completed" and event.target is None:
        yield ("trigger",), "an event without a target is never completed: use `rank <= N` or `score >= N`"
    yield from _entry_problems(("entries",), reward.entries or [], items, currencies)
    for index, row in enumerate(reward.crate.table if reward.crate else []):
        yield from _entry_problems(("crate", "table", index, "entries"), row.entries, items, currencies)


def _entry_problems(
    path: Path, entries: list[Entry], items: set[str], currencies: set[str]
) -> Iterator[Finding]:
    for index, entry in enumerate(entries):
        if entry.key not in (items if entry.type == "item" else currencies):
            yield (*path, index, "key"), f"the catalog has no {entry.type} {entry.key}"


TRIGGER_RANK: Final = re.compile(r"^rank <= (\d+)\Z")
TRIGGER_SCORE: Final = re.compile(r"^score >= (-?[\d.]+)$")
