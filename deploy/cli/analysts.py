"""`questlog analysts`: accounts of ClickHouse that see one studio's rows. A password is shown once."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final, Protocol

import msgspec
import typer

from deploy.analyst_file import AccountFile
from deploy.analyst_users import AccountUsers, tables_with_studios
from deploy.analysts import Account, NewAccount, check_name, make_password, password_hash
from deploy.cli.piped import say
from deploy.cli.running_stack import SETTINGS_FILE, of_home
from deploy.cli.studios import studio_of
from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.operations import recorded
from deploy.redis_server import open_redis
from projections.clickhouse.address import address
from projections.clickhouse.client import views_database
from projections.studio.queries import StudioQueries
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.analysts import ListedAccount
    from deploy.settings import Settings

app = typer.Typer(no_args_is_help=True)
COLUMNS: Final = ("name", "studio", "created")
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
StudioSlug = Annotated[str, typer.Argument(metavar="STUDIO", help="The studio's slug.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name in ClickHouse.")]


class Accounts(Protocol):
    """Where accounts are kept. What is refused is AnalystRefused."""

    async def create(self, name: str, account: Account) -> None:
        """Make an account of a name that is free."""
        ...

    async def revoke(self, name: str, studio_id: str) -> None:
        """End a studio's account, and what it runs."""
        ...

    async def renew(self) -> int:
        """Let all accounts see the tables that there are now. How many studios have accounts."""
        ...

    async def listed(self) -> list[ListedAccount]:
        """All accounts by name."""
        ...


@app.callback()
def _analysts() -> None:
    """Accounts of ClickHouse that read one studio's rows, within limits, and change nothing."""


@app.command("create")
def create_command(
    studio: StudioSlug,
    name: Name,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Make an account and show its password, once. It works at once."""
    configured = of_home(home)
    password = make_password(secrets.token_bytes)

    async def create() -> None:
        async with _opened(configured) as (queries, accounts):
            owner = await studio_of(queries, studio)
            account = Account(
                password_sha256=password_hash(password), studio_id=owner.id, created_at_ms=now_ms()
            )
            checked = check_name(name)
            async with recorded(configured, "analysts create", target=name, studio_id=owner.id):
                await accounts.create(checked, account)

    asyncio.run(create())
    made = NewAccount(name=name, studio=studio, password=password)
    if as_json:
        print(json.dumps(msgspec.to_builtins(made)))
        return
    views = views_database(configured.clickhouse_database)
    print(f"{name} reads studio {studio} in the database {views}")
    print(f"    at {address(configured.clickhouse_url).url}")
    print(f"    {password}\n(shown once; only its hash is stored)")


@app.command("list")
def list_command(
    studio: Annotated[str, typer.Argument(metavar="STUDIO", help="Its slug; default: all.")] = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """List the accounts with their studios and since when they are there; piped: tab-separated."""

    async def rows() -> list[tuple[ListedAccount, str]]:
        async with _opened(of_home(home)) as (queries, accounts):
            slugs = {one.id: one.slug for one in await queries.studios()}
            wanted = (await studio_of(queries, studio)).id if studio else ""
            return [
                (one, slugs.get(one.studio_id, one.studio_id))
                for one in await accounts.listed()
                if wanted in {"", one.studio_id}
            ]

    found = asyncio.run(rows())
    if as_json:
        print(json.dumps([{**msgspec.to_builtins(one), "studio": slug} for one, slug in found]))
        return
    say(
        COLUMNS,
        (account_cells(one, slug) for one, slug in found),
        (account_line(one, slug) for one, slug in found),
    )


def account_cells(one: ListedAccount, studio: str) -> list[str]:
    """An account as a row of `COLUMNS`; no time where it was written by hand."""
    return [one.name, studio, iso_ms(one.created_at_ms) if one.created_at_ms else ""]


def account_line(one: ListedAccount, studio: str) -> str:
    """An account as a terminal shows it."""
    since = iso_ms(one.created_at_ms) if one.created_at_ms else "unknown: written by hand"
    return f"{one.name}\n    studio {studio}, since {since}"


@app.command("revoke")
def revoke_command(studio: StudioSlug, name: Name, home: Home = None) -> None:
    """End an account: it is refused from now on, and gets no more of what it is reading."""

    async def revoke() -> None:
        configured = of_home(home)
        async with _opened(configured) as (queries, accounts):
            owner = await studio_of(queries, studio)
            async with recorded(configured, "analysts revoke", target=name, studio_id=owner.id):
                await accounts.revoke(name, owner.id)

    asyncio.run(revoke())
    print(f"{name} is revoked")


@app.command("renew")
def renew_command(home: Home = None) -> None:
    """After a release that adds tables, in production: let every account see them."""

    async def renew() -> int:
        configured = of_home(home)
        async with _opened(configured) as (_, accounts), recorded(configured, "analysts renew"):
            return await accounts.renew()

    print(f"the accounts of {asyncio.run(renew())} studios see all tables of studios")


@asynccontextmanager
async def _opened(configured: Settings) -> AsyncIterator[tuple[StudioQueries, Accounts]]:
    """The accounts of the ClickHouse that `up` runs on the home, or else of the one that is configured."""
    async with AsyncExitStack() as stack:
        redis = open_redis(configured)
        stack.push_async_callback(redis.aclose)
        queries = StudioQueries(redis)
        if (configured.home / SETTINGS_FILE).exists():
            yield queries, AccountFile(configured.home)
            return
        client = clickhouse_of(configured)
        stack.push_async_callback(client.close)
        yield queries, AccountUsers(client, await tables_with_studios(client))
