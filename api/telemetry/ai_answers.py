"""What the reads that ask an AI answer with."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from api.telemetry.answers import Answer, Game


class Suggestion(Answer, frozen=True):
    """A fix, and the insights that it rests on."""

    title: Annotated[str, Meta(max_length=120)]
    rationale: Annotated[str, Meta(max_length=600)]
    evidence: Annotated[list[str], Meta(min_length=1)]
    confidence: Annotated[float, Meta(ge=0, le=1)]
    tag: str


class Suggestions(Answer, frozen=True, omit_defaults=True):
    """Fixes for a build's friction. `reason` says why a template's stand in for an AI's."""

    ok: Literal[True]
    mode: Literal["compare-diff", "single-build"]
    game: Game
    environment: str
    suggestions: Annotated[list[Suggestion], Meta(max_length=8)]
    source: Literal["ai", "fallback"]
    empty_input: bool
    build: str | None = None
    a: str | None = None
    b: str | None = None
    reason: Literal["ai_declined", "ai_error", "ai_budget", "ai_slow"] | None = None


class ArchetypeTester(Answer, frozen=True):
    """A tester who stands for others."""

    handle: str | None
    device_id: str
    summary: Annotated[str, Meta(max_length=280)]


class Archetype(Answer, frozen=True):
    """Testers whose summaries are alike."""

    id: str
    label: str
    tester_count: int
    common_friction_tags: list[str]
    avg_session_count: float
    avg_active_play_minutes: float
    representative_testers: list[ArchetypeTester]


class Archetypes(Answer, frozen=True, omit_defaults=True):
    """Groups of the testers analyzed last. `reason` says why there are none."""

    archetypes: Annotated[list[Archetype], Meta(max_length=12)]
    tester_count: int
    model_id: str | None
    reason: Literal["requires_byo_key", "insufficient_data", "api_error"] | None = None
