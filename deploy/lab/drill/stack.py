"""A stack of the drill's own: its home and ports are free ones, its parts are found and hit by their pids."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from deploy.cli import running_stack
from deploy.lab.bench.markers import Target
from deploy.stack.ports import free_port, free_ports
from deploy.stack.program import ProgramSpec, RunningProgram
from deploy.stack.supervisor import STATUS_FILE
from projections.clickhouse.client import ClickHouse
from schemas.telemetry.noun import TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START_SECONDS: Final = 240.0
STOP_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
FLEET_PORTS: Final = 200


class DrillFailedError(Exception):
    """The drill could not be carried out (which is not the same as a verdict that does not hold)."""


class DemoStack:
    """A stack of a home with a demo, which `demo` says all of that demo.json does."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.demo: dict[str, Any] = {}

    def clickhouse(self) -> ClickHouse:
        """A client of its tables, which gives up soon; the caller closes it."""
        database = running_stack.of_home(self.home).clickhouse_database
        return ClickHouse(self.demo["clickhouse_url"], database, retry_seconds=0.5)

    def target(self, clickhouse: ClickHouse) -> Target:
        """The game without limits, for marked events."""
        return Target(
            base_url=self.demo["base_url"],
            token=self.demo["keys"]["relay_public_token"],
            studio_id=self.demo["studio"]["id"],
            app_id=next(game["id"] for game in self.demo["games"] if game["slug"] == "relay"),
            clickhouse=clickhouse,
        )


class OwnStack(DemoStack):
    """`questlog up --demo` in a process of its own: an async context manager that stops what it started."""

    def __init__(
        self, home: Path, *, edges: int = 1, environment: Mapping[str, str] | None = None, hosts: bool = False
    ) -> None:
        """With `hosts` it runs game servers, by ports that no other stack has."""
        super().__init__(home)
        self._hosts = hosts
        self._edges = edges
        self._environment = dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None
        self._extra: list[RunningProgram] = []

    async def __aenter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        ports = {
            f"--{name}": str(free_port()) for name in ("port", "kafka-port", "redis-port", "clickhouse-port")
        }
        with (self.home / "up.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deploy.cli", "up", "--demo", "--no-play"),
                *("--home", str(self.home), "--edges", str(self._edges)),
                "--fleet" if self._hosts else "--no-fleet",
                *(word for pair in ports.items() for word in pair),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment, **(_fleet_ports() if self._hosts else {})},
            )
        try:
            await self._ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End the stack and what was added to it. Called twice: nothing happens."""
        for part in list(self._extra):
            await self.remove(part)
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()  # its parts die with it
            await process.wait()

    async def _ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        demo = self.home / "demo.json"
        while not (demo.exists() and self.all_ready()):
            if self._process is None or self._process.returncode is not None:
                raise DrillFailedError(f"the stack did not start; see {self.home / 'up.log'}")
            if time.monotonic() > deadline:
                raise DrillFailedError(
                    f"the stack was not ready in {START_SECONDS:.0f} s; see {self.home}/up.log"
                )
            await asyncio.sleep(0.1)
        self.demo = json.loads(demo.read_bytes())

    @property
    def is_up(self) -> bool:
        """Whether the supervisor still runs."""
        return self._process is not None and self._process.returncode is None

    def all_ready(self) -> bool:
        """Whether every part is, by the supervisor's word."""
        parts = self.parts()
        return bool(parts) and all(part["state"] == "ready" for part in parts.values())

    def parts(self) -> dict[str, dict[str, Any]]:
        """The supervisor's parts by name; empty before it has started."""
        try:
            status = json.loads((self.home / STATUS_FILE).read_bytes())
        except FileNotFoundError:
            return {}
        return {part["name"]: part for part in status["parts"]}

    def pid(self, name: str) -> int:
        """The part's pid now, 0 while it doesn't run. Raises KeyError for an unknown part."""
        pid: int = self.parts()[name]["pid"]
        return pid

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send the part a signal; the pid that got it. Raises ProcessLookupError when it doesn't run."""
        pid = self.pid(name)
        if not pid:
            raise ProcessLookupError(name)
        os.kill(pid, number)
        return pid

    async def wait_restarted(self, name: str, old_pid: int, seconds: float) -> bool:
        """True once the part is ready with another pid."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            part = self.parts()[name]
            if part["state"] == "ready" and part["pid"] not in (0, old_pid):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def wait_ready(self, seconds: float) -> bool:
        """True once every part is ready: what was hit last may still be starting."""
        deadline = time.monotonic() + seconds
        while not self.all_ready():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def add_worker(self, role: str, instance: int, **changes: str) -> RunningProgram:
        """One more worker of a role, outside the supervisor; it is not restarted when it ends.

        `changes` are settings of its own, by their variable (`QUESTLOG_CLICKHOUSE_URL`, ...).
        """
        return await self._add(f"extra-{role}-{instance}", ["deploy.worker", role], instance, changes)

    async def add_edge(self, instance: int, **changes: str) -> tuple[RunningProgram, str]:
        """One more edge process on a port of its own, outside the supervisor, and its base URL."""
        port = free_port()
        own = {"QUESTLOG_PORT": str(port), **changes}
        return await self._add(
            f"extra-edge-{instance}", ["deploy.edge"], instance, own
        ), f"http://127.0.0.1:{port}"

    async def remove(self, part: RunningProgram) -> None:
        """Kill what `add_worker` or `add_edge` started. Called twice: nothing happens."""
        if part in self._extra:
            self._extra.remove(part)
            part.kill()
            await part.process.wait()

    async def _add(
        self, name: str, program: list[str], instance: int, changes: dict[str, str]
    ) -> RunningProgram:
        admin = free_port()
        environment = running_stack.of_home(self.home).environment() | {
            "QUESTLOG_ADMIN_PORT": str(admin),
            "QUESTLOG_INSTANCE": str(instance),
            "PYTHONUNBUFFERED": "1",
            **changes,
        }

        spec = ProgramSpec(
            name=name,
            argv=[sys.executable, "-m", *program],
            environment=environment,
            start_seconds=60,
            admin_port=admin,
        )
        part = await RunningProgram.start(spec, self.home / "logs")
        self._extra.append(part)
        try:
            await part.wait_ready()
        except BaseException:
            await self.remove(part)
            raise
        return part


def _fleet_ports() -> dict[str, str]:
    return {"QUESTLOG_FLEET_PORTS": "{}-{}".format(*free_ports(FLEET_PORTS))}


async def partitions_held(admin_port: int) -> int:
    """How many partitions of telemetry a worker holds, by its /healthz; 0 when it doesn't answer."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session,
            session.get(f"http://127.0.0.1:{admin_port}/healthz") as response,
        ):
            health = await response.json()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return 0
    return sum(held["topic"] == TELEMETRY.name for held in health.get("partitions", []))
