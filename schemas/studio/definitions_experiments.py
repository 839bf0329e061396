"""The `audiences` and `experiments` sections of a game's definition.

Source: the analytics contract, "Experiments". What never changes after a start is the decider's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.identifiers import ID_CHARACTERS_MAX, NAME_CHARACTERS_MAX, id_problem
from schemas.studio.assignment import BUCKETS, hundredths
from schemas.studio.builds import build_order
from schemas.studio.definitions_events import Finding, Name, Section
from schemas.studio.experiments import NO_WINNER, VARIANTS_MAX

AUDIENCES_MAX: Final = 50
EXPERIMENTS_MAX: Final = 50
LISTED_MAX: Final = 500
"""Devices or builds of one audience, and pins of one experiment."""

AudienceId = Annotated[
    str,
    Meta(
        pattern=r"^aud_[A-Za-z0-9_-]{1,60}\Z",
        description="`aud_` and 1 to 60 of letters, digits, `_` and `-`",
    ),
]
ExperimentId = Annotated[
    str,
    Meta(
        pattern=r"^exp_[A-Za-z0-9_-]{1,60}\Z",
        description="`exp_` and 1 to 60 of letters, digits, `_` and `-`",
    ),
]
VariantKey = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}\Z", description="1 to 40 of letters, digits, `_` and `-`")
]
Salt = Annotated[
    str, Meta(pattern=r"^[!-~]{1,128}\Z", description="1 to 128 printable ASCII characters without spaces")
]
Build = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Device = Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX)]
Percentage = Annotated[float, Meta(ge=0, le=100)]


class AudienceSection(Section, frozen=True, kw_only=True):
    """One entry of `audiences`: all that is given must hold."""

    id: AudienceId
    name: Name
    min_build: Build | None = None
    max_build: Build | None = None
    builds: Annotated[list[Build], Meta(max_length=LISTED_MAX)] = []
    device_ids: Annotated[list[Device], Meta(max_length=LISTED_MAX)] = []


class VariantSection(Section, frozen=True, kw_only=True):
    """One of an experiment's variants; the first is the baseline."""

    key: VariantKey
    name: Name
    allocation: Percentage


class ExperimentSection(Section, frozen=True, kw_only=True):
    """One entry of `experiments`. Without an audience all players are meant."""

    id: ExperimentId
    name: Name
    variants: Annotated[list[VariantSection], Meta(min_length=2, max_length=VARIANTS_MAX)]
    audience_id: str | None = None
    coverage: Percentage = 100.0
    pins: Annotated[dict[Device, str], Meta(max_length=LISTED_MAX)] = {}
    salt: Salt | None = None


def audience_problems(audience: AudienceSection) -> Iterator[Finding]:
    """What the shapes alone don't say, with paths below the audience. Pure."""
    places = {}
    for field, build in (("minBuild", audience.min_build), ("maxBuild", audience.max_build)):
        if build is not None:
            places[field] = build_order(build)
            if places[field] is None:
                yield (field,), f"{build} does not begin with a number, so it has no place in the order"
    least, most = places.get("minBuild"), places.get("maxBuild")
    if least is not None and most is not None and least > most:
        yield ("maxBuild",), "comes before minBuild"
    for index, device in enumerate(audience.device_ids):
        problem = id_problem(device)
        if problem is not None:
            yield ("deviceIds", index), problem


def experiment_problems(experiment: ExperimentSection, audiences: set[str]) -> Iterator[Finding]:
    """What the shapes alone don't say, with paths below the experiment. Pure."""
    yield from _variant_problems(experiment.variants)
    keys = [variant.key for variant in experiment.variants]
    if not _two_decimals(experiment.coverage):
        yield ("coverage",), "may have at most 2 decimals"
    if experiment.audience_id is not None and experiment.audience_id not in audiences:
        yield ("audienceId",), f"the game has no audience {experiment.audience_id}"
    for device, key in experiment.pins.items():
        problem = id_problem(device)
        if problem is not None:
            yield ("pins", device), problem
        if key not in keys:
            yield ("pins", device), f"{key} is not one of the variants"


def _variant_problems(variants: list[VariantSection]) -> Iterator[Finding]:
    keys = [variant.key for variant in variants]
    for index, variant in enumerate(variants):
        path = ("variants", index)
        if variant.key in keys[:index]:
            yield (*path, "key"), f"{variant.key} is given twice"
        if variant.key == NO_WINNER:
            yield (*path, "key"), f"{NO_WINNER} is what an experiment without a winner has"
        if variant.allocation == 0:
            yield (*path, "allocation"), "must be above 0: no device would get this variant"
        if not _two_decimals(variant.allocation):
            yield (*path, "allocation"), "may have at most 2 decimals"
    total = sum(hundredths(variant.allocation) for variant in variants)
    if total != BUCKETS:
        yield ("variants",), f"the allocations add up to {Decimal(total) / 100}, not to 100"


def experiments_settings(
    audiences: list[AudienceSection], experiments: list[ExperimentSection]
) -> dict[str, Any]:
    """Both sections as they travel, each left out where it is empty; the salt is filled in."""
    salted = [msgspec.structs.replace(one, salt=one.salt or one.id) for one in experiments]
    found = {"audiences": msgspec.to_builtins(audiences), "experiments": msgspec.to_builtins(salted)}
    return {name: section for name, section in found.items() if section}


def _two_decimals(value: float) -> bool:
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -2
