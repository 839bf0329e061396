"""`questlog export`: a studio's rows as Parquet by day in the object store, for warehouses."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from deploy.cli.errors import RequestRefused
from deploy.cli.running_stack import of_home
from deploy.cli.studios import studio_of
from deploy.clickhouse_clients import clickhouse_of
from deploy.clock import now_ms
from deploy.object_store import open_objects
from deploy.private_files import for_its_owner
from deploy.redis_server import open_redis
from projections.studio.queries import StudioQueries
from projections.warehouse.export import Export, ExportRefused
from projections.warehouse.manifest import studio_key
from projections.warehouse.parquet_file import NoParquet
from projections.warehouse.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.settings import Settings
    from projections.warehouse.export import Exported

app = typer.Typer()
_ANSWER_SECONDS: Final = 3600.0
"""The sums over all of a large studio's events take minutes."""


@app.command()
def export_command(
    studio: Annotated[str, typer.Argument(metavar="STUDIO", help="The studio's slug.")],
    *,
    first: Annotated[str, typer.Option("--from", help="First day, as 2026-01-05 (UTC); default: all.")] = "",
    through: Annotated[str, typer.Option(help="Last day; default: the last that is over.")] = "",
    file_mib: Annotated[
        int, typer.Option(min=1, max=4096, help="About what the rows of a file take before compression.")
    ] = 256,
    home: Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line for each day.")] = False,
) -> None:
    """Write every day of STUDIO that has changed since it was last exported: Parquet files, then manifests.

    Called again, or after it died: it goes on with what is missing. One run of a studio at a time.
    """
    configured = of_home(home)
    try:
        count = asyncio.run(_export(configured, studio, first, through, file_mib, as_json=as_json))
    except (ExportRefused, NoParquet) as refused:
        raise RequestRefused(str(refused)) from None
    if not as_json:
        print(f"{count} days changed" if count else "nothing changed")


async def _export(
    configured: Settings, studio: str, first: str, through: str, file_mib: int, *, as_json: bool
) -> int:
    async with AsyncExitStack() as stack:
        redis = open_redis(configured)
        stack.push_async_callback(redis.aclose)
        owner = await studio_of(StudioQueries(redis), studio)
        stack.enter_context(_alone(configured, studio))
        client = clickhouse_of(configured, answer_seconds=_ANSWER_SECONDS)
        stack.push_async_callback(client.close)
        export = Export(
            Source(client), open_objects(configured), owner.id, now_ms=now_ms, file_bytes=file_mib << 20
        )
        count = 0
        async for one in export.run(first, through):
            count += 1
            print(json.dumps(msgspec.to_builtins(one)) if as_json else _line(one), flush=True)
        if not as_json:
            print(f"{studio_key(owner.id)} in {configured.object_store_location.partition('?')[0]}")
        return count


def _line(one: Exported) -> str:
    return (
        f"{one.day}: {one.rows:,} rows, revision {one.revision}, {one.files} new files of"
        f" {', '.join(one.changed) or 'no view'}"
    )


@contextmanager
def _alone(configured: Settings, studio: str) -> Iterator[None]:
    """One export of a studio at a time from this home. RequestRefused where another runs, or none can."""
    path = configured.home / f"export-{studio.replace('/', '-')}.lock"
    try:
        configured.home.mkdir(parents=True, exist_ok=True)
        handle = for_its_owner(str(path), os.O_WRONLY | os.O_CREAT)
    except OSError as error:
        raise RequestRefused(
            f"{path} can't be made ({error.strerror}), which keeps two exports of {studio} apart: choose"
            " another home with --home (or QUESTLOG_HOME)"
        ) from None
    with os.fdopen(handle, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestRefused(f"an export of {studio} runs already") from None
        yield
