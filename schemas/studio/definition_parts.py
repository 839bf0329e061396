"""What a definition file whose shape is not right yet gets wrong in those parts whose shape is. Pure.

So that all problems of a file are told at once. What a part with a wrong shape would mean is not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from schemas.studio.definitions_events import EventDefinition, Finding, event_problems
from schemas.studio.definitions_experiments import (
    AudienceSection,
    ExperimentSection,
    audience_problems,
    experiment_problems,
)
from schemas.studio.definitions_funnels import FunnelSection, funnel_problems
from schemas.studio.definitions_game import given_twice, slug_problem
from schemas.studio.yaml_source import Path

Part = TypeVar("Part")
_NAMED_BY: Final[dict[Path, str]] = {
    ("catalog", "items"): "itemKey",
    ("catalog", "currencies"): "economyKey",
    ("events",): "eventKey",
    ("feedbackForms",): "id",
    ("webhooks",): "id",
    ("batches",): "id",
    ("audiences",): "id",
    ("experiments",): "id",
    ("funnels",): "key",
}
"""Lists of a game whose entries have different names, and the field that holds an entry's."""


def part_problems(data: Any, wrong: Collection[Path]) -> Iterator[Finding]:
    """Of a file's plain data. `wrong` are the places of its problems of shape."""
    for index, game in enumerate(_entries(data, ("games",))):
        below = ("games", index)
        inner = [path[2:] for path in wrong if path[:2] == below]
        for path, message in _game_problems(game, inner):
            yield (*below, *path), message


def _game_problems(game: Any, wrong: Collection[Path]) -> Iterator[Finding]:
    slug = game.get("slug") if isinstance(game, dict) else None
    problem = slug_problem(slug) if isinstance(slug, str) and ("slug",) not in wrong else None
    if problem is not None:
        yield ("slug",), problem
    for path, field in _NAMED_BY.items():
        yield from given_twice(path, field, _names(game, path, field))
    items = _known(game, ("catalog", "items"), "itemKey")
    currencies = _known(game, ("catalog", "currencies"), "economyKey")
    audiences = _known(game, ("audiences",), "id")
    yield from _each(
        game, "events", EventDefinition, lambda event: event_problems(event, items, currencies), wrong
    )
    yield from _each(game, "audiences", AudienceSection, audience_problems, wrong)
    yield from _each(
        game, "experiments", ExperimentSection, lambda one: experiment_problems(one, audiences), wrong
    )
    yield from _each(game, "funnels", FunnelSection, funnel_problems, wrong)


def _each(
    game: Any,
    name: str,
    kind: type[Part],
    problems: Callable[[Part], Iterable[Finding]],
    wrong: Collection[Path],
) -> Iterator[Finding]:
    """The problems of those entries of a list whose shape is right."""
    for index, entry in enumerate(_entries(game, (name,))):
        if any(path[:2] == (name, index) for path in wrong):
            continue
        try:
            part = msgspec.convert(entry, kind)
        except msgspec.ValidationError:
            continue
        for path, message in problems(part):
            yield (name, index, *path), message


def _names(game: Any, path: Path, field: str) -> list[str | None]:
    """The names of a list's entries, in their order; None for an entry that has no text there."""
    found = [entry.get(field) if isinstance(entry, dict) else None for entry in _entries(game, path)]
    return [name if isinstance(name, str) else None for name in found]


def _known(game: Any, path: Path, field: str) -> set[str]:
    """The names that a list's entries have."""
    return {name for name in _names(game, path, field) if name is not None}


def _entries(data: Any, path: Path) -> list[Any]:
    """The list at a path of mappings; an empty one where there is none."""
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data if isinstance(data, list) else []
