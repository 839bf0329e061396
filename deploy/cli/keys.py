"""`questlog keys`: create, rotate, revoke and list keys. A value is shown once and stored only as a hash."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import msgspec
import typer

from deploy.cli.errors import RequestRefused
from deploy.cli.piped import say
from deploy.cli.running_stack import of_home
from deploy.cli.studios import studio_of
from deploy.studio_administration import open_administration
from schemas.edge.ports import KeyKind
from schemas.identifiers import ACCOUNT_WIDE_KINDS
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from projections.studio.projection import KeyRow
    from projections.studio.queries import StudioQueries
    from schemas.edge.ports import Studio
    from streams.studio_administration import NewKey

app = typer.Typer(no_args_is_help=True)
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
StudioSlug = Annotated[str, typer.Option("--studio", help="The studio's slug.")]
COLUMNS: Final = ("id", "kind", "studio", "game", "tester", "name", "created", "rotated")
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
        async with open_administration(of_home(home)) as administration:
            owner = await studio_of(administration.queries, studio)
            game_id = await _game_id(administration.queries, owner, kind, game)
            if (kind == KeyKind.PLAYTESTER) != bool(tester):
                raise RequestRefused("wpg_pt needs --tester, and only wpg_pt")
            return await administration.create_key(
                kind,
                studio_id=owner.id,
                game_id=game_id,
                tester_id=playtester_id(tester),
                name=name,
                idempotency_key=idempotency_key,
            )

    _show(asyncio.run(create()), as_json=as_json)


@app.command("rotate")
def rotate_command(
    key_id: KeyId,
    studio: Annotated[str, typer.Option(help="The studio's slug; default: looked for in all.")] = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Give a key a new value. Answers once no process can still accept the old one."""

    async def rotate() -> NewKey:
        async with open_administration(of_home(home)) as administration:
            owner, row = await _key(administration.queries, studio, key_id)
            return await administration.rotate_key(key_id, studio_id=owner.id, kind=KeyKind(row.kind))

    _show(asyncio.run(rotate()), as_json=as_json)


@app.command("revoke")
def revoke_command(
    key_id: KeyId,
    studio: Annotated[str, typer.Option(help="The studio's slug; default: looked for in all.")] = "",
    home: Home = None,
) -> None:
    """End a key for good. Answers once no process can still accept it."""

    async def revoke() -> None:
        async with open_administration(of_home(home)) as administration:
            owner, _ = await _key(administration.queries, studio, key_id)
            await administration.revoke_key(key_id, studio_id=owner.id)

    asyncio.run(revoke())
    print(f"{key_id} is revoked")


@app.command("list")
def list_command(
    studio: Annotated[str, typer.Option(help="The studio's slug; default: all studios.")] = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """List the keys that are valid, tab-separated where it is piped. Values are not stored."""

    async def rows() -> list[tuple[Studio, str, KeyRow]]:
        async with open_administration(of_home(home)) as administration:
            owners = (
                [await studio_of(administration.queries, studio)]
                if studio
                else await administration.queries.studios()
            )
            found = []
            for owner in owners:
                games = {game.id: game.slug for game in await administration.queries.games(owner.id)}
                keys = await administration.queries.keys(owner.id)
                found += [(owner, games.get(row.game_id, row.game_id), row) for row in keys]
            return found

    found = asyncio.run(rows())
    if as_json:
        print(json.dumps([{"studio": owner.slug, **msgspec.to_builtins(row)} for owner, _, row in found]))
        return
    say(
        COLUMNS,
        (key_cells(owner.slug, game, row) for owner, game, row in found),
        (line for owner, game, row in found for line in key_lines(owner.slug, game, row)),
    )


def playtester_id(tester: str) -> str:
    """A playtester's id in the form that it has everywhere; empty for none. RequestRefused for no UUID."""
    try:
        return str(UUID(tester)) if tester else ""
    except ValueError:
        raise RequestRefused(f"--tester must be a UUID, not {tester}") from None


def key_cells(studio: str, game: str, row: KeyRow) -> list[str]:
    """A key as a row of `COLUMNS`."""
    rotated = iso_ms(row.rotated_at_ms) if row.rotated_at_ms else ""
    whose = [studio, game, row.tester_id, row.name]
    return [row.key_id, row.kind, *whose, iso_ms(row.created_at_ms), rotated]


def key_lines(studio: str, game: str, row: KeyRow) -> list[str]:
    """A key as a terminal shows it: its id and kind, then a line for whom it is and one for since when."""
    whose = {"studio": studio, "game": game, "tester": row.tester_id, "name": row.name}
    rotated = f", rotated {iso_ms(row.rotated_at_ms)}" if row.rotated_at_ms else ""
    return [
        f"{row.key_id}  {row.kind}",
        "    " + ", ".join(f"{name} {value}" for name, value in whose.items() if value),
        f"    created {iso_ms(row.created_at_ms)}{rotated}",
    ]


async def _game_id(queries: StudioQueries, owner: Studio, kind: KeyKind, game: str) -> str:
    if kind in ACCOUNT_WIDE_KINDS:
        if game:
            raise RequestRefused(f"{kind} belongs to a whole studio: leave --game out")
        return ""
    if not game:
        if kind == KeyKind.PLAYTESTER:
            return ""
        raise RequestRefused(f"{kind} belongs to one game: name it with --game")
    found = await queries.game_by_slug(owner.id, game) or await queries.game(game)
    if found is None or found.studio_id != owner.id:
        raise RequestRefused(f"studio {owner.slug} has no game {game}")
    return found.id


async def _key(queries: StudioQueries, studio: str, key_id: str) -> tuple[Studio, KeyRow]:
    owners = [await studio_of(queries, studio)] if studio else await queries.studios()
    for owner in owners:
        for row in await queries.keys(owner.id):
            if row.key_id == key_id:
                return owner, row
    raise RequestRefused(f"there is no key {key_id}")


def _show(key: NewKey, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(msgspec.to_builtins(key)))
    else:
        print(f"{key.key_id}  {key.kind}\n{key.value}\n(shown once; only its hash is stored)")
