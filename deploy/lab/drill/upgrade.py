"""The upgrade drill: processes of an older release are replaced by this one's under writes, and back again.

The order is the README's: topics, tables and snapshots, what reads the log, deciders, edges; back in the
opposite order. Money moves and events are sent all the while: each counts once, and no client meets another
answer than one that tells it to ask again.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.bench.markers import Markers
from deploy.lab.drill.checks import DrillOutcome, Verdict, found_rows, judge_attempts, judge_rollups
from deploy.lab.drill.faults import Recovery
from deploy.lab.drill.killing import some
from deploy.lab.drill.liveops import MoneyDrill, MoneyPlan
from deploy.lab.drill.numbered_events import requests
from deploy.lab.drill.sending import Sender
from deploy.lab.drill.stack import DrillFailedError
from deploy.lab.drill.two_releases import HERE, TwoReleases, migrations_of
from deploy.lab.drill.upgrade_steps import Replacing, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


EVENTS_A_SECOND: Final = 400.0
EVENTS_MAX: Final = 400_000
BATCH: Final = 40
LANES: Final = 4
SECONDS_MAX: Final = 1_800.0


class UpgradePlan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is written meanwhile."""

    operations: int = 4_000
    players: int = 100
    seed: int = 1


class UpgradeOutcome(DrillOutcome):
    """All that a drill found."""

    replaced: list[Recovery] = []
    """Of each step, how long no write was answered, and when the process was ready."""
    answers: dict[str, int] = {}
    operations: int = 0
    events: int = 0
    restarts: int = 0
    seconds: float = 0.0


class UpgradeDrill:
    """One drill on a stack that nothing else uses."""

    def __init__(self, stack: TwoReleases, old: Path, plan: UpgradePlan, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._old = old
        self._plan = plan
        self._tell = tell
        self._run = uuid.uuid4().hex[:8]
        self._clickhouse = stack.clickhouse()
        self._target = stack.target(self._clickhouse)
        keys = stack.demo["keys"]
        self._sender = Sender(
            base_url=stack.demo["base_url"],
            game_id=self._target.app_id,
            public_token=keys["relay_public_token"],
            ingest_key=keys["pl_ik"],
            lanes=LANES,
            rate=EVENTS_A_SECOND,
        )
        self.outcome = UpgradeOutcome()

    async def carry_out(self) -> UpgradeOutcome:
        """Replace all, forth, back and forth, under writes; then count.

        Raises DrillFailedError, and TimeoutError after half an hour.
        """
        async with asyncio.timeout(SECONDS_MAX):
            return await self._carried_out()

    async def _carried_out(self) -> UpgradeOutcome:
        begun = time.monotonic()
        tables_changed = migrations_of(self._old) != migrations_of(HERE)
        todo = steps(self._stack.names, tables_changed=tables_changed)
        made = requests(self._run, EVENTS_MAX, BATCH, LANES)
        sending = asyncio.create_task(self._sender.send(made, seconds=3_600))
        plan = MoneyPlan(
            operations=self._plan.operations,
            players=self._plan.players,
            kills=len(todo),
            seed=self._plan.seed,
        )
        money = MoneyDrill(
            self._stack,
            plan,
            self._tell,
            lambda canary: Replacing(self._stack, self._old, todo, self._tell, canary),
        )
        try:
            moved = await money.carry_out()
            self._sender.enough = True
            left = await sending
            await self._check(moved.verdicts, len(left), tables_changed=tables_changed)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await self._clickhouse.close()
        outcome = self.outcome
        outcome.replaced = moved.recoveries
        outcome.operations = moved.operations
        outcome.events = self._sender.accepted_events
        outcome.answers = {
            answer: moved.answers.get(answer, 0) + self._sender.answers.get(answer, 0)
            for answer in sorted({*moved.answers, *self._sender.answers})
        }
        outcome.restarts = len(self._stack.restarts)
        outcome.seconds = time.monotonic() - begun
        return outcome

    async def _check(self, moved: list[Verdict], left: int, *, tables_changed: bool) -> None:
        self._tell("waiting until all of it can be queried…")
        if await Markers(self._target, patient=True).wait_for_one(300.0) is None:
            raise DrillFailedError("the projection did not catch up in 5 minutes")
        verdicts = self.outcome.verdicts
        verdicts += moved
        verdicts.append(Verdict("no event was refused", not left, f"{left} requests given up or refused"))
        verdicts += judge_attempts(self._sender.attempts, await found_rows(self._clickhouse, self._run))
        verdicts += await judge_rollups(self._clickhouse, self._target.app_id)
        restarts = self._stack.restarts
        verdicts.append(Verdict("no process ended unasked", not restarts, some(restarts)))
        self._tell("building Redis and ClickHouse again with this release, to compare…")
        compared = await self._stack.command(HERE, "rebuild", "all", "--verify", "--json")
        changed = " (their definitions differ between the two)" if tables_changed else ""
        said = compared.stderr[-500:] if compared.returncode else f"Redis and all tables{changed}"
        different = _different(compared.stdout)
        verdicts.append(
            Verdict(
                "what both releases wrote is what this one makes of the log",
                compared.returncode == 0,
                some(different) or said,
            )
        )


def _different(printed: str) -> list[str]:
    try:
        results = msgspec.json.decode(printed)
    except msgspec.DecodeError:
        return []
    return [f"{one['noun']} in {one['store']}: {one['different']}" for one in results if one["different"]]
