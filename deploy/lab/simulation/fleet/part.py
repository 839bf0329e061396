"""The fleet's part of a seed: projects that start, stop and restart servers on machines that die and freeze.

Time passes at once now and then, while no client asks: past the silence that loses a frozen machine, past
pauses and ttls.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.simulation.fleet.host import Host
from deploy.lab.simulation.fleet.machine import REGION
from deploy.lab.simulation.fleet.verdicts import NOT_REMEMBERED, Answered, problems
from deploy.lab.simulation.noun import Part, Simulated
from deploy.lab.simulation.retries import until_known
from projections.fleet import keys
from projections.fleet.queries.state import FleetQueries
from schemas.codec import Message
from schemas.fleet import commands as ask
from schemas.fleet import names
from schemas.fleet.answers import BuildAnswer, ServerAnswer
from schemas.fleet.commands import COMMANDS, Launch
from schemas.fleet.limits import HOST_LOST_AFTER_MS, HOST_SUSPECTED_AFTER_MS
from schemas.fleet.views import PlanLimits, PoolConfig
from schemas.seal import Sealer
from streams.fleet.dues import DueManager
from streams.gateway.keyed_requests import KeyedRequest, KeyedRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from deploy.lab.simulation.noun import Break
    from deploy.lab.simulation.stage import Stage
    from deploy.noun import Acting, Tick
    from schemas.envelope import Outcome
    from schemas.log import LogReader

STUDIO: Final = "studio-1"
GAMES: Final = 4
"""So many that there is one in each of two partitions, and in most of four."""
MEMORY_MB: Final = (4096, 2048)
"""Of the machines of each partition: room is short."""
LIMITS: Final = PlanLimits(active_servers=5, builds=9)
LANES: Final = 2
"""Clients of each project that ask at once."""
TURNS: Final = 8
PAUSE_S: Final = (0.1, 3.0)
TWICE: Final = 0.2
"""Share of the writes that two clients ask at once, under one key."""
FROZEN_S: Final = (2.0, 8.0)
SILENT_S: Final = 9.0
SILENT_MS: Final = (HOST_SUSPECTED_AFTER_MS, HOST_LOST_AFTER_MS)
"""What passes at once while a machine is silent: it is suspected, and then lost."""
JUMPS_MS: Final = (3_000, 11_000, 21_000, 65_000)
"""What passes at once."""
TTL_S: Final = 60


class Project:
    """A game, and the servers it was told of."""

    def __init__(self, game_id: str) -> None:
        self.game_id = game_id
        self.servers: list[str] = []


class FleetPart(Part):
    """Four projects, and two machines in each partition."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._answered: list[Answered] = []
        self._wrong: list[str] = []
        self._over_ms: int | None = None
        self._projects = [Project(f"game-{number}") for number in range(GAMES)]
        self.machines = [
            Host(stage, f"host-{partition}-{number}", partition, memory_mb=memory_mb)
            for partition in range(stage.partitions)
            for number, memory_mb in enumerate(MEMORY_MB)
        ]
        sealer = Sealer(b"a secret of the simulation, 32 bytes")
        dice = stage.faults.dice
        self._gateways = [
            KeyedRequests(
                stage.client(f"gateway-{number}"),
                COMMANDS,
                sealer,
                clock_ms=stage.faults.gateway_ms,
                randomness=dice.randbytes,
            )
            for number in range(2)
        ]

    @property
    def asked(self) -> int:
        """Writes that were answered."""
        return len(self._answered)

    @property
    def breaks(self) -> Mapping[str, Break]:
        """Of machines, and of time."""
        return {
            "agent killed": self._kill,
            "machine frozen": self._freeze,
            "machine silent": self._silence,
            "time passed": self._pass,
        }

    async def _kill(self) -> None:
        self.stage.faults.dice.choice(self.machines).kill()

    async def _freeze(self) -> None:
        machine, dice = self.stage.faults.dice.choice(self.machines), self.stage.faults.dice
        machine.frozen_until_s = machine.now_s + dice.uniform(*FROZEN_S)

    async def _silence(self) -> None:
        """One is frozen past its loss; the others are suspected, and report in time."""
        machine = self.stage.faults.dice.choice(self.machines)
        machine.frozen_until_s = machine.now_s + SILENT_S
        for passes_ms in SILENT_MS:
            self.stage.faults.passed_ms += passes_ms
            await asyncio.sleep(SILENT_S / 3)

    async def _pass(self) -> None:
        self.stage.faults.passed_ms += self.stage.faults.dice.choice(JUMPS_MS)

    def players(self) -> list[Coroutine[Any, Any, None]]:
        """Machines are switched on by the first of them."""
        lanes = [self._play(project, first=not lane) for lane in range(LANES) for project in self._projects]
        return [self._switch_on(), *lanes]

    async def _switch_on(self) -> None:
        for machine in self.machines:
            machine.start()

    async def _play(self, project: Project, *, first: bool) -> None:
        if first:
            await self._build(project)
        dice = self.stage.faults.dice
        for _ in range(TURNS):
            await asyncio.sleep(dice.uniform(*PAUSE_S))
            await dice.choice((self._start, self._start, self._change, self._change, self._pool))(project)

    async def _build(self, project: Project) -> None:
        created = await self._write(project, ask.CreateBuild(name="default", build_type="zip", limits=LIMITS))
        if created.status < 400:
            build = msgspec.msgpack.decode(created.body, type=BuildAnswer).build
            await self._write(project, ask.ProcessBuild(build_id=build.id, upload_bytes=1), build.id)

    async def _start(self, project: Project) -> None:
        dice = self.stage.faults.dice
        launch = Launch(
            auto_restart=dice.random() < 0.5,
            ttl_s=dice.choice((None, TTL_S)),
            startup_args=dice.choice((None, "-own")),
        )
        command = ask.StartServer(
            name="match",
            region=REGION,
            compute_size=dice.choice(("micro", "small")),
            limits=LIMITS,
            launch=launch,
        )
        outcome = await self._write(project, command)
        if outcome.status < 400:
            server = msgspec.msgpack.decode(outcome.body, type=ServerAnswer).server
            project.servers.append(server.instance_id)

    async def _change(self, project: Project) -> None:
        if not project.servers:
            return
        dice = self.stage.faults.dice
        instance_id = dice.choice(project.servers)
        command: Message = dice.choice(
            (
                ask.StopServer(instance_id=instance_id),
                ask.RestartServer(instance_id=instance_id, limits=LIMITS),
                ask.UpdateServer(instance_id=instance_id, custom_data='{"n": 1}'),
            )
        )
        await self._write(project, command, instance_id)

    async def _pool(self, project: Project) -> None:
        count = self.stage.faults.dice.randrange(3)
        pool = PoolConfig(enabled=bool(count), regions={REGION: {"micro": count}})
        await self._write(project, ask.ChangeSettings(pool=pool, limits=LIMITS))

    async def _write(self, project: Project, command: Message, subject: str = "") -> Outcome:
        """Ask until the answer is definite, sometimes by two clients at once: both get the same."""
        dice = self.stage.faults.dice
        asked = KeyedRequest(
            scope=project.game_id,
            operation=f"{command.WIRE}/{subject}",
            key=dice.randbytes(8).hex(),
            given=True,
            body=command,
        )
        hands = 2 if dice.random() < TWICE else 1
        outcomes = await asyncio.gather(*(self._until_known(project, asked, command) for _ in range(hands)))
        self._answered.append(Answered(asked.command_id, project.game_id, command, outcomes[0]))
        kept = {(one.status, one.body) for one in outcomes if one.status not in NOT_REMEMBERED}
        if len(kept) > 1:
            self._wrong.append(f"{asked.operation} {asked.key}: {kept}")
        return outcomes[0]

    async def _until_known(self, project: Project, asked: KeyedRequest, command: Message) -> Outcome:
        aggregate = _aggregate(project.game_id, command, asked.command_id)

        async def once() -> Outcome:
            gateway = self.stage.faults.dice.choice(self._gateways)
            return await gateway.ask(asked, command, aggregate, studio_id=STUDIO, game_id=project.game_id)

        return await until_known(once, f"{asked.operation} {asked.key}")

    def managers(self, acting: Acting) -> Mapping[str, Tick]:
        """What is due; uploads are in the object store."""
        reads = FleetQueries(acting.redis)
        return {"fleet": DueManager(acting.asker, reads, partitions=acting.events.partitions).tick}

    def effects(self, acting: Acting, positions: Callable[[str], Any]) -> list[LogReader]:
        """None: what they delete is in the object store, and nothing here reads that."""
        del acting, positions
        return []

    def timer_ms(self) -> int:
        """Once agents are switched off nothing more becomes due: the log has to stand still."""
        return self.stage.faults.now_ms() if self._over_ms is None else self._over_ms

    def is_settled(self) -> bool:
        """Whether nothing is due, and machines are as the log wants them, and it knows."""
        if self._over_ms is not None:
            return True
        now_ms = self.stage.faults.now_ms()
        dues: dict[str, float] = self.stage.redis.live.values.get(keys.DUES, {})
        is_due = any(at_ms <= now_ms for at_ms in dues.values())
        return not is_due and all(machine.is_settled for machine in self.machines)

    async def end(self) -> bool:
        """Agents are switched off; their machines stay as they are."""
        self._over_ms = self.stage.faults.now_ms()
        for machine in self.machines:
            await machine.stop()
        return True

    def problems(self) -> list[str]:
        """Of answers, events, machines and rows."""
        return [
            *self._wrong,
            *(line for machine in self.machines for line in machine.problems),
            *problems(self.stage, self._answered, self.machines),
        ]


def _aggregate(game_id: str, command: Any, command_id: str) -> str:
    """Whom a command is about, as the gateways choose it."""
    match command:
        case ask.StartServer():
            return names.server_aggregate(STUDIO, game_id, names.instance_id(command_id))
        case ask.CreateBuild():
            return names.build_aggregate(STUDIO, game_id, names.build_id(command_id))
        case ask.ProcessBuild():
            return names.build_aggregate(STUDIO, game_id, command.build_id)
        case ask.ChangeSettings():
            return names.project_aggregate(STUDIO, game_id)
        case _:
            return names.server_aggregate(STUDIO, game_id, command.instance_id)


FLEET: Final = Simulated("fleet", FleetPart)
