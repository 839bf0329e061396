"""What the reads of builds side by side, of a tester's journey and of forms answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from api.telemetry import answers
from api.telemetry.answers import Answer, Game, Milliseconds, Stats
from projections.telemetry.queries import build_compare, friction_diff

if TYPE_CHECKING:
    from collections.abc import Mapping

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
