"""`questlog edge`: one HTTP process, gateway and api on one port, configured by QUESTLOG_* variables."""

from __future__ import annotations

from typing import Annotated

import typer

from deploy import edge, settings

app = typer.Typer()


@app.command()
def edge_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; several processes may share it.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of /metrics and /healthz.")] = None,
    instance: Annotated[int | None, typer.Option(help="Ordinal of this process, from 0.")] = None,
) -> None:
    """Serve gateway and api on one port until SIGTERM."""
    edge.run(
        "edge", settings.from_environment(host=host, port=port, admin_port=admin_port, instance=instance)
    )
