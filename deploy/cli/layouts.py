"""`questlog layouts`: how Redis holds nouns, in upgrades to a release that lays one out otherwise.

`build` comes before the new workers, `forget` after the last edge of the older release: deploy/README.md,
"Upgrades".
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
from redis.exceptions import RedisError

from deploy.cli.running_stack import of_home
from deploy.memory import tune_memory
from deploy.operations import recorded
from deploy.rebuild_redis import rebuild_redis
from deploy.redis_layouts import forget_layouts, held_layouts
from projections.redis.rebuild import RebuildFailed
from schemas.edge.ports import StoreUnavailable
from schemas.log import LogUnavailable

app = typer.Typer(no_args_is_help=True)
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
_NONE = "Redis holds nothing in layouts of older releases"


@app.callback()
def _layouts() -> None:
    """What Redis holds in layouts of older releases: build the new beside it, then let go of it."""


@app.command("list")
def list_layouts(home: Home = None) -> None:
    """What Redis holds in layouts of older releases."""
    try:
        held = asyncio.run(held_layouts(of_home(home)))
    except RedisError as error:
        raise StoreUnavailable(f"Redis is away: {error}") from error
    for one in held:
        print(f"{one.noun}: {one.name}, " + ("kept up for older edges" if one.served else "being deleted"))
    if not held:
        print(_NONE)


@app.command()
def build(home: Home = None) -> None:
    """Build what this release lays out otherwise from the log, beside the older one, which is served on."""
    configured = of_home(home)
    tune_memory()
    try:
        built = asyncio.run(rebuild_redis(configured, newer_layouts=True, progress=lambda *_: None))
    except (RebuildFailed, LogUnavailable, RedisError) as error:
        print(f"not built: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    for one in built:
        print(f"{one.noun}: {one.records} records")
    if not built:
        print(_NONE)


@app.command()
def forget(
    home: Home = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the workers.", min=1.0)] = 300.0,
) -> None:
    """Delete what Redis holds for edges of older releases, once none of them is left."""
    try:
        names = asyncio.run(_forgotten(home, wait))
    except RedisError as error:
        raise StoreUnavailable(f"Redis is away: {error}") from error
    print("\n".join(f"{name} is deleted" for name in names) or _NONE)


async def _forgotten(home: str | None, wait_s: float) -> list[str]:
    configured = of_home(home)
    async with recorded(configured, "layouts forget"):
        return await forget_layouts(configured, wait_s=wait_s)
