"""One seed: processes, players and faults, then rest, then every promise checked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from deploy.lab.simulation.faults import KILLS_EVERY_S, Faults
from deploy.lab.simulation.managers import SimulatedPositions, Timer, acting
from deploy.lab.simulation.processes import Process
from deploy.lab.simulation.stage import Stage
from deploy.lab.simulation.verdicts import problems_of_log
from projections.redis.layout_reader import LayoutReader
from streams.deciders.decider import DeciderReader
from streams.several_readers import SeveralReaders

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.simulation.noun import Break, Simulated
    from deploy.lab.simulation.store import SimulatedRedis
    from schemas.log import LogReader
    from streams.deciders.snapshots import InLog, Snapshot, SnapshotName

PARTITIONS: Final = 2
"""Unless another count is asked for."""
SNAPSHOT_EVERY: Final = 15
FAULTY_S: Final = 30.0
BREAKS: Final = (
    "decider killed",
    "projector killed",
    "decider abandoned",
    "timer killed",
    "timer abandoned",
    "effects killed",
    "effects abandoned",
    "store lost some",
    "store emptied",
)
CLOCK: Final = "clock jumped"
JUMPS_MS: Final = (6 * 3_600_000, -3_600_000)
"""How far the brokers' clock is ahead after it jumped, until it goes back."""
REST_S: Final = 600.0
SETTLE_S: Final = 5.0
"""Virtual: longer than a lost acknowledgement is waited for, and a restart takes."""


class Result(msgspec.Struct, kw_only=True):
    """What a seed showed. `problems` is empty where every promise held."""

    noun: str
    seed: int
    problems: list[str]
    simulated_seconds: float
    commands: int
    faults: dict[str, int]


class MemorySnapshots:
    """Snapshots that live as long as the seed."""

    def __init__(self) -> None:
        self._held: dict[SnapshotName, Snapshot] = {}

    async def put(self, name: SnapshotName, snapshot: Snapshot) -> int:
        """Keep it."""
        pieces = list(snapshot.state)
        self._held[name] = replace(snapshot, state=pieces)
        return sum(map(len, pieces))

    async def newest(self, newest: SnapshotName, in_log: InLog) -> Snapshot | None:
        """The one that begins latest. The simulated log loses nothing."""
        del in_log
        found = [
            (name.events_next, snapshot)
            for name, snapshot in self._held.items()
            if (name.folder, name.code) == (newest.folder, newest.code)
            and name.events_next <= newest.events_next
        ]
        return max(found, key=lambda one: one[0])[1] if found else None


class World:
    """All of one seed: one noun."""

    def __init__(
        self,
        seed: int,
        simulated: Simulated,
        make_store: Callable[[Faults], SimulatedRedis],
        partitions: int,
    ) -> None:
        self.seed = seed
        self.faults = Faults(seed)
        self.stage = stage = Stage(simulated.name, self.faults, make_store, partitions, simulated.decider)
        self.part = part = simulated.open(stage)
        self._snapshots = MemorySnapshots()
        self.decider = self._process("decider", stage.commands.name, self._decider)
        self.projector = self._process("projector", stage.events.name, self._projector)
        self.timer = Timer(part, acting(stage, "timer"))
        effects = acting(stage, "effects")
        self.effects = self._process(
            "effects",
            stage.events.name,
            lambda: SeveralReaders(part.effects(effects, self._positions)),
            has_tasks=True,
        )
        self._breaks: dict[str, Break | None] = {
            **dict.fromkeys(BREAKS),
            **part.breaks,
            CLOCK: None,
        }

    def _process(
        self, name: str, topic: str, make: Callable[[], LogReader], *, has_tasks: bool = False
    ) -> Process:
        stage = self.stage
        return Process(
            name, topic, stage.partitions, make, log=stage.log, faults=stage.faults, has_tasks=has_tasks
        )

    def _positions(self, name: str) -> SimulatedPositions:
        return SimulatedPositions(self.stage.redis, self.faults, name)

    def _decider(self) -> LogReader:
        stage = self.stage
        return DeciderReader(
            stage.noun.decider,
            commands=stage.commands,
            events=stage.events,
            tail=stage.log,
            appender=stage.log,
            snapshots=self._snapshots,
            snapshot_every=SNAPSHOT_EVERY,
        )

    def _projector(self) -> LogReader:
        client: Any = self.stage.redis
        return LayoutReader(client, self.stage.noun.projection, log=self.stage.log)

    async def go(self) -> Result:
        """Play under faults, come to rest, check."""
        for client in self.stage.clients:
            await client.start()
        playing = [asyncio.create_task(play) for play in self.part.players()]
        breaking = asyncio.create_task(self._break())
        found: list[str] = []
        try:
            await asyncio.wait(playing, timeout=FAULTY_S)
            self.faults.on = False
            self.stage.log.ahead_ms = 0
            breaking.cancel()
            _, waiting = await asyncio.wait(playing, timeout=REST_S)
            found += [f"a client still waits after {REST_S:.0f} s of rest" for _ in waiting]
            found += [repr(task.exception()) for task in playing if task.done() and task.exception()]
            if not found:
                await self._rest()
                if await self.part.end():
                    await self._rest()
                found += self.part.problems() + problems_of_log(self.stage, self.decider)
        finally:
            for task in (*playing, breaking):
                task.cancel()
            await asyncio.gather(*playing, breaking, return_exceptions=True)
            for process in (self.timer, self.effects, self.decider, self.projector):
                await process.stop()
            for client in self.stage.clients:
                await client.stop()
        return Result(
            noun=self.stage.noun.name,
            seed=self.seed,
            problems=found,
            simulated_seconds=asyncio.get_running_loop().time(),
            commands=self.part.asked,
            faults=dict(self.faults.counted),
        )

    async def _break(self) -> None:
        dice, counted, log = self.faults.dice, self.faults.counted, self.stage.log
        processes: dict[str, Process] = {
            process.name: process for process in (self.decider, self.projector, self.timer, self.effects)
        }
        while True:
            await asyncio.sleep(dice.uniform(*KILLS_EVERY_S))
            self.stage.redis.save()
            what = dice.choice(tuple(self._breaks))
            counted[what] += 1
            name, _, how = what.partition(" ")
            process, own = processes.get(name), self._breaks[what]
            if own is not None:
                await own()
            elif what == CLOCK:
                log.ahead_ms = 0 if log.ahead_ms else dice.choice(JUMPS_MS)
            elif process is None:
                self.stage.redis.lose(everything=how == "emptied")
            elif how == "killed":
                process.kill()
            else:
                process.abandon()

    async def _rest(self) -> None:
        """Until everything in the log is decided and applied, and all that is due has come."""
        stage = self.stage
        for _ in range(int(REST_S)):
            await asyncio.sleep(1.0)
            ends = {
                str(partition): len(stage.log.records(stage.events.name, partition))
                for partition in range(stage.partitions)
            }
            applied = {name: stage.redis.live.position(name).offset for name in ends}
            asked = sum(len(stage.log.records(stage.commands.name, p)) for p in range(stage.partitions))
            if (
                applied == ends
                and sum(held.src for held in stage.redis.live.positions.values()) + stage.partitions >= asked
                and self.part.is_settled()
            ):
                break
        await asyncio.sleep(SETTLE_S)
