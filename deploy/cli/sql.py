"""`questlog sql`: ask ClickHouse from the command line."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Annotated, Final

import typer

from deploy import settings
from deploy.cli.errors import RequestRefused
from deploy.cli.running_stack import of_home
from deploy.stack.output import whole_stdout
from projections.clickhouse.address import address
from projections.clickhouse.client import views_database

app = typer.Typer()
ON_TERMINAL: Final = "PrettyCompactMonoBlock"
PIPED: Final = "TabSeparatedWithNames"


@app.command()
def sql_command(
    query: Annotated[str, typer.Argument(help="The statement; - reads it from standard input.")] = "",
    *,
    describe: Annotated[
        bool,
        typer.Option(
            "--describe", help="Say what analysts' views hold, or the columns of one view or DATABASE.TABLE."
        ),
    ] = False,
    home: Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help=f"A ClickHouse output format; default: {ON_TERMINAL}, piped {PIPED}.",
            show_default=False,
        ),
    ] = "",
    user: Annotated[
        str,
        typer.Option(
            help="A read-only user, who asks the views, with QUESTLOG_SQL_PASSWORD; default: the owner."
        ),
    ] = "",
) -> None:
    """Run one statement in the stack's ClickHouse and print its result: piped, tab-separated rows."""
    configured = of_home(home)
    form = form or (ON_TERMINAL if sys.stdout.isatty() else PIPED)
    database = configured.clickhouse_database
    views = views_database(database)
    if describe:
        text, bound = _description(query, views)
    elif query:
        text, bound = sys.stdin.read() if query == "-" else query, {}
    else:
        raise typer.BadParameter("a statement is missing; - reads it from standard input", param_hint="QUERY")
    parameters = bound | {
        "database": views if user else database,
        "default_format": form,
        "wait_end_of_query": "1",  # a statement that fails late fails by its status, not within its rows
    }
    url, headers = address(configured.clickhouse_url)
    if user:
        headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": os.environ.get("QUESTLOG_SQL_PASSWORD", "")}
    request = urllib.request.Request(  # noqa: S310 - the URL is the deployment's own setting
        f"{url}?{urllib.parse.urlencode(parameters)}", text.encode(), headers
    )
    try:
        with urllib.request.urlopen(request) as response, whole_stdout() as output:  # noqa: S310 - as above
            piece = response.read(1 << 20)
            if describe and not _has_rows(piece, form):
                raise RequestRefused(f"there is no view {query}: questlog sql --describe lists them")
            while piece:
                output.write(piece)
                piece = response.read(1 << 20)
    except urllib.error.HTTPError as error:
        print(error.read().decode(errors="replace").strip(), file=sys.stderr)
        raise typer.Exit(1) from None
    except urllib.error.URLError as error:
        raise settings.SettingsError(f"ClickHouse does not answer at {url}: {error.reason}") from None


def _has_rows(answer: bytes, form: str) -> bool:
    """Whether there is more than the line of names."""
    return answer.count(b"\n") > (1 if form == PIPED else 0)


def _description(name: str, views: str) -> tuple[str, dict[str, str]]:
    """Say what a table's columns hold, or without a name what views do: a statement and its parameters."""
    if not name:
        return (
            "SELECT name, comment FROM system.tables WHERE database = {database:String} ORDER BY name",
            {"param_database": views},
        )
    database, _, table = name.rpartition(".")
    return (
        (
            "SELECT name, type, comment FROM system.columns"
            " WHERE database = {database:String} AND table = {table:String} ORDER BY position"
        ),
        {"param_database": database or views, "param_table": table},
    )
