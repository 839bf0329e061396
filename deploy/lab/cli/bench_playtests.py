"""`questlog bench playtests`: S2's writes and pages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli.tables import show
from deploy.lab.bench.liveops import Figures
from deploy.lab.bench.load import OrderRefusedError
from deploy.lab.bench.playtests import BigDecision, PlaytestsBench
from deploy.lab.bench.redemptions import Redeemed
from deploy.lab.cli.bench_liveops import measurements
from deploy.lab.cli.measurement import measuring

STEPS: Final = ("one", "claims", "pages", "reject", "redeem")
CLAIM_CONNECTIONS: Final = 512
CONNECTIONS: Final = (32, 128)
APPLICATIONS: Final = 2_000


class Report(msgspec.Struct):
    """What came of it."""

    loads: list[Figures] = []
    auto_reject: BigDecision | None = None
    redeemed: Redeemed | None = None


def playtests_command(  # noqa: PLR0917 - typer takes options as parameters
    claims: Annotated[int, typer.Option(min=10, max=20_000, help="Claims on one slot.")] = 10_000,
    slots: Annotated[int, typer.Option(min=100, max=20_000, help="Slots of each claim measurement.")] = 3_000,
    pages: Annotated[int, typer.Option(min=100, max=1_000_000, help="Slots that pages are of.")] = 20_000,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Length of each page measurement.")] = 10,
    keys: Annotated[int, typer.Option(min=100, max=10_000, help="Keys of the batch to redeem.")] = 5_000,
    only: Annotated[str, typer.Option(help="Some of one,claims,pages,reject,redeem, in that order.")] = "",
    home: Annotated[Path, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")] = Path(".questlog"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")] = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Measure a studio of its own, with as many keys as S2's rates ask for; leaves it there.

    one: many playtesters claim one slot. claims: a claim for each of many slots, and their acceptance. pages:
    100 slots or submissions. reject: an approval that rejects 2,000 others, and what it costs other commands.
    redeem: every key of a batch by one link; for that the stack trusts this machine's X-Forwarded-For
    (QUESTLOG_TRUSTED_PROXIES=127.0.0.0/8), as a link takes 20 calls a minute from an address.
    """
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    steps = [step.strip() for step in only.split(",")] if only else list(STEPS)

    async def main() -> Report:
        unknown = [step for step in steps if step not in STEPS]
        if unknown:
            raise OrderRefusedError(f"--only knows {', '.join(STEPS)}, not {', '.join(unknown)}")
        demo = json.loads((home / "demo.json").read_bytes())
        bench = PlaytestsBench(home, demo["base_url"], lambda line: console.print(line, style="dim"))
        panel = {"one": claims, "claims": min(slots, 2_000), "reject": APPLICATIONS}
        await bench.open(max(panel.get(step, 1) for step in steps))
        report = Report()
        if "one" in steps:
            report.loads.append(await bench.claim_one(claims, CLAIM_CONNECTIONS))
        if "claims" in steps:
            report.loads += await bench.claims_and_accepts(slots, CONNECTIONS)
        if "pages" in steps:
            report.loads += await bench.pages(pages, seconds, CONNECTIONS[0])
        if "reject" in steps:
            report.auto_reject = await bench.auto_reject(APPLICATIONS)
        if "redeem" in steps:
            figures, report.redeemed = await bench.redemptions(keys, CONNECTIONS[1])
            report.loads.append(figures)
        return report

    with measuring(home, console):
        report = asyncio.run(main())
    if as_json:
        print(msgspec.json.encode(report).decode())
        return
    _show(console, report)


def _show(console: Console, report: Report) -> None:
    show(console, *measurements(report.loads))
    for one in report.loads:
        if one.refused or one.lost:
            console.print(f"{one.name}: answers other than 2xx {one.refused}, connections lost {one.lost}")
    if report.auto_reject is not None:
        found = report.auto_reject
        console.print(
            f"an approval that rejects {found.applications - 1:,} others: {found.answered_ms:.0f} ms; "
            f"{found.others:,} other commands meanwhile: p99 {found.others_p99_ms:.0f} ms, slowest "
            f"{found.others_max_ms:.0f} ms"
        )
    if report.redeemed is not None:
        given = report.redeemed
        console.print(f"{given.redeemed:,} of {given.keys:,} keys are redeemed")
