"""`questlog worker ROLE`: one worker process, configured by QUESTLOG_* variables."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from deploy import settings
from deploy.stack.programs import HOSTING, ROLES

app = typer.Typer()
Role = StrEnum("Role", [(name, name) for name in (*ROLES, HOSTING)])  # type: ignore[misc]  # the names are the table's


@app.command()
def worker_command(
    role: Annotated[Role, typer.Argument(help="What to do with the log.")],
    admin_port: Annotated[int | None, typer.Option(help="Port of /metrics and /healthz.")] = None,
    instance: Annotated[int | None, typer.Option(help="Ordinal among this role's processes, from 0.")] = None,
) -> None:
    """Run one worker until SIGTERM. It ends by itself, to be restarted, on anything it did not expect."""
    from deploy import worker  # noqa: PLC0415 - Faust is imported only where it runs

    worker.run(str(role), settings.from_environment(admin_port=admin_port, instance=instance))
