"""A/B experiments: what a definition says of one, and its life, as they are stored and read.

Source: the analytics contract, "Experiments". The definition is part of its game's settings; the life
(status, runs, winner) is decided by commands and travels in events of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

Status = Literal["draft", "running", "stopped", "deleted"]
"""`deleted`: left out of its game's file. Its id never comes back."""
NO_WINNER: Final = "none"
"""What `winner` calls no winner: no variant has this key."""
VARIANTS_MAX: Final = 8
RUNS_MAX: Final = 1000
"""Times that one experiment may be started and resumed."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """What some of the players get; `allocation` is a percentage of up to 2 decimals."""

    key: str
    name: str
    allocation: float


class Audience(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who takes part: all that is given must hold; None and empty are not given."""

    id: str
    name: str
    min_build: str | None = None
    max_build: str | None = None
    builds: list[str] = []
    device_ids: list[str] = []


class ExperimentDefinition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An experiment as its game's settings hold it, in `definition["experiments"]`."""

    id: str
    name: str
    salt: str
    variants: list[Variant]
    audience_id: str | None = None
    coverage: float = 100.0
    pins: dict[str, str] = {}
    """Variant key by device id."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """From when to when it ran, unix milliseconds; None while it does."""

    started_at_ms: int
    stopped_at_ms: int | None = None


class ExperimentLife(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an experiment so far. NOTE: stored in events."""

    id: str
    game_id: str
    status: Status
    created_at_ms: int
    runs: list[Run] = []
    """Oldest first; none in a draft."""
    winner: str = ""
    """Variant key; empty for none."""

    @property
    def started_at_ms(self) -> int | None:
        """The first start; None for a draft."""
        return self.runs[0].started_at_ms if self.runs else None

    @property
    def stopped_at_ms(self) -> int | None:
        """The latest stop; None while it runs, and for a draft."""
        return self.runs[-1].stopped_at_ms if self.runs else None


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence about a variant."""

    key: str
    headline: str


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Praise's share of a variant's findings, minus the baseline's; None where either has none."""

    key: str
    delta: float | None


class DigestText(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a digest says."""

    recommendation: str
    per_variant: list[Headline]
    shared_themes: list[str]
    sentiment_shift: list[Shift]


class Digest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A text about a comparison, made once. `degraded`: by rules, without a model. NOTE: stored in events."""

    status: Literal["ok", "degraded"]
    confidence_label: Literal["strong", "leaning", "inconclusive"]
    generated_at: int
    model_id: str | None
    digest: DigestText


def experiments_of(definition: Mapping[str, Any]) -> list[ExperimentDefinition]:
    """The experiments of a game's `definition`, in the file's order."""
    return msgspec.convert(definition.get("experiments", []), list[ExperimentDefinition])


def audiences_of(definition: Mapping[str, Any]) -> dict[str, Audience]:
    """The audiences of a game's `definition` by id."""
    found: Iterable[Audience] = msgspec.convert(definition.get("audiences", []), list[Audience])
    return {audience.id: audience for audience in found}
