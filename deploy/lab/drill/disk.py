"""The disk drill: a stack's volume fills up under load, and is emptied; a process runs out of descriptors.

The stack lives on a small file system of its own. While that is full, writes are 503 with `Retry-After`,
reads go on, and the supervisor stays; once there is space again, everything is as before within 15 s, and
every event that was accepted is there once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import time
import uuid
from typing import TYPE_CHECKING, Final

import aiohttp
import msgspec

from deploy.lab.bench.markers import Markers
from deploy.lab.drill.checks import DrillOutcome, Verdict, found_rows, judge_attempts, judge_rollups
from deploy.lab.drill.numbered_events import requests
from deploy.lab.drill.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.lab.drill.stack import OwnStack

RECOVERY_SECONDS: Final = 15.0
GIVE_UP_SECONDS: Final = 120.0
LANES: Final = 4
BATCH: Final = 50
RATE: Final = 2_000.0
FILL_PIECE: Final = 1 << 20
DESCRIPTORS: Final = 8
"""How many more an edge may open while it is short of them."""


class DiskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How often the volume fills up, and for how long it stays so."""

    rounds: int = 2
    full_seconds: float = 20.0


class DiskOutcome(DrillOutcome):
    """What the drill found."""

    answers: dict[str, int] = {}
    recoveries: list[float | None] = []
    """Seconds from the space's return until a new event was accepted and queryable and all parts ready."""


class DiskDrill:
    """One drill on a stack that nothing else uses and whose home is a volume of its own."""

    def __init__(self, stack: OwnStack, plan: DiskPlan, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._plan = plan
        self._tell = tell
        self._run = uuid.uuid4().hex[:8]
        demo = stack.demo
        self._keys = demo["keys"]
        self._base_url = demo["base_url"]
        self._clickhouse = stack.clickhouse()
        self._target = stack.target(self._clickhouse)
        self._game_id = self._target.app_id
        self._sender = Sender(
            base_url=self._base_url,
            game_id=self._game_id,
            public_token=self._keys["relay_public_token"],
            ingest_key=self._keys["pl_ik"],
            lanes=LANES,
            rate=RATE,
        )
        self._outcome = DiskOutcome()

    async def carry_out(self) -> DiskOutcome:
        """All rounds, then the count."""
        made = requests(self._run, 1_000_000, BATCH, LANES)
        sending = asyncio.create_task(self._sender.send(made, seconds=1_000))
        try:
            await self._accepted(2_000)
            for number in range(1, self._plan.rounds + 1):
                await self._fill_up(number)
            await self._short_of_descriptors()
            self._sender.enough = True
            left = await sending
            await Markers(self._target, patient=True).wait_for_one(GIVE_UP_SECONDS)
            self._judge("nothing was given up", not left, f"{len(left)} requests")
            rows = await found_rows(self._clickhouse, self._run)
            self._outcome.verdicts += judge_attempts(self._sender.attempts, rows)
            self._outcome.verdicts += await judge_rollups(self._clickhouse, self._game_id)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await self._clickhouse.close()
        self._outcome.answers = self._sender.answers
        return self._outcome

    async def _fill_up(self, number: int) -> None:
        filler = self._stack.home / "filler"
        await asyncio.to_thread(_fill, filler)
        self._tell(f"round {number}: the volume is full")
        writes, reads, retry_after = await self._look_around(self._plan.full_seconds, filler)
        served = 100 * sum(status == 200 for status in reads) / max(1, len(reads))
        self._judge(
            f"round {number}: writes are accepted or 503 with Retry-After",
            set(writes) <= {200, 503} and 503 in writes and retry_after,
            f"{ {status: writes.count(status) for status in set(writes)} }",
        )
        self._judge(
            f"round {number}: reads go on, or are 503",
            set(reads) <= {200, 503} and served > 0,
            f"{served:.0f} % of {len(reads)} were 200",
        )
        self._judge(f"round {number}: the supervisor stays", self._stack.is_up, "")
        filler.unlink()
        began = time.monotonic()
        took = await Markers(self._target, patient=True).wait_for_one(GIVE_UP_SECONDS)
        while took is not None and not self._stack.all_ready():
            if time.monotonic() - began > GIVE_UP_SECONDS:
                took = None
                break
            await asyncio.sleep(0.1)
        recovery = None if took is None else time.monotonic() - began
        self._outcome.recoveries.append(recovery)
        figures = "never" if recovery is None else f"{recovery:.1f} s"
        in_time = recovery is not None and recovery <= RECOVERY_SECONDS
        self._judge(f"round {number}: as before once there is space", recovery is not None, figures)
        within = f"round {number}: as before within {RECOVERY_SECONDS:.0f} s of space"
        self._judge(within, in_time, figures, timed=True)
        self._tell(f"round {number}: as before after {figures}")

    async def _look_around(self, seconds: float, filler: object) -> tuple[list[int], list[int], bool]:
        """Write and read while the volume is kept full: what was answered, and whether 503s said when."""
        writes: list[int] = []
        reads: list[int] = []
        retry_after = True
        until = time.monotonic() + seconds
        bearer = {"authorization": f"Bearer {self._keys['pl_mgmt']}"}
        batch = {"authorization": f"Bearer {self._keys['pl_ik']}"}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15.0)) as session:
            while time.monotonic() < until:
                await asyncio.to_thread(_fill, filler)  # what parts gave back when they ended
                written = {"gameId": self._game_id, "sessionId": f"full-{uuid.uuid4()}", "deviceId": "d"}
                written["source"] = "unity-telemetry"
                url = f"{self._base_url}/api/telemetry"
                events = [{"name": "full", "t": int(time.time() * 1000)}]
                async with session.post(url, json=written | {"events": events}, headers=batch) as answer:
                    writes.append(200 if answer.status == 202 else answer.status)
                    retry_after &= answer.status != 503 or "Retry-After" in answer.headers
                async with session.get(f"{self._base_url}/api/v1/games", headers=bearer) as answer:
                    reads.append(answer.status)
                await asyncio.sleep(0.2)
        return writes, reads, retry_after

    async def _short_of_descriptors(self) -> None:
        """The edge can open next to nothing for a while (EMFILE), then everything again."""
        pid = self._stack.pid("edge")
        allowed = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names are all that is wanted
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + DESCRIPTORS, allowed[1]))
        self._tell(f"the edge may open {DESCRIPTORS} files and sockets more")
        held = [asyncio.open_connection("127.0.0.1", _port(self._base_url)) for _ in range(4 * DESCRIPTORS)]
        connections = await asyncio.gather(*held, return_exceptions=True)
        await asyncio.sleep(3)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, allowed)
        for connection in connections:
            if not isinstance(connection, BaseException):
                connection[1].close()
        began = time.monotonic()
        took = await Markers(self._target, patient=True).wait_for_one(GIVE_UP_SECONDS)
        seconds = time.monotonic() - began
        same = self._stack.pid("edge") == pid
        figures = f"{seconds:.1f} s, {'the same' if same else 'another'} process"
        self._judge("an edge short of descriptors serves again", took is not None, figures)
        in_time = took is not None and seconds <= RECOVERY_SECONDS
        self._judge(f"it does within {RECOVERY_SECONDS:.0f} s", in_time, figures, timed=True)

    async def _accepted(self, events: int) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while self._sender.accepted_events < events and time.monotonic() < deadline:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)

    def _judge(self, name: str, holds: bool, figures: str, *, timed: bool = False) -> None:  # noqa: FBT001 - a verdict
        self._outcome.verdicts.append(Verdict(name, holds, figures, timed))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _fill(filler: object) -> None:
    """Make the file take all that is left of its volume."""
    with contextlib.suppress(OSError), open(str(filler), "ab", buffering=0) as file:
        for piece in _pieces():
            try:
                while file.write(piece) == len(piece):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def _pieces() -> Iterator[bytes]:
    size = FILL_PIECE
    while size:
        yield bytes(size)
        size //= 16
