"""`questlog experiments`: start, stop and resume what files define, say which variant won, make digests."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from deploy.cli.errors import RequestRefused
from deploy.cli.piped import say
from deploy.cli.running_stack import of_home
from deploy.cli.studios import studio_of
from deploy.clock import now_ms
from deploy.experiment_digests import DigestSource, digest_now
from deploy.studio_administration import open_administration
from schemas.studio.commands import (
    ExperimentCommand,
    MakeExperimentDigest,
    PickExperimentWinner,
    ResumeExperiment,
    StartExperiment,
    StopExperiment,
)
from schemas.studio.experiments import NO_WINNER
from schemas.timestamps import iso_ms
from streams.ai.asking import AiAsking

if TYPE_CHECKING:
    from projections.studio.queries import StudioQueries
    from schemas.edge.ports import Studio
    from schemas.studio.experiments import Digest, ExperimentLife

app = typer.Typer(no_args_is_help=True)
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
StudioSlug = Annotated[str, typer.Option("--studio", help="The studio's slug; default: looked for in all.")]
ExperimentId = Annotated[str, typer.Argument(metavar="ID", help="The experiment's id: exp_…")]


@app.callback()
def _experiments() -> None:
    """Start, stop and resume the experiments that games define, and say which variant won."""


@app.command("start")
def start_command(experiment_id: ExperimentId, studio: StudioSlug = "", home: Home = None) -> None:
    """Let a draft run. From now on its variants, allocations, audience and salt are locked."""
    _ask(home, studio, StartExperiment(experiment_id=experiment_id))


@app.command("stop")
def stop_command(experiment_id: ExperimentId, studio: StudioSlug = "", home: Home = None) -> None:
    """Stop a running one: within a second no player is assigned any more."""
    _ask(home, studio, StopExperiment(experiment_id=experiment_id))


@app.command("resume")
def resume_command(experiment_id: ExperimentId, studio: StudioSlug = "", home: Home = None) -> None:
    """Let a stopped one run again: every device gets the variant it had."""
    _ask(home, studio, ResumeExperiment(experiment_id=experiment_id))


@app.command("winner")
def winner_command(
    experiment_id: ExperimentId,
    variant: Annotated[str, typer.Argument(metavar="KEY", help=f"A variant's key, or {NO_WINNER}.")],
    studio: StudioSlug = "",
    home: Home = None,
) -> None:
    """Say which variant won, once it was started; `none` takes it back."""
    key = None if variant == NO_WINNER else variant
    _ask(home, studio, PickExperimentWinner(experiment_id=experiment_id, variant_key=key))


@app.command("digest")
def digest_command(
    experiment_id: ExperimentId,
    studio: StudioSlug = "",
    home: Home = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Write a text about the comparison as it is now, which its readers get from now on."""

    async def make() -> Digest:
        settings = of_home(home)
        async with open_administration(settings) as administration:
            owner = await owner_of(administration.queries, studio, experiment_id)
            ai = AiAsking(administration.queries, administration.asker(), clock_ms=now_ms)
            source = DigestSource(administration.queries, ai)
            digest = await digest_now(settings, source, owner.id, experiment_id)
            command = MakeExperimentDigest(experiment_id=experiment_id, digest=digest)
            await administration.experiment(command, studio_id=owner.id)
            return digest

    made = asyncio.run(make())
    if as_json:
        print(json.dumps(msgspec.to_builtins(made)))
        return
    print(f"{made.digest.recommendation} ({made.confidence_label})")
    for line in made.digest.per_variant:
        print(f"{line.key}: {line.headline}")


COLUMNS: Final = ("id", "status", "studio", "game", "started", "winner")


def experiment_cells(row: dict[str, Any]) -> list[str]:
    """An experiment as a row of `COLUMNS`."""
    started = "" if row["startedAt"] is None else iso_ms(row["startedAt"])
    return [row["id"], row["status"], row["studio"], row["game"], started, row["winner"] or ""]


def experiment_lines(row: dict[str, Any]) -> str:
    """An experiment as a terminal shows it."""
    since = "" if row["startedAt"] is None else f", started {iso_ms(row['startedAt'])}"
    won = f", winner {row['winner']}" if row["winner"] else ""
    return f"{row['id']}  {row['status']}\n    studio {row['studio']}, game {row['game']}{since}{won}"


@app.command("list")
def list_command(
    studio: StudioSlug = "",
    home: Home = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """List experiments with their status, game by game; tab-separated where it is piped."""

    async def read() -> list[dict[str, Any]]:
        async with open_administration(of_home(home)) as administration:
            queries = administration.queries
            return [
                {"studio": owner.slug, "game": game.slug, **_row(life)}
                for owner in await _studios(queries, studio)
                for game in await queries.games(owner.id)
                for life in await queries.experiments(game.id)
            ]

    rows = asyncio.run(read())
    if as_json:
        print(json.dumps(rows))
        return
    say(COLUMNS, map(experiment_cells, rows), map(experiment_lines, rows))


def _row(life: ExperimentLife) -> dict[str, Any]:
    return {
        "id": life.id,
        "status": life.status,
        "createdAt": life.created_at_ms,
        "startedAt": life.started_at_ms,
        "stoppedAt": life.stopped_at_ms,
        "winner": life.winner,
    }


def _ask(home: str | None, studio: str, command: ExperimentCommand) -> None:
    async def ask() -> list[str]:
        async with open_administration(of_home(home)) as administration:
            owner = await owner_of(administration.queries, studio, command.experiment_id)
            answer = await administration.experiment(command, studio_id=owner.id)
            return answer.changes

    print("\n".join(asyncio.run(ask())) or "nothing changes")


async def owner_of(queries: StudioQueries, slug: str, experiment_id: str) -> Studio:
    """The studio of an experiment. RequestRefused where none or several have it."""
    owners = await _studios(queries, slug)
    having = [owner for owner in owners if await queries.experiment(owner.id, experiment_id) is not None]
    if not having:
        raise RequestRefused(f"there is no experiment {experiment_id}")
    if len(having) > 1:
        names = ", ".join(owner.slug for owner in having)
        raise RequestRefused(f"several studios have an experiment {experiment_id}: name one of {names}")
    return having[0]


async def _studios(queries: StudioQueries, slug: str) -> list[Studio]:
    return [await studio_of(queries, slug)] if slug else await queries.studios()
