"""The fault drill: processes are killed in turn under load, then a worker is stopped past its session."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import uuid
from typing import TYPE_CHECKING, Final

import msgspec
from redis.asyncio import Redis

from deploy.lab.bench.markers import Markers
from deploy.lab.drill.checks import (
    DrillOutcome,
    Verdict,
    found_rows,
    judge_attempts,
    judge_live,
    judge_rollups,
)
from deploy.lab.drill.load_shares import Shares
from deploy.lab.drill.numbered_events import Request, requests
from deploy.lab.drill.sending import Sender
from deploy.lab.drill.stack import DrillFailedError, OwnStack, partitions_held
from projections.telemetry.live_counters import RedisLive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.stack.program import RunningProgram

VICTIMS: Final = (
    "edge",
    "worker-clickhouse",
    "clickhouse",
    "redis",
    "kafka",
    "worker-redis",
    "worker-decider",
    "worker-timer",
)
"""Who is killed; the first round goes in this order, the others as the seed has it."""
RECOVERY_SECONDS: Final = {"kafka": 20.0}
RECOVERY_SECONDS_ELSE: Final = 10.0
GIVE_UP_SECONDS: Final = 90.0
PAUSE_SECONDS: Final = (0.5, 2.5)
KILL_SECONDS: Final = 6.0
"""What a kill and the recovery after it take on a quiet machine: a share of the load is spread over it."""
STOPPED_SECONDS: Final = 9.0
"""How long the zombie is stopped: longer than a consumer's session, so that its partitions are reassigned."""
LANES: Final = 8
BATCH: Final = 100


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do. The same seed kills in the same order and with the same pauses."""

    events: int = 1_000_000
    kills: int = 20
    zombies: int = 1
    seed: int = 1


class Recovery(msgspec.Struct, frozen=True):
    """What one kill cost: seconds until a new event was accepted and queryable and the part ready again."""

    part: str
    queryable_seconds: float | None
    ready_seconds: float | None

    @property
    def seconds(self) -> float | None:
        """The longer of the two; None where it did not come back in time."""
        if self.queryable_seconds is None or self.ready_seconds is None:
            return None
        return max(self.queryable_seconds, self.ready_seconds)

    @property
    def allowed(self) -> float:
        """The figure to stay under."""
        return RECOVERY_SECONDS.get(self.part, RECOVERY_SECONDS_ELSE)


class Outcome(DrillOutcome):
    """All that a drill found."""

    recoveries: list[Recovery] = []
    answers: dict[str, int] = {}
    events: int = 0
    attempts: int = 0
    seconds: float = 0.0


class FaultDrill:
    """One drill on a stack that nothing else uses."""

    def __init__(self, stack: OwnStack, plan: Plan, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._plan = plan
        self._tell = tell
        self._dice = random.Random(plan.seed)  # noqa: S311 - a repeatable order of kills
        self._run = uuid.uuid4().hex[:8]
        demo = stack.demo
        self._clickhouse = stack.clickhouse()
        self._target = stack.target(self._clickhouse)
        self._game_id = self._target.app_id
        self._sender = Sender(
            base_url=demo["base_url"],
            game_id=self._game_id,
            public_token=demo["keys"]["relay_public_token"],
            ingest_key=demo["keys"]["pl_ik"],
            lanes=LANES,
            rate=0.0,
        )
        self.outcome = Outcome()

    async def carry_out(self) -> Outcome:
        """Load, kill, stop and continue a worker, check. Raises DrillFailedError where that can't be done."""
        plan, begun = self._plan, time.monotonic()
        made = requests(self._run, plan.events, BATCH, LANES)
        # A share of the load for each step; whatever is left then goes as fast as it can.
        shares = self._sender.shares = Shares(plan.events, plan.kills + plan.zombies)
        self._sender.rate = shares.size / KILL_SECONDS
        loading = asyncio.create_task(self._sender.send(made, seconds=3_600))
        try:
            await self._kill_in_turn(loading, shares)
            for number in range(plan.zombies):
                await self._restart_dead_workers(number)
                shares.step()
            shares.finish()
            self._sender.rate = 0.0
            self._tell("sending what is left…")
            left = await loading
            await self._check(left)
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
            await self._clickhouse.close()
        self.outcome.seconds = time.monotonic() - begun
        self.outcome.answers = self._sender.answers
        self.outcome.attempts = len(self._sender.attempts)
        self.outcome.events = self._sender.accepted_events
        return self.outcome

    async def _kill_in_turn(self, loading: asyncio.Task[list[Request]], shares: Shares) -> None:
        present = self._stack.parts()
        victims = [name for name in VICTIMS if name in present]
        for number in range(self._plan.kills):
            if number and number % len(victims) == 0:
                self._dice.shuffle(victims)
            if loading.done():
                raise DrillFailedError("the load ended before the kills did")
            await asyncio.sleep(self._dice.uniform(*PAUSE_SECONDS))
            recovery = await self._kill(victims[number % len(victims)])
            self.outcome.recoveries.append(recovery)
            took = "not in time" if recovery.seconds is None else f"{recovery.seconds:.1f} s"
            self._tell(f"kill {number + 1}/{self._plan.kills}: {recovery.part}, back after {took}")
            shares.step()

    async def _kill(self, part: str) -> Recovery:
        pid = self._stack.signal(part, signal.SIGKILL)
        begun = time.monotonic()

        async def ready() -> float | None:
            back = await self._stack.wait_restarted(part, pid, GIVE_UP_SECONDS)
            return time.monotonic() - begun if back else None

        async def queryable() -> float | None:
            markers = Markers(self._target, patient=True)
            found = await markers.wait_for_one(GIVE_UP_SECONDS)
            return None if found is None else time.monotonic() - begun

        asked = await asyncio.gather(queryable(), ready())
        return Recovery(part, *asked)

    async def _restart_dead_workers(self, number: int) -> None:
        """Stop the worker that holds the partition between fetch and insert, until another has it."""
        extra = await self._stack.add_worker("clickhouse", 100 + number)
        holders = await self._holders(extra)
        await self._between_fetch_and_insert()
        port, pid = await self._holder(holders)
        del holders[port]
        os.kill(pid, signal.SIGSTOP)
        self._tell(f"zombie: stopped pid {pid} for {STOPPED_SECONDS:.0f} s")
        begun = time.monotonic()
        try:
            found = await Markers(self._target, patient=True).wait_for_one(GIVE_UP_SECONDS)
            took = None if found is None else time.monotonic() - begun
            await asyncio.sleep(max(0.0, STOPPED_SECONDS - (time.monotonic() - begun)))
            (other,) = holders
            moved = await self._holds(other, 30.0)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.outcome.verdicts.append(
            Verdict(
                "another worker took over from the stopped one",
                moved and took is not None,
                "it did not" if took is None else f"events queryable again after {took:.1f} s",
            )
        )
        await asyncio.sleep(3.0)  # the continued one still has its fetched records, and may insert them
        await self._end(extra)

    async def _end(self, extra: RunningProgram) -> None:
        await self._stack.remove(extra)
        if await Markers(self._target, patient=True).wait_for_one(GIVE_UP_SECONDS) is None:
            raise DrillFailedError("no event was queryable after the second worker had gone")

    async def _holders(self, extra: RunningProgram) -> dict[int, int]:
        """Admin port and pid of both workers, once both run and one of them holds the partition."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            part = self._stack.parts()["worker-clickhouse"]
            holders = {part["admin_port"]: part["pid"], extra.spec.admin_port: extra.process.pid}
            held = [await partitions_held(port) for port in holders]
            if part["state"] == "ready" and sum(held) == 1:
                return holders
            await asyncio.sleep(0.1)
        raise DrillFailedError("two workers were started and none, or both, hold the partition")

    async def _holder(self, holders: dict[int, int]) -> tuple[int, int]:
        for port, pid in holders.items():
            if await partitions_held(port):
                return port, pid
        raise DrillFailedError("no worker says that it holds a partition of telemetry")

    async def _holds(self, port: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await partitions_held(port):
                return True
            await asyncio.sleep(0.1)
        return False

    async def _between_fetch_and_insert(self) -> None:
        """Return in the middle of a batch: the log's newest records are fetched and not inserted."""
        before = await self._applied()
        deadline = time.monotonic() + 15.0
        while time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            if await self._applied() != before:
                break
        await asyncio.sleep(0.5)

    async def _applied(self) -> int:
        rows = await self._clickhouse.system.rows(
            "SELECT max(next_offset) FROM reader_positions WHERE topic = 'telemetry'"
        )
        return int(rows[0][0])

    async def _check(self, left: Sequence[object]) -> None:
        self._tell("waiting until all of it can be queried…")
        caught_up = await Markers(self._target, patient=True).wait_for_one(600.0)
        if caught_up is None:
            raise DrillFailedError("the projection did not catch up in 10 minutes")
        verdicts = self.outcome.verdicts
        verdicts.append(
            Verdict("every request accepted in the end", not left, f"{len(left)} were given up or refused")
        )
        never = [r.part for r in self.outcome.recoveries if r.seconds is None]
        verdicts.append(Verdict("every part came back", not never, "; ".join(never)))
        late = [r for r in self.outcome.recoveries if r.seconds is None or r.seconds > r.allowed]
        verdicts.append(
            Verdict(
                "recovery under 10 s each, broker 20 s",
                not late,
                "; ".join(f"{r.part} {'-' if r.seconds is None else f'{r.seconds:.1f} s'}" for r in late)
                or _slowest(self.outcome.recoveries),
                timed=True,
            )
        )
        found = await found_rows(self._clickhouse, self._run)
        verdicts += judge_attempts(self._sender.attempts, found)
        verdicts += await judge_rollups(self._clickhouse, self._game_id)
        redis = Redis.from_url(self._stack.demo["redis_url"])
        try:
            per_minute = await RedisLive(redis).events_per_minute(self._game_id)
        finally:
            await redis.aclose()
        verdicts.append(await judge_live(self._clickhouse, per_minute, self._game_id))


def _slowest(recoveries: Sequence[Recovery]) -> str:
    if not recoveries:
        return "no kills"
    slowest = max(recoveries, key=lambda recovery: recovery.seconds or 0.0)
    return f"{len(recoveries)} kills, slowest {slowest.part} {slowest.seconds or 0.0:.1f} s"
