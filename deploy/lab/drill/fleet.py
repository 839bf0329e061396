"""The fleet drill: game servers come and go while all that moves them is killed and a host is frozen.

Every client retries with its key until it knows. In the end every accepted start must have one life that the
contract's table allows, each launch must have been one process, ports must have been unique, every line that
was printed must be in the servers' logs, and nothing of a server may be left on the machine.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from deploy.cli import running_stack
from deploy.lab.drill.checks import Verdict
from deploy.lab.drill.counted_calls import PAUSE_SECONDS
from deploy.lab.drill.decided_log import read_log
from deploy.lab.drill.faults import GIVE_UP_SECONDS, KILL_SECONDS
from deploy.lab.drill.fleet_clients import Clients
from deploy.lab.drill.fleet_hosts import Host, until_lost
from deploy.lab.drill.fleet_judge import judge_answers, judge_processes, judge_servers
from deploy.lab.drill.fleet_lives import Lives, Record
from deploy.lab.drill.fleet_machine import Watch, leftovers, leftovers_of_hosts, slots
from deploy.lab.drill.fleet_model import FleetModel
from deploy.lab.drill.fleet_namesakes import Namesakes
from deploy.lab.drill.fleet_plan import FleetOutcome, FleetPlan
from deploy.lab.drill.fleet_reads import Reads, none_in_time
from deploy.lab.drill.fleet_server import EXECUTABLE, archive
from deploy.lab.drill.killing import EMPTY, Back, Killing, some
from deploy.lab.drill.load_shares import Shares
from deploy.lab.drill.stack import DrillFailedError
from deploy.studio_administration import open_administration
from schemas.edge.ports import KeyKind
from schemas.fleet.noun import FLEET_EVENTS
from schemas.fleet.sizes import SIZES
from schemas.studio.commands import DefinedGame, DefineStudio
from schemas.studio.games import GameSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.lab.drill.fleet_model import Attempt
    from deploy.lab.drill.stack import OwnStack

AGENT: Final = "agent"
"""Of a host that is not frozen just then."""
VICTIMS: Final = (
    AGENT,
    "worker-decider",
    "worker-redis",
    "kafka",
    EMPTY,
    AGENT,
    "worker-timer",
    "worker-clickhouse",
    AGENT,
    "edge",
    "redis",
)
"""Who is killed, in this order in the first round."""
HOSTS: Final = 2
STANDING: Final = 4
"""Servers that live through the whole drill; half of them restart by themselves."""
KEYS: Final = 4
PORTS_MAX: Final = 150
"""Of each host, each of which rests for a minute between two servers. Few machines have many in a row."""


class FleetKilling(Killing):
    """Kills agents of hosts, too."""

    hosts: Sequence[Host] = ()

    async def _hit(self, target: str) -> Back:
        if target != AGENT:
            return await super()._hit(target)
        host = self._dice.choice([host for host in self.hosts if not host.frozen])
        if not await host.wait_restarted(0, GIVE_UP_SECONDS):
            raise DrillFailedError(f"no agent serves {host.name}, to be killed")
        return partial(host.wait_restarted, host.kill())


class FleetDrill:
    """One drill on a stack without hosts that nothing else uses: it starts two of its own."""

    def __init__(self, stack: OwnStack, plan: FleetPlan, tell: Callable[[str], None]) -> None:
        self._stack = stack
        self._plan = plan
        self._tell = tell
        self._dice = random.Random(plan.seed)  # noqa: S311 - a repeatable order
        self._configured = running_stack.of_home(stack.home)
        self._clickhouse = stack.clickhouse()
        self._run = f"drill-{uuid.uuid4().hex[:8]}"
        memory_mib = SIZES["micro"].memory_mb * (plan.lanes + STANDING) * 2 // 3
        ports = min(PORTS_MAX, 2 * plan.launches + STANDING)
        self._hosts = [Host(stack, number, memory_mib=memory_mib, ports=ports) for number in range(HOSTS)]
        self._namesakes = Namesakes(stack, HOSTS, memory_mib=memory_mib, ports=ports)
        self._shares = Shares(plan.launches, plan.kills)
        self._killing = FleetKilling(stack, VICTIMS, self._dice, tell, self._canary)
        self._killing.hosts = self._hosts
        self._watch = Watch()
        self._record = Record()
        self._standing: list[str] = []
        self._game_id = ""
        self._fenced: list[bool] = []
        self._overtaken: list[str] = []
        self.outcome = FleetOutcome()

    async def carry_out(self) -> FleetOutcome:
        """Start hosts, play and kill, check. Raises DrillFailedError where that can't be done."""
        begun = time.monotonic()
        keys = await self._project()
        self._clients = Clients(
            self._stack.demo["base_url"], self._game_id, keys, connections=2 * self._plan.lanes + 10
        )
        self._lives = Lives(self._clients, self._record, self._dice, self._run)
        watching = asyncio.create_task(self._watch.run())
        try:
            await asyncio.gather(self._namesakes.open(), *(host.open() for host in self._hosts))
            self.outcome.driver = await self._hosts[0].driver()
            self._tell(f"hosts run servers by {self.outcome.driver}; they process a build…")
            await self._clients.upload(self._run, EXECUTABLE, archive())
            await self._play_and_kill()
            taken = slots(self._stack.home)
            await self._check()
            await self._check_leftovers(taken)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._close_hosts()
            await self._clients.close()
            await self._clickhouse.close()
        self.outcome.seconds = time.monotonic() - begun
        self.outcome.answers = self._clients.answers
        self.outcome.unsure = self._clients.unsure
        self.outcome.servers = len(self._record.instances)
        return self.outcome

    async def _project(self) -> list[str]:
        """A game of a new studio, and keys for it."""
        async with open_administration(self._configured) as opened:
            game = DefinedGame(id=None, settings=GameSettings(slug="game", name="Game"))
            await opened.define(DefineStudio(slug=self._run, name=self._run, plan="studio", games=[game]))
            studio = await opened.queries.studio_by_slug(self._run)
            if studio is None:
                raise DrillFailedError(f"studio {self._run} is not there after it was applied")
            (made,) = await opened.queries.games(studio.id)
            self._game_id = made.id
            return [
                (await opened.create_key(KeyKind.HOSTING_SERVER, studio_id=studio.id, game_id=made.id)).value
                for _ in range(KEYS)
            ]

    async def _play_and_kill(self) -> None:
        begun = time.monotonic()
        for number in range(STANDING):
            name = await self._lives.start(auto_restart=number % 2 == 0)
            if name is None:
                raise DrillFailedError(f"no server can be started: {self._record.wrong}")
            self._standing.append(name)
        beside = [
            asyncio.create_task(work)
            for work in (self._play(), self._freeze(), *map(self._speak, self._standing))
        ]
        playing, freezing, *_ = beside
        try:
            await self._killing.in_turn(self._plan.kills, playing, self._shares)
            self._tell("playing what is left…")
            await asyncio.gather(playing, freezing)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        await asyncio.gather(*map(self._lives.stop, self._standing))
        self.outcome.playing_seconds = time.monotonic() - begun

    async def _play(self) -> None:
        """Lives in lanes, a share of them for each kill."""
        left = iter(range(self._plan.launches - STANDING))
        pause = max(0.0, KILL_SECONDS * self._plan.lanes / self._shares.size - KILL_SECONDS)

        async def lane() -> None:
            for _ in left:
                await self._shares.take()
                await self._lives.lead()
                if not self._shares.finished:
                    await asyncio.sleep(pause)

        await asyncio.gather(*(lane() for _ in range(self._plan.lanes)))

    async def _speak(self, instance_id: str) -> None:
        """Players of a server that stands: they ask it each second."""
        while True:
            server = await self._lives.running(instance_id)
            if server is None:
                return
            await self._lives.speak(server)
            await asyncio.sleep(1)

    async def _freeze(self) -> None:
        """Stop the agent of the host with the most servers until the host is lost, so many times."""
        for number in range(self._plan.freezes):
            shown = await self._clients.read("/servers?include_launching=true&limit=100")
            here = Counter(server["machine_id"] for server in shown["servers"])
            host = max(self._hosts, key=lambda one: here[one.name])
            held = here[host.name]
            self._tell(f"freeze {number + 1}/{self._plan.freezes}: {host.name} with {held} servers")
            seconds, fenced = await host.freeze(partial(until_lost, self._clickhouse))
            self.outcome.lost_seconds.append(seconds)
            self._fenced.append(fenced)
            self._tell(f"{host.name} was lost after {seconds:.1f} s, and went on")
        self._overtaken = await self._namesakes.thaw()

    async def _close_hosts(self) -> None:
        await asyncio.gather(self._namesakes.close(), *(host.close() for host in self._hosts))

    async def _canary(self) -> None:
        """Returns once a write was answered and is shown."""
        name = self._standing[0]
        data = await self._lives.update(name)
        while (await self._clients.server(name))["custom_data"] != data:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(PAUSE_SECONDS)

    def _judge(self, name: str, problems: Sequence[str], figures: str = "") -> None:
        self.outcome.verdicts.append(Verdict(name, not problems, some(problems) or figures))

    async def _check(self) -> None:
        record = self._record
        self._judge("no answer but those of the contract", record.wrong)
        self.outcome.recoveries = self._killing.recoveries
        self.outcome.verdicts += self._killing.verdicts()
        self.outcome.adoption_seconds = [
            one.ready_seconds or GIVE_UP_SECONDS for one in self._killing.recoveries if one.part == AGENT
        ]
        self._judge("every server came to run, and to its end", record.stuck)
        said = sum(map(len, record.heard.values()))
        self._judge("running servers answer their players", record.silent, f"{said:,} answers by UDP")
        self._judge(
            "a frozen agent whose host was lost ends, and another one joins",
            ["it did not"] * self._fenced.count(False),
            f"{len(self._fenced)} times",
        )
        self._judge("of two agents of one name the older ends, and the newer goes on", self._overtaken)
        self._tell("folding the log…")
        log = await read_log(self._configured, FLEET_EVENTS)
        model = FleetModel()
        for entry in log:
            model.fold(f"{entry.partition}@{entry.offset}", entry.decided)
        ours = {name for name, server in model.servers.items() if server.game_id == self._game_id}
        own = {name: one for name, one in model.attempts.items() if one.instance_id in ours}
        self._figure(own)
        self._judge(
            "every life is one of the contract's; room and ports are given once, ports after their rest",
            model.problems,
            f"{len(record.instances)} servers, {len(own)} launches",
        )
        self._judge(
            "every answer is what the log says, each command decided once",
            judge_answers(record.answered, log),
            f"{len(record.answered):,} answers",
        )
        self._judge("nothing that was accepted is lost", judge_servers(record, model, self._game_id))
        self._judge(
            "each launch was one process, and no two of a server ran on one host",
            judge_processes(self._watch.seen, self._watch.together, own, model.lost),
            f"{len(self._watch.seen)} launches seen in {self._watch.looks} looks",
        )
        reads = Reads(self._clients, self._clickhouse, record, model)
        self._tell("reading every server and its log…")
        self._judge("what is read is what the log says", await reads.servers())
        self._judge("every transition is one row", await reads.transitions(self._game_id))
        self._judge(
            "every line is in the logs once and in order", await reads.lines(own), f"{reads.count:,} lines"
        )
        self.outcome.lines = reads.count

    def _figure(self, attempts: dict[str, Attempt]) -> None:
        waits = sorted(
            (one.ready_at_ms - one.placed_at_ms) / 1000
            for one in attempts.values()
            if one.ready_at_ms is not None
        )
        self.outcome.launches = len(attempts)
        if waits:
            self.outcome.ready_p50_seconds = waits[len(waits) // 2]
            self.outcome.ready_p99_seconds = waits[len(waits) * 99 // 100]

    async def _check_leftovers(self, taken: Sequence[int]) -> None:
        home = self._stack.home
        names = [*(host.name for host in self._hosts), self._namesakes.folder]
        attempts = list(self._watch.seen)
        left = await none_in_time(lambda: leftovers(home, names, taken, attempts))
        self._judge("nothing of a server that has ended is left", left)
        await self._close_hosts()
        left = await none_in_time(lambda: leftovers_of_hosts(home, taken))
        self._judge("nothing of a host that has ended is left", left)
