"""The fuzz drill: strange texts at every length in every text field, from the wire to the query.

What is accepted must be there, once and equal; what is refused must be refused by the contract and leave
nothing. No process restarts, nothing lags behind, a rebuild gives the same, and a neighbour notices nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.cli.status import read_status
from deploy.lab.drill import fuzz_reading as reading
from deploy.lab.drill.checks import DrillOutcome, Verdict, judge_rollups
from deploy.lab.drill.fuzz_beside import BesideFuzz, open_beside
from deploy.lab.drill.fuzz_cases import Case, Clock, Maker
from deploy.lab.drill.fuzz_comparison import (
    PLACES,
    Found,
    difference,
    expected_rows,
    judge_answers,
    judge_parts,
    judge_rows,
    judge_sessions,
    only_sessions,
    some,
)
from deploy.lab.drill.fuzz_discord import DiscordMaker
from deploy.lab.drill.fuzz_http import Client
from deploy.lab.drill.fuzz_neighbour import Neighbour
from deploy.lab.drill.fuzz_s1 import S1Maker
from deploy.lab.drill.fuzz_s4 import S4Maker
from deploy.lab.drill.fuzz_texts import Texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from deploy.lab.drill.stack import OwnStack

LANES: Final = 4
AGAIN: Final = 0.1
"""So many S1 batches are sent twice."""
SETTLE_SECONDS: Final = 60.0
FEEDBACK_PAUSE_SECONDS: Final = 0.1
"""Until the game's 120 S1 requests a minute are used up; then as fast as its 429s let it."""
DISCORD_PAUSE_SECONDS: Final = 0.2
"""Agents and reads share the key's limit."""


class FuzzPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do: telemetry requests, for at most so many seconds.

    Feedback, Discord messages, live-ops players, orders, game servers and agents go on beside them.

    The same seed sends the same texts; how the lanes interleave is not repeatable.
    """

    requests: int = 2_000
    seconds: float = 300.0
    seed: int = 1
    alone_seconds: float = 10.0
    """How long the neighbour is measured before."""
    reads: int = 150
    """At most so many reads of each kind."""
    rebuild: bool = True


class FuzzOutcome(DrillOutcome):
    """What the drill found."""

    requests: int = 0
    rows: int = 0
    texts: int = 0
    players: int = 0
    orders: int = 0
    servers: int = 0
    seconds: float = 0.0


class FuzzDrill:
    """One drill on a stack."""

    def __init__(self, stack: OwnStack, plan: FuzzPlan, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._plan = plan
        self._tell = tell
        self._keys = stack.demo["keys"]
        self._run = uuid.uuid4().hex[:8]
        games = {game["slug"]: game["id"] for game in stack.demo["games"]}
        self._game_id, self._feedback_game = games["relay"], games["doom"]
        dice = random.Random(plan.seed)  # noqa: S311 - a repeatable order
        self._dice = dice
        self._begin_ms = time.time_ns() // 1_000_000
        self._clock = Clock(self._begin_ms)
        self._texts = Texts(dice)
        self._s4 = S4Maker(dice, self._texts, self._clock, self._game_id)
        self._s1 = S1Maker(dice, self._texts, self._clock, self._game_id)
        self._client = Client(stack.demo["base_url"], connections=4 * LANES)
        self._discord = DiscordMaker(dice, self._texts, self._clock, self._keys["pl_mgmt"], self._run)
        self._beside = Client(stack.demo["base_url"], connections=2)
        self._neighbour = Neighbour(self._beside, stack.demo["other"])
        self._clickhouse = stack.clickhouse()
        self._accepted: list[Case] = []
        self._sent = 0
        self._enough = False
        self.outcome = FuzzOutcome()

    async def carry_out(self) -> FuzzOutcome:
        """Measure the neighbour alone, send, wait, compare."""
        begun, before = time.monotonic(), self._stack.parts()
        # Made first: what making them costs must not count among the neighbour's latencies.
        made = [self._telemetry() for _ in range(self._plan.requests)]
        beside = asyncio.create_task(self._neighbour.run())
        try:
            await asyncio.sleep(self._plan.alone_seconds)
            async with open_beside(self._stack, self._client, self._maker, self._run) as others:
                self._neighbour.loaded = True
                self._tell(f"{self._plan.requests:,} requests…")
                await self._send(made, others)
                self._neighbour.loaded = False
                self._neighbour.enough = True
            await beside
            self._tell(f"{self._sent:,} requests sent; comparing…")
            await self._check(before, others)
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
            await self._client.close()
            await self._beside.close()
            await self._clickhouse.close()
        self.outcome.requests = self._sent
        self.outcome.rows = sum(len(case.rows) for case in self._accepted)
        self.outcome.texts = sum(map(len, self._texts.given.values()))
        self.outcome.players = others.liveops.players
        self.outcome.orders = others.playtests.orders
        self.outcome.servers = len(others.fleet.servers)
        self.outcome.seconds = time.monotonic() - begun
        return self.outcome

    def _maker(self) -> Maker:
        return Maker(self._dice, self._texts, self._clock, self._game_id)

    async def _send(self, made: Sequence[Case], others: BesideFuzz) -> None:
        deadline = time.monotonic() + self._plan.seconds
        todo = iter(made)

        async def lane() -> None:
            for case in todo:
                if time.monotonic() > deadline:
                    return
                await self._post(case)

        beside = [
            asyncio.create_task(self._repeat(one, deadline))
            for one in (self._send_feedback, self._send_discord, *others.lanes())
        ]
        try:
            await asyncio.gather(*(lane() for _ in range(LANES)))
            self._enough = True
            await asyncio.gather(*beside)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _repeat(self, one: Callable[[], Awaitable[None]], deadline: float) -> None:
        while time.monotonic() < deadline and not self._enough:
            await one()

    async def _send_feedback(self) -> None:
        """One after the other, so that of two submissions with one id the first is known."""
        bad = self._dice.random() < 0.3
        await self._post(self._s1.feedback_bad() if bad else self._s1.feedback())
        await asyncio.sleep(FEEDBACK_PAUSE_SECONDS)

    async def _send_discord(self) -> None:
        await self._post(self._discord.bad() if self._dice.random() < 0.3 else self._discord.good())
        await asyncio.sleep(DISCORD_PAUSE_SECONDS)

    def _telemetry(self) -> Case:
        maker = self._dice.choice((self._s4, self._s1))
        return maker.bad() if self._dice.random() < 0.3 else maker.good()

    async def _post(self, case: Case) -> None:
        if case.surface == "s4":
            headers = {
                "x-public-token": self._keys["relay_public_token"],
                "content-type": "application/msgpack",
            }
        else:
            headers = {"content-type": "application/json"}
            if case.surface != "discord":  # whose key is in the address
                headers["authorization"] = f"Bearer {self._keys['pl_ik']}"
        self._sent += 1
        status, text = await self._client.ask("POST", case.path, headers=headers, body=case.body)
        said = f"{case.said} -> {text[:200]!r}"
        self._client.note(case.surface, status, allowed=status in case.allowed, said=said)
        if 200 <= status < 300:
            self._accepted.append(case)
            if case.surface == "s1" and self._dice.random() < AGAIN:
                await self._client.ask("POST", case.path, headers=headers, body=case.body)

    async def _check(self, before: dict[str, dict[str, Any]], others: BesideFuzz) -> None:
        verdicts = self.outcome.verdicts
        wanted = expected_rows(self._accepted)
        found = await self._settled(wanted)
        verdicts += judge_rows(wanted, found)
        only = only_sessions(self._accepted)
        given = {session_id for case in self._accepted for session_id in case.sessions}
        sessions = await reading.found_sessions(self._clickhouse, self._game_id, self._begin_ms, given)
        earlier = {session_id for session_id, row in sessions.items() if row is None}
        only = {session_id: row for session_id, row in only.items() if session_id not in earlier}
        verdicts.append(judge_sessions(only, {name: row for name, row in sessions.items() if row}))
        verdicts += await judge_rollups(self._clickhouse, self._game_id)
        await reading.read_back(
            self._client, self._keys["pl_mgmt"], self._game_id, self._accepted, earlier, most=self._plan.reads
        )
        verdicts.append(await self._judge_list(only))
        await others.agent.compare(only, earlier, most=self._plan.reads)
        await others.fleet.compare(self._clickhouse, SETTLE_SECONDS)
        verdicts += judge_answers(self._client.notes)
        verdicts += others.verdicts()
        verdicts += await self._neighbour.judge(self._clickhouse)
        if self._plan.rebuild:
            verdicts.append(await self._rebuilt())
        lags = {part["name"]: part["lag"] for part in await read_status(self._stack.home) if part["lag"]}
        verdicts.append(Verdict("nothing lags behind", not lags, str(lags or "0")))
        verdicts.append(judge_parts(before, self._stack.parts()))

    async def _settled(self, wanted: Found) -> Found:
        """What is there, once it is all there or has had its time.

        The neighbour's rows count too: rollups are compared with all rows, which then must not become more.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = await reading.found_rows(
                self._clickhouse, self._game_id, self._begin_ms, self._clock.last
            )
            for table in PLACES:
                by_id = await reading.found_by_id(
                    self._clickhouse, table, self._feedback_game, self._begin_ms, wanted[table]
                )
                found[table] = {name: rows for name, rows in by_id.items() if rows is not None}
                for name in by_id.keys() - found[table].keys():
                    wanted[table].pop(name, None)
            missing = any(rows.keys() - found[table].keys() for table, rows in wanted.items())
            arrived = not missing and await self._neighbour.has_arrived(self._clickhouse)
            if arrived or time.monotonic() > deadline:
                return found
            await asyncio.sleep(1)

    async def _judge_list(self, only: dict[str, Any]) -> Verdict:
        """The list of sessions shows each of them as sent."""
        listed = await reading.all_sessions(self._client, self._keys["pl_mgmt"])
        wrong = []
        for session_id, session in only.items():
            one = listed.get(reading.public_id(self._game_id, session_id), {})
            own = {
                "title": session["title"] or None,
                "deviceId": session["player_id"],
                "testerHandle": session["tester_handle"],
                "source": session["source"],
            }
            if own != {key: one.get(key) for key in own}:
                wrong.append(difference(session_id, [own], [one] if one else []))
        return Verdict("sessions: listed as sent", not wrong, some(wrong) or f"{len(listed):,} listed")

    async def _rebuilt(self) -> Verdict:
        """Rebuild everything beside the live one and compare."""
        self._tell("rebuild --verify…")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", "rebuild", "all", "--verify", "--json"),
            *("--home", str(self._stack.home)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate()
        try:
            different = [str(one) for result in json.loads(output) for one in result["different"]]
        except ValueError:
            different = [complaint.decode(errors="replace")[-500:]]
        holds = process.returncode == 0 and not different
        return Verdict("a rebuild is equal", holds, some(different))
