"""`questlog backup`: a stack's home in one file, while the stack does not run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import running_stack
from deploy.cli.archives import archiving
from deploy.cli.errors import RequestRefused
from deploy.home_archive import archive

app = typer.Typer()


@app.command()
def backup_command(
    file: Annotated[Path, typer.Argument(help="The file to write; it may not be there.", dir_okay=False)],
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
) -> None:
    """Write all of HOME into FILE: log, stores, objects, secrets. The stack must be stopped.

    Objects in S3 are not in it. FILE holds the deployment's secret: it is for its owner alone.
    """
    if not home.is_dir():
        raise RequestRefused(f"there is no home at {home}")
    began = time.monotonic()
    with running_stack.lock_of(home) as lock:
        running_stack.hold(lock, home)
        with archiving("not backed up"):
            contents = archive(home, file)
    print(
        f"{file}: {contents.files} files, {contents.bytes / 1e6:.1f} MB in"
        f" {file.stat().st_size / 1e6:.1f} MB, in {time.monotonic() - began:.1f} s"
    )
