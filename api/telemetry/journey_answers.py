"""A tester's journey through a game's builds, as S1 answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from api.telemetry import answers, session_answers
from api.telemetry.answers import Answer, Milliseconds, Seconds
from api.telemetry.session_answers import Insight
from projections.telemetry.queries import journeys
from schemas.rounding import half_up, half_up_to
from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.telemetry.queries import insights, sessions
    from schemas.edge import ports


class Moment(Answer, frozen=True):
    """The finding of a session that is most certain."""

    insight_id: str
    type: str
    tag: str
    summary: str


class JourneyEntry(Answer, frozen=True):
    """One session. `insights` are at most 50 of each type, the most certain ones, newest first."""

    session_id: str
    title: str | None
    source: str
    status: str
    build: str | None
    environment: str
    recorded_at: Milliseconds
    duration: Seconds
    active_sec: Seconds
    engagement_rate: float
    insights: list[Insight]
    top_friction: Moment | None
    top_praise: Moment | None


class JourneyTester(Answer, frozen=True):
    """Who it is: the latest handle, the latest session's device, and the first of them that is there."""

    handle: str | None
    device_id: str
    identity_label: str


class JourneyGame(Answer, frozen=True):
    """The game."""

    id: str
    slug: str
    name: str


class TesterJourney(Answer, frozen=True):
    """A tester's sessions, oldest first: the newest 500. Totals and trend are of all.

    `summarySource` says whether the summary is written by rules or by an AI.
    """

    tester: JourneyTester
    game: JourneyGame
    total_sessions: int
    total_active_sec: Seconds
    engagement_trend: journeys.Trend
    entries: Annotated[list[JourneyEntry], Meta(max_length=journeys.ENTRIES_MAX)]
    summary: str
    summary_source: Literal["ai", "rules"]


class Journey(Answer, frozen=True):
    """A tester's journey."""

    journey: TesterJourney


def journey(game: ports.Game, found: journeys.Journey, summary: answers.Summary | None) -> Journey:
    """A journey with the text that a model wrote, else with that of rules."""
    handle, device_id = found.handle, found.sessions[-1].device_id
    return Journey(
        journey=TesterJourney(
            tester=JourneyTester(handle=handle, device_id=device_id, identity_label=handle or device_id),
            game=JourneyGame(id=game.id, slug=game.slug, name=game.name),
            total_sessions=found.totals.sessions,
            total_active_sec=half_up(found.totals.active_ms, 1000),
            engagement_trend=found.trend,
            entries=[_entry(session, found.insights.get(session.id, [])) for session in found.sessions],
            summary=found.summary if summary is None else summary.narrative,
            summary_source="rules" if summary is None else "ai",
        )
    )


def _entry(session: sessions.Session, found: list[insights.Insight]) -> JourneyEntry:
    return JourneyEntry(
        session_id=session.id,
        title=session.title or None,
        source=session.source,
        status=session.status,
        build=session.build or None,
        environment=session.environment,
        recorded_at=session.recorded_at,
        duration=half_up(session.wall_ms, 1000),
        active_sec=half_up(session.active_ms, 1000),
        engagement_rate=half_up_to(session.active_ms, session.wall_ms, 2),
        insights=[session_answers.insight(insight) for insight in found],
        top_friction=_most_certain(found, FRICTION_TYPES),
        top_praise=_most_certain(found, PRAISE_TYPES),
    )


def _most_certain(found: Iterable[insights.Insight], types: tuple[str, ...]) -> Moment | None:
    wanted = [insight for insight in found if insight.type in types]
    if not wanted:
        return None
    top = min(wanted, key=lambda one: (-one.confidence, types.index(one.type), one.id))
    return Moment(insight_id=top.id, type=top.type, tag=top.tag, summary=top.evidence)
