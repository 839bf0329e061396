"""The live-ops drill: money and grants move while everything that moves them is killed.

Every client retries with its key until it knows. In the end every balance must be what was answered, every
ledger must hold each accepted operation once, and every player's history must be linearizable.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from deploy.lab.drill.checks import DrillOutcome, Verdict
from deploy.lab.drill.faults import KILL_SECONDS, Recovery
from deploy.lab.drill.history import check_balance
from deploy.lab.drill.killing import EMPTY, Killing, some
from deploy.lab.drill.liveops_clients import CURRENCY, Clients, Player, ask_again
from deploy.lab.drill.load_shares import Shares
from deploy.lab.drill.stack import DrillFailedError, OwnStack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Canary = Callable[[], Awaitable[None]]
    """Returns once a new write was answered and can be read."""

VICTIMS: Final = ("worker-decider", "worker-redis", "edge", "redis", "kafka", EMPTY)
"""Who is killed, in this order in the first round."""
LANES: Final = 64
ASKED_AGAIN: Final = 4
"""Answers of each player that are asked for once more in the end."""


class DemoStack(Protocol):
    """A stack with the demo's studio."""

    demo: dict[str, Any]
    """What demo.json says of it."""


class Disturbing(Protocol):
    """What happens to the stack while money moves; `Killing` is one."""

    recoveries: list[Recovery]

    async def in_turn(self, kills: int, playing: asyncio.Task[Any], shares: Shares) -> None:
        """All of it, a share of the load after each step."""
        ...

    def verdicts(self) -> list[Verdict]:
        """What came of it."""
        ...


class MoneyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do. The same seed gives the same operations, kills and pauses."""

    operations: int = 50_000
    players: int = 500
    kills: int = 30
    seed: int = 1


class MoneyOutcome(DrillOutcome):
    """All that a drill found."""

    recoveries: list[Recovery] = []
    answers: dict[str, int] = {}
    operations: int = 0
    unsure: int = 0
    seconds: float = 0.0


class MoneyDrill:
    """One drill on a stack that nothing else uses."""

    def __init__(
        self,
        stack: DemoStack,
        plan: MoneyPlan,
        tell: Callable[[str], None],
        disturb: Callable[[Canary], Disturbing] | None = None,
    ) -> None:
        """`disturb` makes what happens meanwhile; None kills processes, which an OwnStack can."""
        self._plan = plan
        self._tell = tell
        self._dice = random.Random(plan.seed)  # noqa: S311 - a repeatable order
        self._run = uuid.uuid4().hex[:8]
        keys = stack.demo["keys"]
        self._clients = Clients(
            stack.demo["base_url"], keys["relay_lo_live"], keys["relay_lo_srv"], connections=4 * LANES
        )
        each = max(1, plan.operations // plan.players)
        self._players = [
            Player(f"drill-{self._run}-{number}", each, self._dice) for number in range(plan.players)
        ]
        self._shares = Shares(sum(len(player.kinds) for player in self._players), plan.kills)
        self._killing: Disturbing
        if disturb is not None:
            self._killing = disturb(self._canary)
        elif isinstance(stack, OwnStack):
            self._killing = Killing(stack, VICTIMS, self._dice, tell, self._canary)
        else:
            raise TypeError("only an OwnStack's processes can be killed")
        self.outcome = MoneyOutcome()

    async def carry_out(self) -> MoneyOutcome:
        """Register, play and kill, check. Raises DrillFailedError where that can't be done."""
        begun = time.monotonic()
        try:
            await self._register()
            playing = asyncio.create_task(self._play())
            try:
                await self._killing.in_turn(self._plan.kills, playing, self._shares)
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
        self.outcome.operations = sum(len(player.kinds) for player in self._players)
        return self.outcome

    async def _register(self) -> None:
        self._tell(f"{len(self._players)} players register…")
        slots = asyncio.Semaphore(LANES)

        async def one(player: Player) -> None:
            async with slots:
                path, key = (
                    f"{player.path}/register",
                    str(uuid.UUID(int=self._dice.getrandbits(128), version=4)),
                )
                answer = await self._clients.call(player.external_id, path, key)
                if answer.status != 201:
                    raise DrillFailedError(f"register: {answer.status} {answer.text!r}")
                self._clients.secrets[player.external_id] = msgspec.json.decode(answer.text)["secret"]

        await asyncio.gather(*(one(player) for player in self._players))

    async def _play(self) -> None:
        """Operations of all players mixed, a share of them for each kill."""
        turns = [(player, number) for player in self._players for number in range(len(player.kinds))]
        self._dice.shuffle(turns)
        todo = iter(turns)
        pause = max(0.0, KILL_SECONDS * LANES / self._shares.size - 0.02)

        async def lane() -> None:
            for player, number in todo:
                await self._shares.take()
                await player.play(self._clients, number)
                if not self._shares.finished:
                    await asyncio.sleep(pause)

        await asyncio.gather(*(lane() for _ in range(LANES)))

    async def _canary(self) -> None:
        canary = f"canary-{uuid.uuid4().hex}"
        path = f"/server/v1/players/{canary}/wallet/{CURRENCY}/credit"
        await self._clients.call(canary, path, canary, {"amount": 1}, server=True)
        await self._clients.get(canary, f"/server/v1/players/{canary}")

    async def _check(self) -> None:
        self._tell("looking at every balance, ledger and history…")
        verdicts, players = self.outcome.verdicts, self._players
        wrong = [problem for player in players for problem in player.wrong]
        verdicts.append(Verdict("no answer but those of the contract", not wrong, some(wrong)))
        self.outcome.recoveries = self._killing.recoveries
        verdicts += self._killing.verdicts()
        slots = asyncio.Semaphore(LANES)
        problems: dict[str, list[str]] = {"balance": [], "ledger": [], "again": []}

        async def one(player: Player) -> None:
            async with slots:
                await self._check_player(player, problems)

        await asyncio.gather(*(one(player) for player in players))
        count = len(players)
        for name, title in (
            ("balance", "every balance is what the accepted operations give"),
            ("ledger", "every ledger has each accepted operation once, and sums up to the balance"),
            ("again", "the same key gives the same answer, byte for byte"),
        ):
            verdicts.append(Verdict(title, not problems[name], some(problems[name]) or f"{count} players"))
        verdicts.append(await asyncio.to_thread(self._linearizable))

    async def _check_player(self, player: Player, problems: dict[str, list[str]]) -> None:
        shown = await self._clients.get(player.external_id, player.server_path)
        held = {row["economyKey"]: row["balance"] for row in shown["wallet"]}.get(CURRENCY, 0)
        if held != player.expected():
            problems["balance"].append(f"{player.external_id}: {held}, not {player.expected()}")
        rows = await self._ledger(player)
        commands = [row["commandId"] for row in rows]
        moved = sum(1 for operation in player.history if operation.kind != "read" and operation.ok)
        if len(set(commands)) != len(commands) or len(rows) != moved:
            problems["ledger"].append(f"{player.external_id}: {len(rows)} rows for {moved} operations")
        if sum(row["amount"] for row in rows) != held:
            problems["ledger"].append(f"{player.external_id}: the ledger does not sum up to {held}")
        some = self._dice.sample(player.answered, min(ASKED_AGAIN, len(player.answered)))
        problems["again"] += await ask_again(self._clients, player, some)

    async def _ledger(self, player: Player) -> list[dict[str, Any]]:
        """The whole ledger. Older rows come from ClickHouse, which may trail by a moment."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            page = await self._clients.get(player.external_id, f"{player.server_path}/ledger?limit=100{more}")
            rows += page["ledger"]
            cursor = page.get("nextCursor") or page.get("cursor") or ""
            if not cursor:
                return rows

    def _linearizable(self) -> Verdict:
        bad, unknown, operations = [], 0, 0
        for player in self._players:
            verdict = check_balance(player.history)
            operations += len(player.history)
            unknown += verdict.linearizable is None
            if verdict.linearizable is False:
                bad.append(f"{player.external_id} after {verdict.reached} of {len(player.history)}")
        figures = f"{operations:,} operations and reads of {len(self._players)} players"
        return Verdict(
            "every player's history is linearizable",
            not bad and not unknown,
            some(bad) or (f"{unknown} searches were given up" if unknown else figures),
        )
