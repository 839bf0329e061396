"""`questlog skip`: goes on without a telemetry record that the projector can't take in."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from typing import Annotated

import typer

from deploy.cli.running import of_home
from deploy.skipping import skip_telemetry
from deploy.studio_desk import Refused

app = typer.Typer(no_args_is_help=True)


class SkippableTopic(StrEnum):
    """On the events topics nothing is skipped: what they say was decided and answered."""

    TELEMETRY = "telemetry"


@app.command()
def skip_command(  # noqa: PLR0917 - typer takes options as parameters
    topic: Annotated[SkippableTopic, typer.Argument(help="Nothing is skipped on the events topics.")],
    partition: Annotated[int, typer.Argument(help="As `questlog status` names it.", min=0)],
    offset: Annotated[int, typer.Argument(help="The record, as `questlog status` names it.", min=0)],
    request: Annotated[
        int | None, typer.Option(help="The request within the record; all of the record without.", min=0)
    ] = None,
    reason: Annotated[str, typer.Option(help="Kept with the dead letter.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Although no projector fails at it.")] = False,  # noqa: FBT002 - a typer flag
    home: Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = None,
) -> None:
    """Go on without a telemetry record that the projector can't take in, or one request in it.

    The decision is appended to the log, and every reader keeps to it for ever: the worker, each rebuild, each
    later export. What is skipped becomes a dead letter. After the release that mends it, `questlog dlq
    replay` appends it again, and it counts once. Skip a single request where `status` names one: the other
    requests in the record are other clients'.
    """
    del topic
    try:
        decided = asyncio.run(
            skip_telemetry(
                of_home(home),
                partition,
                offset,
                index=request,
                reason=reason or "skipped by an operator",
                force=force,
            )
        )
    except Refused as error:
        print(f"questlog skip: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print("was skipped already:" if decided.again else "skipped:")
    for part in decided.requests:
        print(f"  {part.kind} {part.request_id} of game {part.game_id}: {part.item_count} items")
    print(f"After the release that takes it in: questlog dlq replay {decided.letter_id}")
