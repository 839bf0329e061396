"""`questlog webhooks`: what waits for targets, what was given up, how to send it again, and secrets."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from deploy.brokers import brokers_of
from deploy.cli.errors import RequestRefused
from deploy.cli.piped import say_tables
from deploy.cli.running_stack import of_home
from deploy.clock import now_ms
from deploy.operations import recorded
from deploy.redis_server import open_redis
from projections.studio.queries import StudioQueries
from projections.webhooks.queue import WebhookQueue
from schemas.timestamps import iso_ms
from schemas.webhooks import WebhookTarget, signing_secret, target_of
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from streams.webhooks.undelivered import Undelivered, note_replay, undelivered

if TYPE_CHECKING:
    from deploy.settings import Settings
    from schemas.edge.ports import Game

app = typer.Typer(no_args_is_help=True)
WAITING: Final = ("target", "waiting")
UNDELIVERED: Final = ("name", "queued", "type", "replays", "error")
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _webhooks() -> None:
    """See what webhooks wait or were given up, send those again, show a target's signing secret."""


@app.command("list")
def list_command(home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """List how many deliveries wait for each target, and those that were given up, oldest first.

    Piped: two tab-separated tables with an empty line between them.
    """
    waiting, letters = asyncio.run(_all(of_home(home)))
    if as_json:
        dead = [_summary(name, letter) for name, letter in letters.items()]
        print(json.dumps({"waiting": waiting, "undelivered": dead}))
        return
    counts = sorted(waiting.items())
    given_up = [undelivered_cells(name, letter) for name, letter in letters.items()]
    lines = [f"{target}\n    {count} waiting" for target, count in counts]
    lines += [line for name, letter in letters.items() for line in undelivered_lines(name, letter)]
    say_tables(
        ((WAITING, [[target, str(count)] for target, count in counts]), (UNDELIVERED, given_up)),
        [*lines, f"{len(letters)} undelivered"],
    )


def undelivered_cells(name: str, letter: Undelivered) -> list[str]:
    """A delivery that was given up as a row of `UNDELIVERED`."""
    one = letter.delivery
    return [name, iso_ms(one.queued_at_ms), one.type, str(letter.replays), letter.error]


def undelivered_lines(name: str, letter: Undelivered) -> list[str]:
    """A delivery that was given up as a terminal shows it: its name, what it says, then the error."""
    one = letter.delivery
    return [
        name,
        f"    {one.type}",
        f"    queued {iso_ms(one.queued_at_ms)}, replayed {letter.replays} times",
        f"    {letter.error}",
    ]


@app.command("replay")
def replay_command(
    name: Annotated[str, typer.Argument(help="`<game>/<target>/<id>` as `list` shows it, or `all`.")],
    home: Home = None,
) -> None:
    """Send what was given up again, with its old id; `all`: everything that was not sent again before."""
    for line in asyncio.run(_replay(of_home(home), name)):
        print(line)


@app.command("secret")
def secret_command(
    game: Annotated[str, typer.Argument(help="The game's slug or id.")],
    target: Annotated[str, typer.Argument(help="The target's id in the definition.")],
    home: Home = None,
) -> None:
    """Show the secret that a target's deliveries are signed with. Another `secretName` gives another one."""
    print(asyncio.run(_secret(of_home(home), game, target)))


async def _all(settings: Settings) -> tuple[dict[str, int], dict[str, Undelivered]]:
    async with AsyncExitStack() as stack:
        redis = open_redis(settings)
        stack.push_async_callback(redis.aclose)
        tail = KafkaTail(brokers_of(settings), client_id="questlog-webhooks")
        stack.push_async_callback(tail.stop)
        return await WebhookQueue(redis).waiting(), await undelivered(tail)


async def _replay(settings: Settings, name: str) -> list[str]:
    _, letters = await _all(settings)
    if name == "all":
        chosen = {key: letter for key, letter in letters.items() if not letter.replays}
    elif name in letters:
        chosen = {name: letters[name]}
    else:
        raise RequestRefused(f"there is no undelivered webhook {name}: see `questlog webhooks list`")
    async with AsyncExitStack() as stack:
        redis = open_redis(settings)
        stack.push_async_callback(redis.aclose)
        appender = KafkaAppender(brokers_of(settings), client_id="questlog-webhooks")
        stack.push_async_callback(appender.stop)
        queue = WebhookQueue(redis)
        await stack.enter_async_context(recorded(settings, "webhooks replay", target=name))
        for letter in chosen.values():
            again = msgspec.structs.replace(letter.delivery, queued_at_ms=now_ms())
            await queue.put_back(again)
            await note_replay(appender, again)
    return [f"{key}: put back" for key in chosen] or ["nothing to send again"]


async def _secret(settings: Settings, game_id: str, target_id: str) -> str:
    redis = open_redis(settings)
    try:
        game = await _game(StudioQueries(redis), game_id)
    finally:
        await redis.aclose()
    target: WebhookTarget | None = None if game is None else target_of(game, target_id)
    if game is None or target is None:
        raise RequestRefused(f"the definition of {game_id} has no webhook {target_id}")
    shown = f"{game.slug}/{target_id}"
    async with recorded(settings, "webhooks secret", target=shown, studio_id=game.studio_id):
        return signing_secret(settings.deployment_secret(), target)


async def _game(queries: StudioQueries, game: str) -> Game | None:
    """By its id or slug. Raises RequestRefused where games of several studios have this slug."""
    found = await queries.game(game)
    if found is not None:
        return found
    slugged = [await queries.game_by_slug(owner.id, game) for owner in await queries.studios()]
    named = [one for one in slugged if one is not None]
    if len(named) > 1:
        ids = ", ".join(one.id for one in named)
        raise RequestRefused(f"several studios have a game {game}: name it by its id ({ids})")
    return named[0] if named else None


def _summary(name: str, letter: Undelivered) -> dict[str, Any]:
    one = letter.delivery
    return {
        "name": name,
        "id": one.id,
        "type": one.type,
        "gameId": one.game_id,
        "target": one.target_id,
        "queuedAt": iso_ms(one.queued_at_ms),
        "error": letter.error,
        "replays": letter.replays,
    }
