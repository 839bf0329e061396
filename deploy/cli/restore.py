"""`questlog restore`: a home again from what `questlog backup` has written."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.archives import archiving
from deploy.home_archive import restore

app = typer.Typer()


@app.command()
def restore_command(
    file: Annotated[Path, typer.Argument(help="What `backup` has written.", exists=True, dir_okay=False)],
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="A new home.")] = Path(".questlog"),
) -> None:
    """Make HOME of FILE; `questlog up` goes on from there. HOME may not be there yet, or has to be empty."""
    began = time.monotonic()
    with archiving("not restored"):
        contents = restore(file, home)
    print(
        f"{home}: as of {contents.made_at}, {contents.files} files, {contents.bytes / 1e6:.1f} MB, in"
        f" {time.monotonic() - began:.1f} s"
    )
