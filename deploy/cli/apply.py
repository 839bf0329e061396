"""`questlog apply`: load a definition file, showing what changes before it does."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from deploy.cli.running_stack import of_home
from deploy.playtest_administration import wait_for_batches
from deploy.studio_administration import open_administration
from schemas.studio.definition_schema import definition_schema
from schemas.studio.definitions import line_of, load_definitions
from schemas.studio.games import GameSettings, changed_fields
from schemas.studio.yaml_source import DefinitionInvalid, Problem
from streams.asking import CommandRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.settings import Settings
    from projections.studio.queries import StudioQueries
    from schemas.edge.ports import Game
    from schemas.studio.commands import DefineStudio

app = typer.Typer()


@app.command()
def apply_command(  # noqa: PLR0917 - typer passes options by name
    file: Annotated[
        Path | None, typer.Argument(help="The definition file (YAML).", exists=True, dir_okay=False)
    ] = None,
    home: Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")] = False,  # noqa: FBT002 - a typer flag
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and ask nothing.")] = False,  # noqa: FBT002 - a typer flag
    dry_run: Annotated[  # noqa: FBT002 - a typer flag
        bool, typer.Option("--dry-run", help="Show what would change; append nothing.")
    ] = False,
    schema: Annotated[  # noqa: FBT002 - a typer flag
        bool, typer.Option("--schema", help="Print the file's JSON Schema, for editors.")
    ] = False,
) -> None:
    """Show what FILE changes, then append the change as events. The same file again changes nothing.

    A bad file names the line and the field of each problem, and changes nothing (exit code 2).
    """
    if schema:
        print(json.dumps(definition_schema(), indent=2, ensure_ascii=False))
        return
    if file is None:
        raise typer.BadParameter("which definition file?", param_hint="FILE")
    try:
        text = file.read_text(encoding="utf-8")
        definition = load_definitions(text)
    except (DefinitionInvalid, UnicodeDecodeError) as error:
        problems = (
            error.problems
            if isinstance(error, DefinitionInvalid)
            else [Problem(1, "", f"is no UTF-8 text: {error.reason} at byte {error.start}")]
        )
        _say_problems(file, problems, as_json=as_json)
        raise typer.Exit(2) from None
    ask = sys.stdin.isatty() and not yes and not as_json
    try:
        asyncio.run(_apply(of_home(home), definition, ask=ask, as_json=as_json, dry_run=dry_run))
    except CommandRefused as error:
        if not error.field:
            raise
        problem = Problem(
            line_of(text, error.field), error.field, str(error).removeprefix(f"{error.field}: ")
        )
        _say_problems(file, [problem], as_json=as_json)
        raise typer.Exit(2) from None


def _say_problems(file: Path, problems: Iterable[Problem], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"problems": msgspec.to_builtins(list(problems))}, ensure_ascii=False))
        return
    for problem in problems:
        print(f"{file}: {problem}", file=sys.stderr)
    print("nothing was changed", file=sys.stderr)


_SHOWN: Final = {"name": "name", "plan": "plan", "playtest_pricing": "playtestPricing", "ai": "ai"}
"""A studio's fields that a definition changes, and what its file calls them."""


async def changes_of(queries: StudioQueries, definition: DefineStudio) -> tuple[str, list[str]]:
    """The studio's id (empty for a new one) and what the definition changes, a line each."""
    studio = await queries.studio_by_slug(definition.slug)
    if studio is None:
        return "", [
            f"studio {definition.slug}: new",
            *(f"game {g.settings.slug}: new" for g in definition.games),
        ]
    lines = []
    changed = [shown for name, shown in _SHOWN.items() if getattr(studio, name) != getattr(definition, name)]
    if changed:
        lines.append(f"studio {definition.slug}: {', '.join(changed)}")
    games = await queries.games(studio.id)
    known = {game.id: game for game in games} | {game.slug: game for game in games}
    for game in definition.games:
        held = known.get(game.id or game.settings.slug)
        if held is None:
            lines.append(f"game {game.settings.slug}: new")
        elif fields := changed_fields(_settings_of(held), game.settings):
            lines.append(f"game {game.settings.slug}: {', '.join(fields)}")
    return studio.id, lines


async def _apply(
    settings: Settings, definition: DefineStudio, *, ask: bool, as_json: bool, dry_run: bool
) -> None:
    async with open_administration(settings) as administration:
        studio_id, changes = await changes_of(administration.queries, definition)
        if changes:
            if not as_json:
                print("\n".join(changes))
            if dry_run:
                _say_dry_run(studio_id, changes, as_json=as_json)
                return
            if ask and not typer.confirm("Apply?"):
                print("nothing was changed")
                return
            answer = await administration.define(definition)
            studio_id, changes = answer.studio_id, answer.changes
            if any(game.settings.definition.get("batches") for game in definition.games):
                await wait_for_batches(settings, studio_id)
    if as_json:
        print(json.dumps({"studio_id": studio_id, "changes": changes}))
    else:
        print("applied" if changes else "nothing changes")


def _say_dry_run(studio_id: str, changes: list[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"studio_id": studio_id, "changes": changes, "applied": False}))
    else:
        print("nothing was changed (--dry-run)")


def _settings_of(game: Game) -> GameSettings:
    return GameSettings(
        slug=game.slug,
        name=game.name,
        limits=game.limits,
        heatmap_axes=game.heatmap_axes,
        feedback_forms=game.feedback_forms,
        definition=game.definition,
    )
