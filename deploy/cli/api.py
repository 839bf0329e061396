"""`questlog api`: one HTTP process, the reads and the dashboard alone, configured by QUESTLOG_* variables."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy import edge, settings

app = typer.Typer()


@app.command()
def api_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; several processes may share it.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of /metrics and /healthz.")] = None,
    instance: Annotated[int | None, typer.Option(help="Ordinal of this process, from 0.")] = None,
) -> None:
    """Serve the reads and the dashboard alone until SIGTERM."""
    edge.run("api", settings.from_environment(host=host, port=port, admin_port=admin_port, instance=instance))
