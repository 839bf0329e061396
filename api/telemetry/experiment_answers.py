"""What the reads about experiments answer with, and how rows and figures become it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from api.telemetry.answers import Answer, Game, Milliseconds
from api.telemetry.answers import game as game_answer
from schemas.studio.experiments import Digest, Variant, audiences_of, experiments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries import comparison as figures
    from projections.telemetry.queries.statistics import Srm
    from schemas.edge import ports
    from schemas.studio.experiments import ExperimentDefinition, ExperimentLife
    from schemas.telemetry import friction

Share = Annotated[float, Meta(ge=0, le=1)]


class ExperimentRow(Answer, frozen=True):
    """An experiment. `startedAt` is its first start, `stoppedAt` its latest stop: null while it runs."""

    id: str
    name: str
    status: Literal["draft", "running", "stopped"]
    variants: Annotated[list[Variant], Meta(description="The first is the baseline; percentages.")]
    audience_id: str | None
    audience_name: Annotated[str | None, Meta(description="Null where all players are meant.")]
    coverage: Annotated[float, Meta(description="Percentage of the audience that takes part.")]
    winner_variant_key: str | None
    created_at: Milliseconds
    started_at: Milliseconds | None
    stopped_at: Milliseconds | None


class Experiments(Answer, frozen=True):
    """Every experiment of a game that is not deleted."""

    game: Game
    experiments: list[ExperimentRow]


class RetentionDay(Answer, frozen=True):
    """Who came back from `day` to `day` + 1 days after the exposure, of those whose time for it is over."""

    day: int
    eligible: int
    retained: int
    rate: Annotated[float | None, Meta(description="4 places; null where no device is eligible.")]


class Cluster(Answer, frozen=True):
    """Findings of one type in one place; `count` is how many testers had one."""

    type: str
    tag: str
    count: int


class VariantComparison(Answer, frozen=True):
    """One variant's figures."""

    key: str
    name: str
    allocation: float
    session_count: int
    exposures: Annotated[int, Meta(description="Devices with a session that counts.")]
    retention: list[RetentionDay]
    engagement_pct: Annotated[float, Meta(description="Active of wall time of ended sessions, 2 places.")]
    crash_rate: Annotated[Share, Meta(description="Share of ended sessions with a crash, 4 places.")]
    top_friction: list[Cluster]
    top_praise: list[Cluster]
    sample_quotes: list[str]


class SampleRatio(Answer, frozen=True):
    """Whether exposures fit the allocations: `mismatch` at p < 0.001, `insufficient` under 100 exposures."""

    status: Literal["ok", "mismatch", "insufficient"]
    chi_square: float | None
    p_value: float | None


class RejectedTags(Answer, frozen=True):
    """Sessions whose tag does not count, by reason."""

    not_running: int
    not_in_audience: int
    wrong_variant: int
    pinned: int


class Compared(Answer, frozen=True):
    """The variants side by side, as of `generatedAt`."""

    experiment_id: str
    game_id: str
    generated_at: Milliseconds
    variants: list[VariantComparison]
    srm: SampleRatio
    rejected_tags: RejectedTags


class ComparisonAnswer(Answer, frozen=True):
    """An experiment's comparison, and the last text about it; `degraded` is one of rules, without a model."""

    comparison: Compared
    digest: Annotated[Digest | None, Meta(description="Null until one is made.")]


def experiments(game: ports.Game, lives: Sequence[ExperimentLife]) -> Experiments:
    """Newest first, then by id, as the lives come."""
    defined = {one.id: one for one in experiments_of(game.definition)}
    audiences = audiences_of(game.definition)
    rows = []
    for life in lives:
        definition = defined.get(life.id)
        if definition is None or life.status == "deleted":
            continue
        audience = audiences.get(definition.audience_id or "")
        row = ExperimentRow(
            id=life.id,
            name=definition.name,
            status=life.status,
            variants=definition.variants,
            audience_id=definition.audience_id,
            audience_name=audience.name if audience is not None else None,
            coverage=definition.coverage,
            winner_variant_key=life.winner or None,
            created_at=life.created_at_ms,
            started_at=life.started_at_ms,
            stopped_at=life.stopped_at_ms,
        )
        rows.append(row)
    return Experiments(game=game_answer(game), experiments=rows)


def comparison(
    life: ExperimentLife,
    definition: ExperimentDefinition,
    found: figures.Comparison,
    ratio: Srm,
    digest: Digest | None,
) -> ComparisonAnswer:
    """The figures with the definition's names."""
    variants = [
        VariantComparison(
            key=variant.key,
            name=variant.name,
            allocation=variant.allocation,
            session_count=one.sessions,
            exposures=one.exposures,
            retention=[
                RetentionDay(day=day.day, eligible=day.eligible, retained=day.retained, rate=day.rate)
                for day in one.retention
            ],
            engagement_pct=one.engagement,
            crash_rate=one.crash_rate,
            top_friction=_clusters(one.friction),
            top_praise=_clusters(one.praise),
            sample_quotes=one.quotes,
        )
        for variant, one in zip(definition.variants, found.variants, strict=True)
    ]
    rejected = found.rejected
    return ComparisonAnswer(
        comparison=Compared(
            experiment_id=life.id,
            game_id=life.game_id,
            generated_at=found.generated_at_ms,
            variants=variants,
            srm=SampleRatio(status=ratio.status, chi_square=ratio.chi_square, p_value=ratio.p_value),
            rejected_tags=RejectedTags(
                not_running=rejected["notRunning"],
                not_in_audience=rejected["notInAudience"],
                wrong_variant=rejected["wrongVariant"],
                pinned=rejected["pinned"],
            ),
        ),
        digest=digest,
    )


def _clusters(found: list[friction.Cluster]) -> list[Cluster]:
    return [Cluster(type=one.type, tag=one.tag, count=one.count) for one in found]
