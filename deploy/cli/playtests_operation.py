"""`questlog playtests credit`, `payouts`, `trials`, `validate`, `forget`: joined into `playtests`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from uuid import UUID

import msgspec
import typer

from deploy.cli.piped import say, say_tables
from deploy.cli.running_stack import of_home
from deploy.playtest_administration import open_operation
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schemas.edge.ports import Studio
    from schemas.playtests.account_views import Payout
    from schemas.playtests.views import Order
    from streams.playtests.operation import PlaytestOperation

ROWS_MAX: Final = 10_000
OWED: Final = ("playtester", "cents")
SENT: Final = ("id", "sent", "status", "cents", "playtester", "external_id")
TRIALS: Final = ("id", "asked", "studio", "game")
REASON_CHARACTERS_MAX: Final = 200

T = TypeVar("T")
payouts_app = typer.Typer(no_args_is_help=True, help="What playtesters are owed, and what was sent to them.")
trials_app = typer.Typer(no_args_is_help=True, help="Free trials that wait for approval.")
StudioName = Annotated[str, typer.Argument(metavar="STUDIO", help="The studio's slug or id.")]
TesterId = Annotated[UUID, typer.Argument(metavar="PLAYTESTER", help="The playtester's id.")]
PlaytestId = Annotated[UUID, typer.Argument(metavar="PLAYTEST", help="The playtest's id.")]
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def join(app: typer.Typer) -> None:
    """Add these commands to `questlog playtests`."""
    app.add_typer(payouts_app, name="payouts")
    app.add_typer(trials_app, name="trials")
    app.command("credit", context_settings={"ignore_unknown_options": True})(credit_command)
    app.command("validate")(validate_command)
    app.command("forget")(forget_command)


def credit_command(
    studio: StudioName,
    cents: Annotated[int, typer.Argument(metavar="CENTS", help="May be negative: -500.")],
    reason: Annotated[str, typer.Option(help="Shown in the studio's ledger.")],
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Give a studio credit, or take it."""
    if not cents:
        raise typer.BadParameter("0 cents move nothing")
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        raise typer.BadParameter(f"a reason has 1 to {REASON_CHARACTERS_MAX} characters")
    row = _of_studio(home, studio, lambda operation, owner: operation.credit(owner, cents, reason))
    _tell(row, f"{studio} has {row.balance_cents:,} cents", as_json=as_json)


@payouts_app.command("list")
def list_command(studio: StudioName, home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Who is owed how much, and what was sent, the newest first.

    Piped: two tab-separated tables with an empty line between them.
    """

    async def read(operation: PlaytestOperation, owner: Studio) -> tuple[list[tuple[str, int]], list[Payout]]:
        return await operation.owed(owner, ROWS_MAX), await operation.payouts(owner, ROWS_MAX)

    owed, sent = _of_studio(home, studio, read)
    if as_json:
        told = [{"playtester_id": name, "balance_cents": cents} for name, cents in owed]
        print(json.dumps({"owed": told, "payouts": msgspec.to_builtins(sent)}))
        return
    say_tables(
        ((OWED, [[name, str(cents)] for name, cents in owed]), (SENT, map(payout_cells, sent))),
        [*(f"{name} is owed {cents:,} cents" for name, cents in owed), *map(payout_line, sent)],
    )


def payout_cells(one: Payout) -> list[str]:
    """A payout as a row of `SENT`."""
    sent = iso_ms(one.sent_at_ms)
    return [one.id, sent, one.status, str(one.amount_cents), one.playtester_id, one.external_id or ""]


def payout_line(one: Payout) -> str:
    """A payout as a terminal shows it."""
    about = f"{iso_ms(one.sent_at_ms)}, {one.status}, {one.amount_cents:,} cents"
    return f"{one.id}\n    {about}\n    to {one.playtester_id}"


@payouts_app.command("sent")
def sent_command(  # noqa: PLR0917 - typer passes options by name
    studio: StudioName,
    playtester: TesterId,
    cents: Annotated[int, typer.Argument(metavar="CENTS", min=1)],
    external_id: Annotated[str | None, typer.Option(help="What the bank calls it.")] = None,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Tell that money was sent to a playtester."""
    answer = _of_studio(
        home,
        studio,
        lambda operation, owner: operation.sent(owner, str(playtester), cents, external_id),
    )
    owed = f"{playtester} is owed {answer.balance_cents:,} cents"
    _tell(answer, f"{answer.payout.id}: {owed}", as_json=as_json)


@payouts_app.command("failed")
def failed_command(
    studio: StudioName,
    payout: Annotated[UUID, typer.Argument(metavar="PAYOUT", help="As `payouts list` shows it.")],
    reason: Annotated[str | None, typer.Option(help="Shown in the playtester's earnings.")] = None,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Tell that a payout came back."""
    answer = _of_studio(home, studio, lambda operation, owner: operation.failed(owner, str(payout), reason))
    owed = f"{answer.payout.playtester_id} is owed {answer.balance_cents:,} cents"
    _tell(answer, owed, as_json=as_json)


@trials_app.command("list")
def trials_command(home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Free trials of all studios that wait, the newest first; piped: tab-separated."""
    rows = _run(home, lambda operation: operation.trials(ROWS_MAX))
    if as_json:
        print(json.dumps([msgspec.to_builtins(row.order) for row in rows]))
        return
    say(TRIALS, (trial_cells(row.order) for row in rows), (trial_line(row.order) for row in rows))
    if not rows:
        print("no trial waits", file=sys.stderr)


def trial_cells(order: Order) -> list[str]:
    """A free trial as a row of `TRIALS`."""
    return [order.id, iso_ms(order.created_at_ms), order.studio_id, order.game_id]


def trial_line(order: Order) -> str:
    """A free trial as a terminal shows it."""
    where = f"studio {order.studio_id}\n    game {order.game_id}"
    return f"{order.id}\n    asked for {iso_ms(order.created_at_ms)}\n    {where}"


@trials_app.command("approve")
def approve_command(playtest: PlaytestId, home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Let a free trial be offered."""
    order = _run(home, lambda operation: operation.decide_trial(str(playtest), approve=True))
    _tell(order, f"{playtest} is offered", as_json=as_json)


@trials_app.command("decline")
def decline_command(playtest: PlaytestId, home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Cancel a free trial; its game may have another."""
    order = _run(home, lambda operation: operation.decide_trial(str(playtest), approve=False))
    _tell(order, f"{playtest} is cancelled", as_json=as_json)


def validate_command(
    studio: StudioName,
    playtester: TesterId,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,  # noqa: FBT002 - a typer flag
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Vouch for a playtester: owners see since when."""
    answer = _of_studio(
        home,
        studio,
        lambda operation, owner: operation.validate(owner, str(playtester), validated=not revoke),
    )
    since = answer.validated_at_ms
    said = f"{playtester} is validated since {iso_ms(since)}" if since else f"{playtester} is not validated"
    _tell(answer, said, as_json=as_json)


def forget_command(
    studio: StudioName,
    playtester: Annotated[UUID | None, typer.Option(help="One of the studio's panel.")] = None,
    email: Annotated[str | None, typer.Option(help="Who was invited, or redeemed a key.")] = None,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Drop a person from every store, with recordings and transcripts; ids and money stay.

    A key is revoked by `questlog keys revoke`.
    """
    if (playtester is None) == (email is None):
        raise typer.BadParameter("name either --playtester or --email")

    async def forget(operation: PlaytestOperation, owner: Studio) -> None:
        if playtester is not None:
            await operation.forget(owner, str(playtester))
        elif email is not None:
            await operation.forget_email(owner, email)

    _of_studio(home, studio, forget)
    _tell({"forgotten": True}, "forgotten", as_json=as_json)


def _tell(answer: object, said: str, *, as_json: bool) -> None:
    """What came of a command: a line, or the whole answer as JSON."""
    print(json.dumps(msgspec.to_builtins(answer)) if as_json else said)


def _run(home: str | None, ask: Callable[[PlaytestOperation], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with open_operation(of_home(home)) as operation:
            return await ask(operation)

    return asyncio.run(asked())


def _of_studio(home: str | None, studio: str, ask: Callable[[PlaytestOperation, Studio], Awaitable[T]]) -> T:
    async def asked(operation: PlaytestOperation) -> T:
        return await ask(operation, await operation.studio(studio))

    return _run(home, asked)
