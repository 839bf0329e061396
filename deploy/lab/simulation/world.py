"""One seed: processes, players and faults, then rest, then every promise checked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from deploy.lab.simulation.clients import SimulatedPlayer
from deploy.lab.simulation.faults import KILLS_EVERY_S, Faults
from deploy.lab.simulation.gateways import HEARD_AFTER_S, SimulatedGateway
from deploy.lab.simulation.log import SimulatedLog, accepted
from deploy.lab.simulation.managers import Timer, asker_of, rank_rewards
from deploy.lab.simulation.processes import Process
from deploy.lab.simulation.store import Generation, SimulatedRedis, operate, text_of
from deploy.nouns import deciding
from deploy.settings import Settings
from projections.liveops import keys
from projections.liveops.projection import LIVEOPS as PROJECTION
from projections.liveops.queries import LiveopsQueries
from projections.redis.outcomes import RedisOutcomes
from projections.redis.reader import RedisReader
from streams.deciders.decider import DeciderReader
from streams.gateway.commands import CommandClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.log import LogReader
    from streams.deciders.snapshots import InLog, Snapshot, SnapshotName

PARTITIONS: Final = 2
"""Unless another count is asked for."""
PLAYERS: Final = 6
OPERATIONS: Final = 8
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
    "definition changed",
    "clock jumped",
)
JUMPS_MS: Final = (6 * 3_600_000, -3_600_000)
"""How far the brokers' clock is ahead after it jumped, until it goes back."""
REST_S: Final = 600.0
SETTLE_S: Final = 5.0
"""Virtual: longer than a lost acknowledgement is waited for, and a restart takes."""


class Result(msgspec.Struct, kw_only=True):
    """What a seed showed. `problems` is empty where every promise held."""

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


class SimulatedOutcomes(RedisOutcomes):
    """Outcomes of the simulated store; notifications come by a call instead of a subscription."""

    def __init__(self, redis: SimulatedRedis) -> None:
        client: Any = redis
        super().__init__(client, PROJECTION.noun)
        self.notified: dict[str, Callable[[str], None]] = {}
        redis.notified = self._notify

    def _notify(self, gateway_id: str, record_id: str) -> None:
        if gateway_id in self.notified:
            asyncio.get_running_loop().call_later(0.001, self.notified[gateway_id], record_id)

    async def listen(
        self, gateway_id: str, notified: Callable[[str], None], missed: Callable[[], None], up: asyncio.Event
    ) -> None:
        """Until cancelled."""
        del missed
        self.notified[gateway_id] = notified
        up.set()
        await asyncio.get_running_loop().create_future()


class World:
    """All of one seed."""

    def __init__(
        self,
        seed: int,
        make_store: Callable[[Faults], SimulatedRedis] = SimulatedRedis,
        partitions: int = PARTITIONS,
        *,
        problems: Callable[[World], list[str]],
        is_settled: Callable[[World], bool],
    ) -> None:
        """`problems` judges a world at rest; `is_settled` says whether its time-driven work is done."""
        self._problems = problems
        self._is_settled = is_settled
        self.seed = seed
        self.version = 1
        self._partitions = partitions
        self.faults = Faults(seed)
        self.log = SimulatedLog(self.faults)
        self.redis = make_store(self.faults)
        nouns = deciding(Settings(partitions={PROJECTION.noun: partitions}))
        self._noun = next(noun for noun in nouns if noun.name == PROJECTION.noun)
        self.commands, self.events = self._noun.commands, self._noun.events
        self._snapshots = MemorySnapshots()
        outcomes = SimulatedOutcomes(self.redis)
        client: Any = self.redis
        reads = LiveopsQueries(client)
        self.gateways = [
            SimulatedGateway(self._commands(f"gateway-{number}", outcomes), reads, self.faults)
            for number in range(2)
        ]
        self._managers = [self._commands(name, outcomes) for name in ("timer", "effects")]
        self._clients = [*(gateway.commands for gateway in self.gateways), *self._managers]
        self.players = [
            SimulatedPlayer(f"p{number}", self.gateways, self.faults) for number in range(PLAYERS)
        ]
        self.decider = self._process("decider", self.commands.name, self._decider)
        self.projector = self._process("projector", self.events.name, self._projector)
        ticking, giving = (asker_of(commands, self.faults) for commands in self._managers)
        self.timer = Timer(ticking, self.redis, partitions, log=self.log, faults=self.faults)
        self.effects = self._process(
            "effects",
            self.events.name,
            lambda: rank_rewards(giving, self.redis, self.events, log=self.log, faults=self.faults),
        )

    def _commands(self, name: str, outcomes: SimulatedOutcomes) -> CommandClient:
        return CommandClient(
            topic=self.commands,
            appender=self.log,
            answers=outcomes,
            gateway_id=name,
            new_record_id=lambda: self.faults.dice.randbytes(8).hex(),
        )

    def _process(self, name: str, topic: str, make: Callable[[], LogReader]) -> Process:
        return Process(name, topic, self._partitions, make, log=self.log, faults=self.faults)

    def _decider(self) -> LogReader:
        return DeciderReader(
            self._noun.decider,
            commands=self.commands,
            events=self.events,
            tail=self.log,
            appender=self.log,
            snapshots=self._snapshots,
            snapshot_every=SNAPSHOT_EVERY,
        )

    def _projector(self) -> LogReader:
        client: Any = self.redis
        return RedisReader(client, self._noun.projection, log=self.log)

    async def go(self) -> Result:
        """Play under faults, come to rest, check."""
        for client in self._clients:
            await client.start()
        playing = [asyncio.create_task(player.play(OPERATIONS)) for player in self.players]
        breaking = asyncio.create_task(self._break())
        found: list[str] = []
        try:
            await asyncio.wait(playing, timeout=FAULTY_S)
            self.faults.on = False
            self.log.ahead_ms = 0
            breaking.cancel()
            _, waiting = await asyncio.wait(playing, timeout=REST_S)
            found += [f"a client still waits after {REST_S:.0f} s of rest" for _ in waiting]
            found += [repr(task.exception()) for task in playing if task.done() and task.exception()]
            if not found:
                await self._rest()
                found += self._problems(self)
        finally:
            for task in (*playing, breaking):
                task.cancel()
            await asyncio.gather(*playing, breaking, return_exceptions=True)
            for process in (self.timer, self.effects, self.decider, self.projector):
                await process.stop()
            for client in self._clients:
                await client.stop()
        return Result(
            seed=self.seed,
            problems=found,
            simulated_seconds=asyncio.get_running_loop().time(),
            commands=sum(len(player.outcomes) for player in self.players),
            faults=dict(self.faults.counted),
        )

    async def _break(self) -> None:
        dice, counted = self.faults.dice, self.faults.counted
        processes: dict[str, Process] = {
            process.name: process for process in (self.decider, self.projector, self.timer, self.effects)
        }
        while True:
            await asyncio.sleep(dice.uniform(*KILLS_EVERY_S))
            self.redis.save()
            what = dice.choice(BREAKS)
            counted[what] += 1
            name, _, how = what.partition(" ")
            process = processes.get(name)
            if name == "definition":
                self._define()
            elif name == "clock":
                self.log.ahead_ms = 0 if self.log.ahead_ms else dice.choice(JUMPS_MS)
            elif process is None:
                self.redis.lose(everything=how == "emptied")
            elif how == "killed":
                process.kill()
            else:
                process.abandon()

    def _define(self) -> None:
        """The game gets another version, which no two gateways see at the same time."""
        self.version += 1
        for gateway in self.gateways:
            gateway.define(self.version, self.faults.dice.uniform(0.0, HEARD_AFTER_S))

    async def _rest(self) -> None:
        """Until everything in the log is decided and applied, all windows that began are over and paid."""
        for _ in range(int(REST_S)):
            await asyncio.sleep(1.0)
            ends = {
                str(partition): len(self.log.records(self.events.name, partition))
                for partition in range(self._partitions)
            }
            applied = {name: self.redis.live.position(name).offset for name in ends}
            asked = sum(len(self.log.records(self.commands.name, p)) for p in range(self._partitions))
            if (
                applied == ends
                and sum(held.src for held in self.redis.live.positions.values()) + self._partitions >= asked
                and not self._soon_over()
                and self._is_settled(self)
            ):
                break
        await asyncio.sleep(SETTLE_S)

    def _soon_over(self) -> bool:
        """Whether a window waits for its end that comes within the hour."""
        soon_ms = self.faults.now_ms() + 3_600_000
        ends = self.redis.live.values.get(keys.WINDOWS, {}).values()
        return any(ends_at_ms <= soon_ms for ends_at_ms in ends)

    def rebuilt(self) -> Generation:
        """The store as the log alone gives it, by the `src` rule."""
        generation = Generation()
        client: Any = self.redis
        reader = RedisReader(client, self._noun.projection, log=self.log)
        for partition in range(self._partitions):
            for record, _ in accepted(self.log.records(self.events.name, partition)):
                arguments, _ = reader.arguments(record)
                first = 12 + 3 * int(arguments[10])
                operate(generation.values, [text_of(one) for one in arguments[first:]], self._partitions)
        return generation
