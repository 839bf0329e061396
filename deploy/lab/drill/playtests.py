"""The playtests drill: orders, slots and money move while every process that moves them is killed.

Every client retries with its key until it knows. In the end every answer must be what the log says, the
log must keep the contract's promises after every event by a model of its own, what is read over HTTP must be
that model's, every slot's history must be linearizable, nothing may lag, and a rebuild must be equal.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.cli import running_stack
from deploy.cli.rebuild import rebuild_clickhouse
from deploy.lab.drill.checks import DrillOutcome, Verdict
from deploy.lab.drill.decided_log import read_log
from deploy.lab.drill.faults import KILL_SECONDS, Recovery
from deploy.lab.drill.killing import EMPTY, Killing, some
from deploy.lab.drill.load_shares import Shares
from deploy.lab.drill.playtests_clients import Clients
from deploy.lab.drill.playtests_judge import judge_answers, judge_histories, judge_winners
from deploy.lab.drill.playtests_model import Model
from deploy.lab.drill.playtests_moves import Moves
from deploy.lab.drill.playtests_reads import answers_that_differ, is_remembered, reads_that_differ
from deploy.lab.drill.playtests_world import GAMES, Record, Side, make_sides
from deploy.rebuild_redis import rebuild_redis
from schemas.playtests.noun import PLAYTESTS_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.lab.drill.stack import OwnStack

VICTIMS: Final = (
    "worker-decider",
    "worker-redis",
    "edge",
    "worker-timer",
    "kafka",
    "redis",
    "worker-effects",
    EMPTY,
)
"""Who is killed, in this order in the first round."""
LANES: Final = 64
ASKED_AGAIN: Final = 500
"""Answers that are asked for once more in the end."""
SETTLE_SECONDS: Final = 60.0
TOP_UPS: Final = 3


class PlaytestsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do. The same seed gives the same operations, kills and pauses."""

    operations: int = 20_000
    studios: int = 3
    owners: int = 6
    """Keys of each studio: each has a rate."""
    panel: int = 60
    """Playtesters of each studio."""
    kills: int = 30
    seed: int = 1


class PlaytestsOutcome(DrillOutcome):
    """All that a drill found."""

    recoveries: list[Recovery] = []
    answers: dict[str, int] = {}
    operations: int = 0
    """Writes that were answered."""
    events: int = 0
    """In the log."""
    unsure: int = 0
    seconds: float = 0.0


class PlaytestsDrill:
    """One drill on a stack that nothing else uses."""

    def __init__(self, stack: OwnStack, plan: PlaytestsPlan, tell: Callable[[str], None]) -> None:
        self._configured = running_stack.of_home(stack.home)
        self._plan = plan
        self._tell = tell
        self._dice = random.Random(plan.seed)  # noqa: S311 - a repeatable order
        self._run = f"drill-{uuid.uuid4().hex[:8]}"
        demo = stack.demo
        self._clients = Clients(demo["base_url"], demo["payments_secret"], connections=4 * LANES)
        self._record = Record()
        self._moves = Moves(self._clients, self._record, self._dice)
        self._shares = Shares(plan.operations, plan.kills)
        self._killing = Killing(stack, VICTIMS, self._dice, tell, self._canary)
        self._sides: list[Side] = []
        self._model = Model()
        self.outcome = PlaytestsOutcome()

    async def carry_out(self) -> PlaytestsOutcome:
        """Make studios, play and kill, check. Raises DrillFailedError where that can't be done."""
        begun, plan = time.monotonic(), self._plan
        try:
            self._tell(f"{plan.studios} studios get {plan.owners + plan.panel} keys each…")
            self._sides = await make_sides(
                self._configured, self._run, studios=plan.studios, owners=plan.owners, panel=plan.panel
            )
            await asyncio.gather(*(self._moves.fund(side) for side in self._sides * TOP_UPS))
            playing = asyncio.create_task(self._play())
            try:
                await self._killing.in_turn(plan.kills, playing, self._shares)
                self._tell("playing what is left…")
                await playing
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
            await self._check()
        finally:
            await self._clients.close()
        self.outcome.seconds = time.monotonic() - begun
        self.outcome.answers = self._clients.answers
        self.outcome.unsure = self._clients.unsure
        self.outcome.operations = len(self._record.answered)
        return self.outcome

    async def _play(self) -> None:
        """Turns of all studios mixed, a share of them for each kill."""
        left = iter(range(self._plan.operations))
        pause = max(0.0, KILL_SECONDS * LANES / self._shares.size - 0.02)

        async def lane() -> None:
            for _ in left:
                await self._shares.take()
                if self._done():
                    return
                await self._moves.turn(self._dice.choice(self._sides))
                if not self._shares.finished:
                    await asyncio.sleep(pause)

        await asyncio.gather(*(lane() for _ in range(LANES)))

    def _done(self) -> bool:
        """Many turns make two writes: with the kills behind them, the operations may be done before."""
        return self._shares.finished and len(self._record.answered) >= self._plan.operations

    async def _canary(self) -> None:
        side = self._sides[0]
        game_id = side.games[GAMES[0]]
        answer = await self._clients.write(
            side.owner,
            f"/games/{game_id}/playtests",
            uuid.uuid4().hex,
            operation="order",
            ids=(game_id,),
            body={"quantity": 1},
        )
        self._record.answered.append(answer)
        await self._clients.read(side.owner, f"/playtests/{answer.data['playtest']['id']}")

    def _judge(self, name: str, problems: Sequence[str], figures: str) -> None:
        self.outcome.verdicts.append(Verdict(name, not problems, some(problems) or figures))

    async def _check(self) -> None:
        self._tell("waiting until nothing lags…")
        record = self._record
        self._judge("no answer but those of the contract", record.wrong, "")
        self.outcome.recoveries = self._killing.recoveries
        self.outcome.verdicts += self._killing.verdicts()
        self._judge("nothing lags", await self._settled(), "")
        self._tell("folding the log…")
        log = await read_log(self._configured, PLAYTESTS_EVENTS)
        for entry in log:
            for event in entry.decided.events:
                self._model.fold(f"{entry.partition}@{entry.offset}", event)
        self.outcome.events = self._model.events
        answered, events = len(record.answered), self._model.events
        self._judge(
            "every answer is what the log says, each command decided once",
            judge_answers(record.answered, log),
            f"{answered:,} answers",
        )
        self._judge(
            "money and seats after every event, by a model of its own",
            self._model.problems,
            f"{events:,} events",
        )
        self._judge("one winner for each slot", judge_winners(record.answered), "")
        count, differ = await reads_that_differ(self._clients, self._sides, self._model)
        self._judge("what is read is what the model says", differ, f"{count:,} reads")
        decided = {entry.decided.command_id for entry in log}
        known = [one for one in record.answered if is_remembered(one) and one.command_id in decided]
        chosen = self._dice.sample(known, min(ASKED_AGAIN, len(known)))
        again = await answers_that_differ(self._clients, chosen)
        self._judge("the same key gives the same data, byte for byte", again, f"{ASKED_AGAIN} answers")
        self._tell("looking at every slot's history…")
        orders = {
            order_id: order
            for side in self._sides
            for order_id, order in self._model.studios[side.studio_id].orders.items()
        }
        wrong, operations = await asyncio.to_thread(judge_histories, record, orders)
        slots = sum(len(order.slots) for order in orders.values())
        self._judge(
            "every slot's history is linearizable", wrong, f"{operations:,} operations of {slots:,} slots"
        )
        self._judge("a rebuild of Redis and ClickHouse is equal", await self._rebuilt(), "")

    async def _settled(self) -> list[str]:
        """What still lags after a while, or waits for its publication."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            status, data = await self._clients.readiness()
            late = [
                f"{one['name']} {one['state']} {one['lagRecords']} records"
                for one in data["projections"]
                if one["state"] != "ready" or one["lagRecords"]
            ]
            for side in self._sides:
                path = "/playtests/submissions?status=publishing&limit=1"
                if (await self._clients.read(side.owner, path))["data"]["submissions"]:
                    late.append("slots wait for their publication")
            if status == 200 and not late:
                return []
            if time.monotonic() > deadline:
                return late or [f"/readyz answers {status}"]
            await asyncio.sleep(0.2)

    async def _rebuilt(self) -> list[str]:
        self._tell("rebuilding beside the live stores…")
        redis = await rebuild_redis(self._configured, verify=True, progress=lambda *_: None)
        tables = await rebuild_clickhouse(self._configured, lambda *_: None, verify=True)
        found = [f"redis {one.noun}: {key}" for one in redis for key in one.different]
        return found + [f"clickhouse {one['noun']}: {table}" for one in tables for table in one["different"]]
