"""What the reads answer with: the reference's shapes, camelCase on the wire, and how rows become them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from schemas.telemetry.rule_summaries import narrative

if TYPE_CHECKING:
    from projections.telemetry.queries import session_rollups
    from schemas.edge import ports
    from schemas.telemetry.friction import TagCount

Milliseconds = Annotated[int, Meta(description="Unix milliseconds.", examples=[1778714850693])]
Seconds = Annotated[int, Meta(description="Whole seconds.", examples=[1754])]


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of everything that is sent."""


class Game(Answer, frozen=True):
    """A game. `userId` is the id of the studio that owns it."""

    id: str
    user_id: str
    name: str
    slug: str
    created_at: Milliseconds


class Games(Answer, frozen=True):
    """Every game of the studio."""

    games: list[Game]


class Counts(Answer, frozen=True):
    """How much a game has."""

    session_count: int
    build_count: int
    tester_count: int


class GameWithCounts(Answer, frozen=True):
    """One game and its counts."""

    game: Game
    counts: Counts


class Stats(Answer, frozen=True):
    """Seconds over sessions, wall and active."""

    total_wall_sec: int
    total_active_sec: int
    avg_wall_sec: int
    avg_active_sec: int
    median_wall_sec: int
    median_active_sec: int
    engagement_rate: float


class BuildRollup(Answer, frozen=True):
    """A build's sessions together. Where it has none in the environment asked for: zeros and null."""

    version: str
    session_count: int
    unique_devices: int
    first_seen: Milliseconds | None
    last_seen: Milliseconds | None
    stats: Stats
    sample_country: str | None


class Summary(Answer, frozen=True):
    """The last that a model wrote."""

    narrative: str
    generated_at: Milliseconds
    model_id: str
    based_on_sessions: int


class RuleSummary(Answer, frozen=True):
    """What rules say of the sessions: how much was played, and most testers' friction and praise."""

    narrative: str


class Build(Answer, frozen=True):
    """A build of a game. `summary` is null until one exists."""

    game: Game
    rollup: BuildRollup
    summary: Summary | None
    rule_summary: RuleSummary


class HeatmapCell(Answer, frozen=True):
    """A cell that has points; 1 is the densest of its room."""

    x: Annotated[int, Meta(ge=0, le=31)]
    y: Annotated[int, Meta(ge=0, le=17)]
    intensity: Annotated[float, Meta(gt=0, le=1)]


class HeatmapBounds(Answer, frozen=True):
    """Least and greatest coordinates of a room's points."""

    x_min: float
    x_max: float
    y_min: float
    y_max: float


class HeatmapRoom(Answer, frozen=True):
    """One room's grid; only cells with points are listed, densest first."""

    room: str
    cells_x: int
    cells_y: int
    cells: list[HeatmapCell]
    total_events: int
    bounds: HeatmapBounds


class Heatmap(Answer, frozen=True):
    """The twelve rooms with most points. `eventCount` counts the points of all rooms."""

    game: Game
    rooms: Annotated[list[HeatmapRoom], Meta(max_length=12)]
    event_count: int


class EventCounts(Answer, frozen=True):
    """How often each event name occurred, over sessions."""

    game: Game
    session_count: int
    total: int
    by_name: Annotated[
        dict[str, int],
        Meta(description="The 1,000 most frequent names, most frequent first; the rest is `(other)`."),
    ]
    top: Annotated[list[tuple[str, int]], Meta(description="The 50 most frequent names.", max_length=50)]


def game(found: ports.Game) -> Game:
    """A game as answered."""
    return Game(
        id=found.id,
        user_id=found.studio_id,
        name=found.name,
        slug=found.slug,
        created_at=found.created_at_ms,
    )


def stats(found: session_rollups.Stats) -> Stats:
    """Statistics as answered."""
    return Stats(
        total_wall_sec=found.total_wall,
        total_active_sec=found.total_active,
        avg_wall_sec=found.avg_wall,
        avg_active_sec=found.avg_active,
        median_wall_sec=found.median_wall,
        median_active_sec=found.median_active,
        engagement_rate=found.engagement_rate,
    )


def rule_summary(found: session_rollups.Rollup, counts: list[TagCount]) -> RuleSummary:
    """The rule text of sessions together."""
    return RuleSummary(narrative=narrative(found.sessions, found.devices, found.active_ms, counts))
