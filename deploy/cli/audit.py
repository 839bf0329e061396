"""`questlog audit`: what operators and studios did, by whom and when, as the log has it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from deploy.audit import ACTS_MAX, AuditLog, Page, Wanted, read_cursor
from deploy.brokers import brokers_of
from deploy.cli.errors import RequestRefused
from deploy.cli.piped import say
from deploy.cli.running_stack import of_home
from deploy.clock import now_ms
from deploy.nouns import deciding
from deploy.studio_administration import open_queries
from schemas.edge.ports import StoreUnavailable
from schemas.identifiers import STUDIO_ID_PREFIX
from schemas.studio.unknown_studio import unknown_studio
from schemas.timestamps import iso_ms, unix_ms
from streams.runtime.partition_reads import KafkaTail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.audit import Act
    from deploy.settings import Settings

app = typer.Typer()
COLUMNS: Final = ("time", "by", "act", "studio", "game", "target", "outcome", "place")
_AGO: Final = re.compile(r"([0-9]{1,5})([mhd])")
_UNIT_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


@app.command()
def audit_command(  # noqa: PLR0917 - typer passes options by name
    studio: Annotated[str, typer.Option(help="Its slug or id; default: all, and the operators'.")] = "",
    since: Annotated[str, typer.Option(help="A time (ISO 8601), or 15m, 6h, 7d before now.")] = "7d",
    until: Annotated[str, typer.Option(help="The same; default: now.")] = "",
    kind: Annotated[str, typer.Option(help="A part of its name: `key-`, `experiment`, `analysts`.")] = "",
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1, max=ACTS_MAX)] = 200,
    before: Annotated[str, typer.Option(help="A cursor, as the page before shows it.")] = "",
    home: Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Show administrative acts, newest first, tab-separated where it is piped. No secret is among them."""
    now = now_ms()
    try:
        cursor = read_cursor(before) if before else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--before") from None
    asked = Wanted(
        since_ms=moment(since, now, "--since"),
        until_ms=moment(until, now, "--until") if until else now + 1,
        limit=limit,
        kind=kind,
        before=cursor,
    )
    page, slugs = asyncio.run(_page(of_home(home), asked, studio))
    if as_json:
        acts = [{"time": iso_ms(one.at_ms), **msgspec.to_builtins(one)} for one in page.acts]
        print(json.dumps({"acts": acts, "before": page.more}))
        return
    say(
        COLUMNS,
        (cells(one, slugs) for one in page.acts),
        (line for one in page.acts for line in lines(one, slugs)),
    )
    if page.more is not None:
        print(f"there are more: --before {page.more}", file=sys.stderr)


def moment(text: str, now: int, option: str) -> int:
    """Unix milliseconds of a time, or of so long before now."""
    if (ago := _AGO.fullmatch(text)) is not None:
        return now - int(ago[1]) * _UNIT_MS[ago[2]]
    try:
        return unix_ms(text)
    except ValueError:
        raise typer.BadParameter(
            f"a time is ISO 8601 with its zone, or like 7d, not {text}", param_hint=option
        ) from None


def cells(act: Act, slugs: Mapping[str, str]) -> list[str]:
    """An act as a row of `COLUMNS`."""
    whose = [slugs.get(act.studio_id, act.studio_id), slugs.get(act.game_id, act.game_id)]
    return [iso_ms(act.at_ms), act.by, act.act, *whose, act.target, act.outcome, act.place]


def lines(act: Act, slugs: Mapping[str, str]) -> list[str]:
    """An act as a terminal shows it: when, what and how it ended, then who, on what and where it is."""
    time, by, name, studio, game, target, outcome, place = cells(act, slugs)
    where = ", ".join(f"{word} {value}" for word, value in (("studio", studio), ("game", game)) if value)
    return [
        f"{time}  {name}  {target}" + ("" if outcome == "done" else f"  ({outcome})"),
        f"    by {by or 'questlog, or not known'}" + (f", {where}" if where else "") + f", {place}",
    ]


def wanted_studio(named: str, studios: Mapping[str, str] | None) -> str:
    """The id of a studio that is named by its slug or id; empty where none is named.

    `studios` are the ids by slug, None while Redis is away. RequestRefused for a slug that is not known: the
    log would hold no act of it.
    """
    if not named or named.startswith(STUDIO_ID_PREFIX):
        return named
    if studios is None:
        raise RequestRefused(
            f"Redis is away, which knows slugs: name the studio {named} by its id, {STUDIO_ID_PREFIX}…"
        )
    if named not in studios:
        raise RequestRefused(unknown_studio(named, list(studios)))
    return studios[named]


async def _page(settings: Settings, wanted: Wanted, studio: str) -> tuple[Page, dict[str, str]]:
    """The acts, and what studios and games are called; their ids stand while Redis is away."""
    slugs: dict[str, str] = {}
    studios: dict[str, str] | None = None
    async with AsyncExitStack() as stack:
        queries = await stack.enter_async_context(open_queries(settings))
        with contextlib.suppress(StoreUnavailable):
            owners = await queries.studios()
            studios = {owner.slug: owner.id for owner in owners}
            for owner in owners:
                slugs[owner.id] = owner.slug
                slugs |= {game.id: game.slug for game in await queries.games(owner.id)}
        studio_id = wanted_studio(studio, studios)
        tail = KafkaTail(brokers_of(settings), client_id="questlog-audit")
        stack.push_async_callback(tail.stop)
        nouns = [(one.schema, one.projection.topic) for one in deciding(settings) if one.schema.acts]
        page = await AuditLog(tail, nouns).page(msgspec.structs.replace(wanted, studio_id=studio_id))
    return page, slugs
