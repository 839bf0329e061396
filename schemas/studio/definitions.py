"""A definition file: YAML text in, one validated define command out, or every problem with line and field.

Source: the common contract, "Definitions". Applying is all or nothing, so a file is checked whole first.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.playtests.pricing import PlaytestPricing, pinned_pricing, pricing_problems
from schemas.studio.ai import AiSettings
from schemas.studio.commands import COMMANDS, DefinedGame, DefineStudio
from schemas.studio.definition_parts import part_problems
from schemas.studio.definition_shape import shape_problems
from schemas.studio.definitions_ai import AiSection, ai_problems, ai_settings
from schemas.studio.definitions_events import Name, Section
from schemas.studio.definitions_game import GameSection, Slug, game_problems, settings_of, slug_problem
from schemas.studio.yaml_source import (
    DefinitionInvalid,
    Path,
    Problem,
    Source,
    dotted,
    path_of,
    read_source,
    read_yaml,
)

GAMES_MAX: Final = 100
COMMAND_BYTES_MAX: Final = 240 * 1024
"""A definition travels as one command; a command record holds at most 256 KiB."""
PROBLEMS_MAX: Final = 100
"""So many problems are told at once."""

_POINTER: Final = re.compile(r" - at (?:`key` in )?`(\$.*?)`$")


class StudioSection(Section, frozen=True, kw_only=True):
    """Who owns the games. The slug names the studio: applying a file with it again changes that studio."""

    slug: Slug
    name: Name
    plan: Literal["free", "indie", "studio"] = "free"
    playtest_pricing: PlaytestPricing = PlaytestPricing()
    ai: AiSection | UnsetType = UNSET


class DefinitionFile(Section, frozen=True, kw_only=True):
    """The whole file."""

    studio: StudioSection
    games: Annotated[list[GameSection], Meta(max_length=GAMES_MAX)] = []


def load_definitions(text: str) -> DefineStudio:
    """The command a definition file asks for. Raises `DefinitionInvalid` with line and field of each."""
    source, unread = read_source(text)
    try:
        file = msgspec.convert(source.data, DefinitionFile)
    except msgspec.ValidationError as error:
        problems = _problems_of_unfit(source, {problem.field for problem in unread})
        problems = problems or ([] if unread else [_decoders_problem(source, str(error))])
        raise DefinitionInvalid((unread + problems)[:PROBLEMS_MAX]) from None
    problems = unread + _problems(source, file)
    if problems:
        raise DefinitionInvalid(problems[:PROBLEMS_MAX])
    command = DefineStudio(
        slug=file.studio.slug,
        name=file.studio.name,
        plan=file.studio.plan,
        playtest_pricing=pinned_pricing(file.studio.playtest_pricing),
        ai=_ai(file.studio),
        games=[DefinedGame(id=game.id, settings=settings_of(game)) for game in file.games],
    )
    size = len(COMMANDS.encode(command))
    if size > COMMAND_BYTES_MAX:
        raise DefinitionInvalid(
            [Problem(1, "", f"{size} bytes when packed; at most {COMMAND_BYTES_MAX}: split it into files")]
        )
    return command


def _problems_of_unfit(source: Source, unread: Collection[str]) -> list[Problem]:
    """What is wrong with a file that can't be decoded; nothing more of fields that could not be read."""
    shape = list(shape_problems(source.data, msgspec.json.schema(DefinitionFile)))
    found = [*shape, *part_problems(source.data, [path for path, _ in shape])]
    return [source.problem(path, why) for path, why in found if dotted(path) not in unread]


def _problems(source: Source, file: DefinitionFile) -> list[Problem]:
    problems: list[Problem] = []
    reason = slug_problem(file.studio.slug)
    if reason is not None:
        problems.append(source.problem(("studio", "slug"), reason))
    problems += [
        source.problem(("studio", "playtestPricing", field), why)
        for field, why in pricing_problems(file.studio.playtest_pricing)
    ]
    if not isinstance(file.studio.ai, UnsetType):
        found = ai_problems(file.studio.ai)
        problems += [source.problem(("studio", "ai", *path), why) for path, why in found]
    seen: dict[str, Path] = {}
    for index, game in enumerate(file.games):
        for field, value in (("id", game.id), ("slug", game.slug)):
            path: Path = ("games", index, field)
            if value is not None and value in seen:
                problems.append(source.problem(path, f"{value} is also {dotted(seen[value])}"))
            elif value is not None:
                seen[value] = path
        for number, experiment in enumerate(game.experiments):
            path = ("games", index, "experiments", number, "id")
            earlier = seen.setdefault(experiment.id, path)
            if earlier != path and earlier[1] != index:  # twice in one game is the game's problem
                problems.append(source.problem(path, f"{experiment.id} is also {dotted(earlier)}"))
        problems += [source.problem(("games", index, *path), why) for path, why in game_problems(game)]
    return problems


def _ai(studio: StudioSection) -> AiSettings | UnsetType:
    return UNSET if isinstance(studio.ai, UnsetType) else ai_settings(studio.ai)


def line_of(text: str, field: str) -> int:
    """The line at which a file that could be read has a field, or the nearest thing around it.

    `field` is a path as a decider's refusal names it: `games[0].experiments[1].salt`.
    """
    return read_yaml(text).problem(path_of(f"$.{field}"), "").line


def _decoders_problem(source: Source, message: str) -> Problem:
    """What the schema can't say, in the decoder's words: a time that no calendar has."""
    pointer = _POINTER.search(message)
    path = path_of(pointer.group(1)) if pointer else ()
    reason = _POINTER.sub("", message)
    return source.problem(path, reason[:1].lower() + reason[1:])
