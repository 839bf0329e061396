"""`questlog prepare`: topics and tables, before the first process of a production start."""

from __future__ import annotations

import asyncio

import typer

from deploy import settings
from deploy.prepare import prepare

app = typer.Typer()


@app.command()
def prepare_command() -> None:
    """Create what is missing and verify all: topics in QUESTLOG_KAFKA, tables in QUESTLOG_CLICKHOUSE_URL."""
    for line in asyncio.run(prepare(settings.from_environment())) or ["nothing to do"]:
        print(line)
