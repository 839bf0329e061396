"""`questlog drill`: break a stack on purpose and count what came of it; hold a load and watch memory."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from deploy.cli import tables
from deploy.lab.bench.load import Order, check
from deploy.lab.bench.relay import read_relay
from deploy.lab.cli.drill_results import memory_table, show_faults, show_fleet, show_verdicts
from deploy.lab.cli.measurement import measuring
from deploy.lab.drill.checks import DrillOutcome
from deploy.lab.drill.disk import DiskDrill, DiskOutcome, DiskPlan
from deploy.lab.drill.faults import FaultDrill, Plan
from deploy.lab.drill.fleet import FleetDrill
from deploy.lab.drill.fleet_plan import FleetPlan
from deploy.lab.drill.fuzz import FuzzDrill, FuzzOutcome, FuzzPlan
from deploy.lab.drill.liveops import MoneyDrill, MoneyOutcome, MoneyPlan
from deploy.lab.drill.playtests import PlaytestsDrill, PlaytestsOutcome, PlaytestsPlan
from deploy.lab.drill.small_volume import HOME, is_inside, run_inside
from deploy.lab.drill.soak import soak
from deploy.lab.drill.stack import DrillFailedError, OwnStack
from deploy.lab.drill.two_releases import TwoReleases, unpack
from deploy.lab.drill.upgrade import UpgradeDrill, UpgradeOutcome, UpgradePlan
from deploy.stack.program import PartFailed
from projections.clickhouse.errors import ClickHouseError

app = typer.Typer(help="Break a stack on purpose and count what came of it.", no_args_is_help=True)
Home = Annotated[Path | None, typer.Option(help="Keep the stack's state here; a temporary folder else.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
Tell = Callable[[str], None]
OutcomeT = TypeVar("OutcomeT", bound=DrillOutcome)


@app.callback()
def _drill() -> None:
    """Break a stack on purpose and count what came of it."""


@app.command("faults")
def faults_command(  # noqa: PLR0917 - typer takes options as parameters
    events: Annotated[int, typer.Option(min=1_000, max=100_000_000, help="Events to send.")] = 1_000_000,
    kills: Annotated[int, typer.Option(min=0, max=1_000, help="SIGKILLs, all processes in turn.")] = 20,
    zombies: Annotated[int, typer.Option(min=0, max=20, help="Workers stopped past their session.")] = 1,
    seed: Annotated[int, typer.Option(help="Order and pauses of the kills.")] = 1,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Start a stack of its own, load it, kill processes, stop and continue a worker, then count everything.

    Exit code 0 where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = Plan(events=events, kills=kills, zombies=zombies, seed=seed)
    _carry_out(home, as_json, lambda stack, tell: FaultDrill(stack, plan, tell).carry_out(), show_faults)


@app.command("liveops")
def liveops_command(  # noqa: PLR0917 - typer takes options as parameters
    operations: Annotated[int, typer.Option(min=10, max=5_000_000, help="Operations in all.")] = 50_000,
    players: Annotated[int, typer.Option(min=1, max=20_000, help="Players they are spread over.")] = 500,
    kills: Annotated[int, typer.Option(min=0, max=1_000, help="SIGKILLs, all processes in turn.")] = 30,
    seed: Annotated[int, typer.Option(help="Operations, order and pauses of the kills.")] = 1,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Move money and grants on a stack of its own while its parts are killed, then check every balance.

    Exit code 0 where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = MoneyPlan(operations=operations, players=players, kills=kills, seed=seed)

    def summary(console: Console, outcome: MoneyOutcome) -> None:
        console.print(
            f"{outcome.operations:,} operations in {outcome.seconds:.0f} s; {outcome.unsure} attempts "
            f"of unknown outcome; answers {outcome.answers}"
        )

    _carry_out(home, as_json, lambda stack, tell: MoneyDrill(stack, plan, tell).carry_out(), summary)


@app.command("playtests")
def playtests_command(
    operations: Annotated[int, typer.Option(min=10, max=1_000_000, help="Operations in all.")] = 20_000,
    kills: Annotated[int, typer.Option(min=0, max=1_000, help="SIGKILLs, all processes in turn.")] = 30,
    seed: Annotated[int, typer.Option(help="Operations, order and pauses of the kills.")] = 1,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Order, claim, submit, review on a stack of its own while its parts are killed, then check it all.

    Exit code 0 where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = PlaytestsPlan(operations=operations, kills=kills, seed=seed)

    def summary(console: Console, outcome: PlaytestsOutcome) -> None:
        console.print(
            f"{outcome.operations:,} writes and {outcome.events:,} events in {outcome.seconds:.0f} s; "
            f"{outcome.unsure} attempts of unknown outcome; answers {outcome.answers}"
        )

    _carry_out(home, as_json, lambda stack, tell: PlaytestsDrill(stack, plan, tell).carry_out(), summary)


@app.command("fleet")
def fleet_command(  # noqa: PLR0917 - typer takes options as parameters
    launches: Annotated[int, typer.Option(min=8, max=100_000, help="Servers to start and stop.")] = 500,
    kills: Annotated[int, typer.Option(min=0, max=1_000, help="SIGKILLs, agents among them.")] = 40,
    freezes: Annotated[
        int, typer.Option(min=0, max=100, help="Agents stopped until their host is lost.")
    ] = 3,
    lanes: Annotated[int, typer.Option(min=1, max=200, help="Servers at once, beside four that stand.")] = 10,
    seed: Annotated[int, typer.Option(help="Choices, order and pauses of the kills.")] = 1,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Start and stop game servers on two hosts of its own while all is killed, then check every life.

    Exit code 0 where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = FleetPlan(launches=launches, kills=kills, freezes=freezes, lanes=lanes, seed=seed)
    _carry_out(home, as_json, lambda stack, tell: FleetDrill(stack, plan, tell).carry_out(), show_fleet)


@app.command("upgrade")
def upgrade_command(  # noqa: PLR0917 - typer takes options as parameters
    older: Annotated[str, typer.Option("--from", metavar="COMMIT", help="Commit of the older release.")],
    operations: Annotated[int, typer.Option(min=10, max=1_000_000, help="Operations in all.")] = 4_000,
    players: Annotated[int, typer.Option(min=1, max=20_000, help="Players they are spread over.")] = 100,
    seed: Annotated[int, typer.Option(help="The operations.")] = 1,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Replace an older release's processes by this one's under writes, go back, come again, count everything.

    The older code is this repository's at COMMIT, run with the packages of this environment. Exit code 0
    where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = UpgradePlan(operations=operations, players=players, seed=seed)

    async def run(folder: Path, tell: Tell) -> UpgradeOutcome:
        old = unpack(older, folder / "older")
        async with TwoReleases(home or folder / "home", old, tell) as stack:
            return await UpgradeDrill(stack, old, plan, tell).carry_out()

    def summary(console: Console, outcome: UpgradeOutcome) -> None:
        console.print(
            f"{outcome.operations:,} operations and {outcome.events:,} events in {outcome.seconds:.0f} s;"
            f" answers {outcome.answers}"
        )

    _report(as_json, run, summary)


@app.command("disk")
def disk_command(
    rounds: Annotated[int, typer.Option(min=1, max=20, help="How often the volume fills up.")] = 2,
    full_seconds: Annotated[float, typer.Option(min=1, max=600, help="How long it stays full.")] = 20.0,
    mebibytes: Annotated[int, typer.Option(min=600, max=100_000, help="Size of the volume.")] = 900,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Fill the volume of a stack of its own (in memory), give the space back, then count everything.

    Exit code 0 where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = DiskPlan(rounds=rounds, full_seconds=full_seconds)
    if not is_inside():
        with (
            _failures_shown(_console(as_json)),
            tempfile.TemporaryDirectory(prefix="questlog-drill-") as folder,
        ):
            command = [sys.executable, "-m", "deploy.cli", *sys.argv[1:]]
            raise typer.Exit(run_inside(Path(folder), mebibytes, command))

    def summary(console: Console, outcome: DiskOutcome) -> None:
        console.print(f"answers {outcome.answers}")

    volume = Path(os.environ[HOME])
    _carry_out(volume, as_json, lambda stack, tell: DiskDrill(stack, plan, tell).carry_out(), summary)


@app.command("fuzz")
def fuzz_command(
    requests: Annotated[int, typer.Option(min=10, max=1_000_000, help="Requests in all.")] = 2_000,
    seconds: Annotated[float, typer.Option(min=5, max=36_000, help="Send for no longer.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Which texts go into which fields.")] = 1,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Send strange texts in every field to a stack of its own, then compare every row with what was sent.

    Exit code 0 where every line of the verdict holds, 1 where one does not, 2 where there is no verdict.
    """
    plan = FuzzPlan(requests=requests, seconds=seconds, seed=seed)

    def summary(console: Console, outcome: FuzzOutcome) -> None:
        console.print(
            f"{outcome.requests:,} requests, {outcome.rows:,} rows, {outcome.players:,} players, "
            f"{outcome.orders:,} orders, {outcome.servers:,} game servers in {outcome.seconds:.0f} s; "
            f"{outcome.texts:,} pairs of a word and a field"
        )

    _carry_out(home, as_json, lambda stack, tell: FuzzDrill(stack, plan, tell).carry_out(), summary)


def _carry_out(
    home: Path | None,
    as_json: bool,  # noqa: FBT001 - a typer flag
    drill: Callable[[OwnStack, Tell], Awaitable[OutcomeT]],
    summary: Callable[[Console, OutcomeT], None],
) -> None:
    """Run a drill on a stack of its own, print what came of it, and leave with its exit code."""

    async def run(folder: Path, tell: Tell) -> OutcomeT:
        own = home or folder
        tell(f"starting a stack on {own}…")
        async with OwnStack(own) as stack:
            return await drill(stack, tell)

    _report(as_json, run, summary)


def _report(
    as_json: bool,  # noqa: FBT001 - a typer flag
    run: Callable[[Path, Tell], Coroutine[Any, Any, OutcomeT]],
    summary: Callable[[Console, OutcomeT], None],
) -> None:
    """Run a drill, print what came of it, and leave with its exit code. The folder is removed afterwards."""
    console = _console(as_json)

    def tell(line: str) -> None:
        console.print(line, style="dim")

    with tempfile.TemporaryDirectory(prefix="questlog-drill-") as temporary, _failures_shown(console):
        outcome = asyncio.run(run(Path(temporary), tell))
    if as_json:
        print(msgspec.json.encode(outcome).decode())
    else:
        summary(console, outcome)
        show_verdicts(console, outcome.verdicts)
    raise typer.Exit(0 if outcome.holds else 1)


def _console(as_json: bool) -> Console:  # noqa: FBT001 - a typer flag
    return Console(highlight=False, soft_wrap=True, stderr=as_json)


@contextmanager
def _failures_shown(console: Console) -> Iterator[None]:
    """Exit code 2, with a line that says why, where the drill can't be carried out."""
    try:
        yield
    except (DrillFailedError, PartFailed, ClickHouseError, OSError) as error:
        console.print(f"questlog: the drill broke off: {error!r}", markup=False)
        raise typer.Exit(2) from None


@app.command("soak")
def soak_command(
    minutes: Annotated[float, typer.Option(min=0.1, max=60, help="How long.")] = 10,
    rate: Annotated[float, typer.Option(min=1, help="Events a second.")] = 20_000,
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Hold a rate on the running stack of HOME and print how each process's memory grows once warm."""
    console = _console(as_json)
    with measuring(home, console):
        relay = read_relay(home)
        order = Order(
            url=relay.base_url,
            token=relay.token,
            app_id=relay.game_id,
            seconds=minutes * 60,
            connections=16,
            batch=100,
            bodies=512,
            rate=rate,
            seed=time.time_ns(),
        )
        check(order)
        result, memories = asyncio.run(soak(home, order, lambda line: console.print(line, style="dim")))
    if as_json:
        body = {"events": result.events, "seconds": result.seconds, "memory": memories}
        print(msgspec.json.encode(body).decode())
        return
    console.print(
        f"{result.events:,} events in {result.seconds:.0f} s, refused {result.refused}, lost {result.lost}"
    )
    tables.show(console, memory_table(memories))
