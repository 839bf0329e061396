"""What the reads of builds side by side, of a tester's journey and of forms answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from api.telemetry import answers
from api.telemetry.answers import Answer, Game, Insight, Milliseconds, Seconds, Stats
from projections.telemetry.queries import build_compare, friction_diff, journeys
from schemas.rounding import half_up, half_up_to
from schemas.telemetry.friction import FRICTION_TYPES, PRAISE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from projections.telemetry.queries import insights, sessions
    from schemas.edge import ports

BY_TAG_MAX = 1_000
Percent = Annotated[int, Meta(ge=0, le=100, description="Whole percents of the build's testers, halves up.")]


class TagInBuild(Answer, frozen=True):
    """One kind of friction in a build. `exampleSummaries`: of the most certain findings."""

    tag: str
    type: str
    testers_with_tag: int
    pct: Percent
    insight_count: int
    example_summaries: Annotated[list[str], Meta(max_length=build_compare.EXAMPLES_MAX)]


class BuildHead(Answer, frozen=True):
    """A build's analyzed sessions, counted."""

    version: str
    testers_in_batch: int
    session_count: int


class ComparedBuild(BuildHead, frozen=True):
    """A build's analyzed sessions together; zeros and null while none is."""

    first_seen: Milliseconds | None
    last_seen: Milliseconds | None
    stats: Stats
    by_tag: Annotated[
        list[TagInBuild],
        Meta(max_length=BY_TAG_MAX, description="By testersWithTag, insightCount, descending, then tag."),
    ]


class Change(Answer, frozen=True):
    """What became of one tag. `deltaPct` is `pctB - pctA`, in points."""

    kind: friction_diff.ChangeKind
    tag: str
    delta_pct: int
    pct_a: Percent
    pct_b: Percent
    testers_a: int
    testers_b: int


class Totals(Answer, frozen=True):
    """How many changes there are of each kind, the listed ones and all others."""

    resolved: int
    got_smaller: int
    carried_over: int
    got_larger: int
    introduced: int


class BuildDiff(Answer, frozen=True):
    """What became of each tag, by kind, then the largest differences first. `lowSample`: under 5 testers."""

    build_a: BuildHead
    build_b: BuildHead
    changes: Annotated[list[Change], Meta(max_length=friction_diff.CHANGES_MAX)]
    totals: Totals
    low_sample: bool


class Compared(Answer, frozen=True):
    """Two builds of a game side by side. `environment` is `all` where all were asked for."""

    game: Game
    environment: str
    build_a: ComparedBuild
    build_b: ComparedBuild
    diff: BuildDiff


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


class FormField(Answer, frozen=True):
    """One question."""

    id: str
    label: str
    kind: Literal["rating-1-5", "short-text", "long-text", "yes-no"]
    required: bool


class Form(Answer, frozen=True):
    """A feedback form. `responseCount` counts submissions, not answers."""

    id: str
    name: str
    fields: list[FormField]
    trigger_hint: str | None
    active: bool
    response_count: int


class Forms(Answer, frozen=True):
    """A game's feedback forms in the order of its definition, inactive ones too."""

    game: Game
    forms: list[Form]


def compared(
    game: ports.Game, environment: str, a: build_compare.BuildFriction, b: build_compare.BuildFriction
) -> Compared:
    """Two builds, and what became of the friction of `a` in `b`."""
    found = friction_diff.diff(_side(a), _side(b))
    return Compared(
        game=answers.game(game),
        environment=environment,
        build_a=_compared_build(a),
        build_b=_compared_build(b),
        diff=BuildDiff(
            build_a=_head(a),
            build_b=_head(b),
            changes=[
                Change(
                    kind=one.kind,
                    tag=one.tag,
                    delta_pct=one.delta_pct,
                    pct_a=one.pct_a,
                    pct_b=one.pct_b,
                    testers_a=one.testers_a,
                    testers_b=one.testers_b,
                )
                for one in found.changes
            ],
            totals=Totals(**found.totals),
            low_sample=found.low_sample,
        ),
    )


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
        insights=[answers.insight(insight) for insight in found],
        top_friction=_most_certain(found, FRICTION_TYPES),
        top_praise=_most_certain(found, PRAISE_TYPES),
    )


def _most_certain(found: Iterable[insights.Insight], types: tuple[str, ...]) -> Moment | None:
    wanted = [insight for insight in found if insight.type in types]
    if not wanted:
        return None
    top = min(wanted, key=lambda one: (-one.confidence, types.index(one.type), one.id))
    return Moment(insight_id=top.id, type=top.type, tag=top.tag, summary=top.evidence)


def _side(build: build_compare.BuildFriction) -> friction_diff.Side:
    return friction_diff.Side(build.testers, {one.tag: one.testers for one in build.tags})


def _head(build: build_compare.BuildFriction) -> BuildHead:
    return BuildHead(version=build.version, testers_in_batch=build.testers, session_count=build.sessions)


def _compared_build(build: build_compare.BuildFriction) -> ComparedBuild:
    return ComparedBuild(
        version=build.version,
        testers_in_batch=build.testers,
        session_count=build.sessions,
        first_seen=build.first_seen,
        last_seen=build.last_seen,
        stats=answers.stats(build.stats),
        by_tag=[
            TagInBuild(
                tag=one.tag,
                type=one.type,
                testers_with_tag=one.testers,
                pct=friction_diff.share_pct(one.testers, build.testers),
                insight_count=one.insights,
                example_summaries=one.examples,
            )
            for one in build.tags[:BY_TAG_MAX]
        ],
    )


def forms(game: ports.Game, counts: Mapping[str, int]) -> Forms:
    """A game's forms with how often each was answered."""
    return Forms(
        game=answers.game(game),
        forms=[
            Form(
                id=form["id"],
                name=form["name"],
                fields=[
                    FormField(
                        id=field["id"],
                        label=field["label"],
                        kind=field["kind"],
                        required=bool(field.get("required", False)),
                    )
                    for field in form["fields"]
                ],
                trigger_hint=form.get("triggerHint"),
                active=bool(form.get("active", True)),
                response_count=counts.get(form["id"], 0),
            )
            for form in game.feedback_forms
        ],
    )
