"""`questlog bench fleet`: what game servers cost and how fast they are there, with Debian's Teeworlds server.

They run on the host that `questlog up` serves, for a project of the bench's own, which every run uses again:
at the end they are stopped, their builds deleted and its keys revoked. Times are those of a client that reads
until it sees what it awaits.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from deploy.lab.bench import fleet_builds, fleet_processes
from deploy.lab.bench.fleet_figures import MIB, Figure, both, figure
from deploy.lab.bench.fleet_project import LIFE_SECONDS
from deploy.lab.bench.load import OrderRefusedError, percentile
from deploy.lab.drill.fleet_hosts import Host
from deploy.lab.drill.stack import OwnStack
from deploy.lab.example_builds import EXECUTABLE
from schemas.fleet.sizes import SIZES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploy.lab.bench.fleet_host import StackHost
    from deploy.lab.bench.fleet_project import Json, Project

BUILD: Final = "teeworlds"
SETTLE_SECONDS: Final = 5.0
"""After servers have come to run, before their CPU is measured: two samples lie 15 s apart."""
CLAIM_PAUSE_SECONDS: Final = 0.2
"""Between two claims: each begins the start of another server."""
POOL: Final = 20
FIRST_USES: Final = 3
KILLS: Final = 3
ARCHIVE_BYTES: Final = 200_000_000
ELSEWHERE: Final = "persistent-small"
HOST_NUMBER: Final = 90


class FleetBench:
    """Each part measures for itself, and stops what it started."""

    def __init__(self, home: Path, host: StackHost, project: Project, tell: Callable[[str], None]) -> None:
        self._home = home
        self._project = project
        self._tell = tell
        self._host = host

    async def upload(self) -> None:
        """The build of most parts."""
        self._tell("a build of Teeworlds is uploaded and processed…")
        build_id = await self._project.upload(BUILD, EXECUTABLE, fleet_builds.teeworlds(str(time.time_ns())))
        await self._project.process(build_id)
        await self._project.run(BUILD)
        await self._project.stop()

    async def idle(self, seconds: float) -> list[Figure]:
        """The agent without servers of ours."""
        self._tell(f"the agent is looked at for {seconds:g} s…")
        held = (await self._host.health())["servers"]
        return await self._host.cost(seconds, f"{held} servers", cpu_aim=1.5, memory_aim=100.0)

    async def start(self, starts: int) -> list[Figure]:
        """Starts one after the other, of a build that the host holds, and of builds that it does not."""
        self._tell(f"{starts} servers start, one after the other…")
        taken = []
        for _ in range(starts):
            taken.append((await self._project.run(BUILD)).running_ms)
            await self._project.stop()
        firsts = []
        for number in range(FIRST_USES):
            name = f"first-{number}"
            archive = fleet_builds.teeworlds(str(time.time_ns()))
            await self._project.process(await self._project.upload(name, EXECUTABLE, archive))
            firsts.append((await self._project.run(name)).running_ms)
            await self._project.stop()
        return [
            *both("start to running, build cached", taken, (300.0, 800.0), f"{starts} starts"),
            figure("first use of a build, longest", max(firsts), "ms", None, f"{FIRST_USES} builds"),
        ]

    async def pool(self, claims: int) -> list[Figure]:
        """Claims one after the other, while the servers that replace those claimed start."""
        taken: list[float] = []
        while len(taken) < claims:
            size = min(POOL, claims - len(taken))
            self._tell(f"a pool of {size} is claimed, {len(taken)} of {claims} claims are made…")
            await self._project.pool(BUILD, size)
            await self._project.until_pooled(size)
            for _ in range(size):
                made, answered_ms = await self._project.start(BUILD)
                if not made["is_pool_server"] or made["status"] != "running":
                    raise OrderRefusedError("the start was answered with a server that is not the pool's")
                taken.append(answered_ms)
                await asyncio.sleep(CLAIM_PAUSE_SECONDS)
            await self._project.no_pool()
            await self._project.stop()
        return both("pool claim answered", taken, (15.0, 40.0), f"{claims} claims")

    async def burst(self, servers: int) -> list[Figure]:
        """Starts at once."""
        self._tell(f"{servers} servers start at once…")
        begun = time.perf_counter()
        instances = await self._run_many(servers)
        seconds = time.perf_counter() - begun
        found = self._processes(instances)
        twice = len(found) - len({attempt.rpartition("-")[0] for attempt in found})
        twice += sum(len(one.game) != 1 for one in found.values())
        await self._project.stop()
        return [
            figure(f"{servers} starts at once, all running", seconds, "s", 6.0, "once"),
            figure("of them not exactly one process", float(twice), "", 0.0, f"{len(found)} launches"),
        ]

    async def servers(self, servers: int, seconds: float) -> list[Figure]:
        """Servers without players."""
        self._tell(f"{servers} servers start and idle for {seconds:g} s…")
        agent_bytes = self._host.resident_bytes()
        instances = await self._run_many(servers)
        await asyncio.sleep(SETTLE_SECONDS)
        found = self._processes(instances).values()
        games = {pid for one in found for pid in one.game}
        ours = {pid for one in found for pid in one.ours}
        begun, before = time.perf_counter(), fleet_processes.cpu_seconds(games | ours)
        agent = await self._host.cost(seconds, f"{servers} servers", cpu_aim=6.0, memory_aim=None)
        used = fleet_processes.cpu_seconds(games | ours) - before
        share = used / (time.perf_counter() - begun) * 100
        grown = (self._host.resident_bytes() - agent_bytes) / MIB / servers
        beside = fleet_processes.proportional_bytes(ours) / MIB / servers
        memory = fleet_processes.proportional_bytes(games) / MIB / servers
        await self._project.stop()
        of = f"{servers} servers"
        return [
            figure("CPU of all idle servers", share, "% of a core", 70.0, of),
            *agent,
            figure("memory of ours for each server", beside + grown, "MB", 1.0, of),
            figure("of it the agent's", grown, "MB", None, of),
            figure("memory of each server itself", memory, "MB", None, of),
        ]

    async def agent(self, servers: int) -> list[Figure]:
        """The agent is killed, and the next one finds all servers."""
        instances = await self._run_many(servers)
        held = (await self._host.health())["servers"]
        before = self._processes(instances)
        taken, other = [], 0
        for number in range(KILLS):
            self._tell(f"the agent of {held} servers is killed, {number + 1} of {KILLS}…")
            taken.append(await self._host.kill(held))
            after = self._processes(instances)
            other += sum(after.get(attempt) != one for attempt, one in before.items()) + len(
                after.keys() - before.keys()
            )
        shown = [await self._project.server(one) for one in instances]
        other += sum(one["restarts"] != 0 or one["status"] != "running" for one in shown)
        await self._project.stop()
        return [
            figure(f"agent of {held} servers killed to all adopted", max(taken), "s", 4.0, f"{KILLS} kills"),
            figure("of them restarted or gone", float(other), "", 0.0, f"{servers} servers"),
        ]

    async def line(self, seconds: float) -> list[Figure]:
        """Lines that say when they were printed, read by REST."""
        self._tell(f"a server prints {fleet_builds.LINES_A_SECOND} lines a second for {seconds:g} s…")
        await self._project.process(await self._project.upload("clock", EXECUTABLE, fleet_builds.clock()))
        server = await self._project.run("clock", port_configs=[])
        path = f"/servers/{server.instance_id}/logs?start_time=-10s&limit=1000"
        first_ns = time.time_ns()
        last_ns = first_ns + int(seconds * 1e9)
        seen: dict[int, float] = {}
        deadline = time.monotonic() + seconds + LIFE_SECONDS
        done = False
        while not done:
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"{len(seen)} lines could be read after {LIFE_SECONDS:.0f} s")
            for told in (await self._project.call("GET", path))["logs"]:
                line = fleet_builds.printed(told["message"])
                if line is None or line[1] < first_ns:
                    continue
                done = done or line[1] > last_ns
                seen.setdefault(line[0], (time.time_ns() - line[1]) / 1e9)
            await asyncio.sleep(0.05)
        await self._project.stop()
        missing = max(seen) - min(seen) + 1 - len(seen)
        taken = sorted(seen.values())
        of = f"{len(taken)} lines"
        return [
            figure("line printed to readable, p50", percentile(taken, 0.5), "s", None, of),
            figure("line printed to readable, p99", percentile(taken, 0.99), "s", 3.0, of),
            figure("of them missing", float(missing), "", 0.0, of),
        ]

    async def zip(self) -> list[Figure]:
        """An archive that is large."""
        self._tell(f"a ZIP of {ARCHIVE_BYTES // 1_000_000} MB is made, uploaded and processed…")
        archive = await asyncio.to_thread(fleet_builds.large, ARCHIVE_BYTES, time.time_ns())
        build_id = await self._project.upload("large", EXECUTABLE, archive)
        readers = fleet_processes.Readers()
        looking = asyncio.create_task(readers.run())
        try:
            seconds = await self._project.process(build_id)
        finally:
            looking.cancel()
        of = f"{len(archive) / 1e6:.0f} MB"
        return [
            figure("ZIP processed to ready", seconds, "s", 5.0, of),
            figure("its processing, peak RSS", readers.peak_bytes / MIB, "MB", 64.0, of),
        ]

    async def lost(self) -> list[Figure]:
        """A second host's agent is frozen until its persistent server runs on the first."""
        size = SIZES[ELSEWHERE]
        self._tell("a second host joins and gets a persistent server…")
        stack = OwnStack(self._home)
        host = Host(stack, HOST_NUMBER, memory_mib=size.memory_mb, ports=4, QUESTLOG_FLEET_BUILDS="0")
        name = "elsewhere"  # no host holds it, so that the one with the least free memory is chosen
        archive = fleet_builds.teeworlds(str(time.time_ns()))
        await self._project.process(await self._project.upload(name, EXECUTABLE, archive))
        await host.open()
        try:
            server = await self._project.run(name, compute_size=ELSEWHERE)
            if server.server["machine_id"] != host.name:
                raise OrderRefusedError(f"the server is on {server.server['machine_id']}, not {host.name}")
            self._tell(f"{host.name} is frozen…")

            async def until_elsewhere(_: str) -> None:
                await self._project.until_running(
                    server.instance_id, lambda shown: shown["machine_id"] != host.name
                )

            seconds, fenced = await host.freeze(until_elsewhere)
            await self._project.stop()
        finally:
            await host.close()
        return [
            figure("host lost to its server running elsewhere", seconds, "s", 45.0, "once"),
            figure("agents that go on after their host's loss", float(not fenced), "", 0.0, "1 host"),
        ]

    async def _run_many(self, servers: int) -> list[str]:
        """The ids of so many servers that were started at once and run."""
        made = await asyncio.gather(*(self._project.start(BUILD) for _ in range(servers)))
        instances: list[str] = [one["instance_id"] for one, _ in made]
        waiting = list(instances)
        deadline = time.monotonic() + LIFE_SECONDS
        while waiting:
            shown: list[Json] = await self._project.live()
            states = {one["instance_id"]: one["status"] for one in shown}
            if gone := [one for one in waiting if one not in states]:
                raise OrderRefusedError(f"{len(gone)} servers are not live: {', '.join(gone[:3])}")
            waiting = [one for one in waiting if states[one] != "running"]
            if time.monotonic() > deadline:
                raise OrderRefusedError(f"{len(waiting)} of {servers} servers do not run")
            await asyncio.sleep(0.05)
        return instances

    def _processes(self, instances: Sequence[str]) -> dict[str, fleet_processes.Beside]:
        return fleet_processes.servers(self._home, set(instances))
