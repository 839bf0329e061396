"""`questlog keys`: create, rotate, revoke and list keys. A value is shown once and stored only as a hash."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import msgspec
import typer

from deploy.cli.running_stack import of_home
from deploy.studio_desk import Refused, studio_desk
from schemas.edge.ports import KeyKind
from schemas.identifiers import ACCOUNT_WIDE_KINDS
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from deploy.studio_desk import NewKey, StudioDesk
    from projections.studio.projection import KeyRow
    from schemas.edge.ports import Studio

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True)
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
StudioSlug = Annotated[str, typer.Option("--studio", help="The studio's slug.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")]


@app.callback()
def _keys() -> None:
    """Create, rotate, revoke and list keys."""


@app.command("create")
def create_command(  # noqa: PLR0917 - typer passes options by name
    kind: Annotated[KeyKind, typer.Argument(help="What the key is for.")],
    studio: StudioSlug,
    game: Annotated[str, typer.Option(help="Slug or id of the game; needed by keys of one game.")] = "",
    tester: Annotated[str, typer.Option(help="The playtester's id, a UUID; needed by wpg_pt.")] = "",
    name: Annotated[str, typer.Option(help="A label for the list.")] = "",
    idempotency_key: Annotated[str, typer.Option(help="Asking again with it gives the same key.")] = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Create a key and show its value, once."""

    async def create() -> NewKey:
        async with _desk(home) as desk:
            owner = await _studio(desk, studio)
            game_id = await _game_id(desk, owner, kind, game)
            if (kind == KeyKind.PLAYTESTER) != bool(tester):
                raise Refused("wpg_pt needs --tester, and only wpg_pt", 400)
            return await desk.create_key(
                kind,
                studio_id=owner.id,
                game_id=game_id,
                tester_id=playtester_id(tester),
                name=name,
                idempotency_key=idempotency_key,
            )

    _show(_run(create()), as_json=as_json)


@app.command("rotate")
def rotate_command(
    key_id: KeyId,
    studio: Annotated[str, typer.Option(help="The studio's slug; default: looked for in all.")] = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Give a key a new value. Answers once no process can still accept the old one."""

    async def rotate() -> NewKey:
        async with _desk(home) as desk:
            owner, row = await _key(desk, studio, key_id)
            return await desk.rotate_key(key_id, studio_id=owner.id, kind=KeyKind(row.kind))

    _show(_run(rotate()), as_json=as_json)


@app.command("revoke")
def revoke_command(
    key_id: KeyId,
    studio: Annotated[str, typer.Option(help="The studio's slug; default: looked for in all.")] = "",
    home: Home = None,
) -> None:
    """End a key for good. Answers once no process can still accept it."""

    async def revoke() -> None:
        async with _desk(home) as desk:
            owner, _ = await _key(desk, studio, key_id)
            await desk.revoke_key(key_id, studio_id=owner.id)

    _run(revoke())
    print(f"{key_id} is revoked")


@app.command("list")
def list_command(
    studio: Annotated[str, typer.Option(help="The studio's slug; default: all studios.")] = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """List the keys that are valid. Values are not stored and can't be shown."""

    async def rows() -> list[tuple[Studio, KeyRow]]:
        async with _desk(home) as desk:
            owners = [await _studio(desk, studio)] if studio else await desk.queries.studios()
            return [(owner, row) for owner in owners for row in await desk.queries.keys(owner.id)]

    found = _run(rows())
    if as_json:
        print(json.dumps([{"studio": owner.slug, **msgspec.to_builtins(row)} for owner, row in found]))
        return
    for owner, row in found:
        print("\n".join(key_lines(owner.slug, row)))


def playtester_id(tester: str) -> str:
    """A playtester's id in the form that it has everywhere; empty for none. Raises Refused for no UUID."""
    try:
        return str(UUID(tester)) if tester else ""
    except ValueError:
        raise Refused(f"--tester must be a UUID, not {tester}", 400) from None


def key_lines(studio: str, row: KeyRow) -> list[str]:
    """A key as `list` shows it: its id and kind, then a line for whom it is and one for since when."""
    whose = {"studio": studio, "game": row.game_id, "tester": row.tester_id, "name": row.name}
    rotated = f", rotated {iso_ms(row.rotated_at_ms)}" if row.rotated_at_ms else ""
    return [
        f"{row.key_id}  {row.kind}",
        "    " + ", ".join(f"{name} {value}" for name, value in whose.items() if value),
        f"    created {iso_ms(row.created_at_ms)}{rotated}",
    ]


@asynccontextmanager
async def _desk(home: str | None) -> AsyncIterator[StudioDesk]:
    async with studio_desk(of_home(home)) as desk:
        yield desk


async def _studio(desk: StudioDesk, slug: str) -> Studio:
    studio = await desk.queries.studio_by_slug(slug)
    if studio is None:
        raise Refused(f"there is no studio {slug}", 404)
    return studio


async def _game_id(desk: StudioDesk, owner: Studio, kind: KeyKind, game: str) -> str:
    if kind in ACCOUNT_WIDE_KINDS:
        if game:
            raise Refused(f"{kind} belongs to a whole studio: leave --game out", 400)
        return ""
    if not game:
        if kind == KeyKind.PLAYTESTER:
            return ""
        raise Refused(f"{kind} belongs to one game: name it with --game", 400)
    found = await desk.queries.game_by_slug(owner.id, game) or await desk.queries.game(game)
    if found is None or found.studio_id != owner.id:
        raise Refused(f"studio {owner.slug} has no game {game}", 404)
    return found.id


async def _key(desk: StudioDesk, studio: str, key_id: str) -> tuple[Studio, KeyRow]:
    owners = [await _studio(desk, studio)] if studio else await desk.queries.studios()
    for owner in owners:
        for row in await desk.queries.keys(owner.id):
            if row.key_id == key_id:
                return owner, row
    raise Refused(f"there is no key {key_id}", 404)


def _run(work: Awaitable[T]) -> T:
    async def run() -> T:
        return await work

    try:
        return asyncio.run(run())
    except Refused as error:
        print(f"questlog keys: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _show(key: NewKey, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(msgspec.to_builtins(key)))
    else:
        print(f"{key.key_id}  {key.kind}\n{key.value}\n(shown once; only its hash is stored)")
