"""One home and its stores, under processes of two releases that are replaced one by one.

A release is a folder with its code. What ends unasked is started again with the code that it had, as a
supervisor would.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import deploy
from deploy import settings
from deploy.cli import running_stack
from deploy.cli.up_settings import partitions_here, with_demo_secrets
from deploy.lab.drill.stack import DemoStack, DrillFailedError, OwnStack
from deploy.nouns import counts_of
from deploy.stack.clickhouse import clickhouse_url
from deploy.stack.ports import free_port
from deploy.stack.program import PartFailed, ProgramSpec, RunningProgram, http_ok
from deploy.stack.programs import Ports, processes, stores
from deploy.stack.redis import redis_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.settings import Settings

EDGES: Final = 2
HERE: Final = Path(deploy.__file__).parents[1]
"""The code of this release."""
SERVING_SECONDS: Final = 60.0
COMMAND_SECONDS: Final = 300.0
START_SECONDS: Final = 120.0
_WATCH_SECONDS: Final = 0.2


def unpack(commit: str, folder: Path) -> Path:
    """The code of a commit of this repository, in a folder that is made. Raises DrillFailedError."""
    git = ("git", "-C", str(HERE))
    named = (*git, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    found = subprocess.run(named, capture_output=True, text=True, check=False)
    if found.returncode:
        raise DrillFailedError(f"this repository ({HERE}) has no commit {commit}")
    folder.mkdir(parents=True)
    archive = (*git, "archive", "--format=tar", found.stdout.strip())
    packed = subprocess.run(archive, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        files.extractall(folder)  # noqa: S202 - of this repository
    return folder


def migrations_of(code: Path) -> int:
    """How many numbered SQL files a release has."""
    return len(list((code / "projections" / "clickhouse").glob("[0-9]*.sql")))


def runs(code: Path) -> dict[str, str]:
    """The variables by which a Python process and those that it starts run a release's code, and no other."""
    return {"PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}


class TwoReleases(DemoStack):
    """An async context manager: the older release has made the home and runs all processes.

    The environment's packages are those of this release; so the older one must be able to use them.
    """

    def __init__(self, home: Path, old: Path, tell: Callable[[str], None]) -> None:
        super().__init__(home)
        self._old = old
        self._tell = tell
        self._code: dict[str, Path] = {}
        self._specs: dict[str, ProgramSpec] = {}
        self._running: dict[str, RunningProgram] = {}
        self._replacing: set[str] = set()
        self._stores: list[RunningProgram] = []
        self._watching: asyncio.Task[None] | None = None
        self._settings: Settings | None = None
        self.restarts: list[str] = []
        """Processes that ended unasked and were started again."""

    async def __aenter__(self) -> Self:
        self._tell("the older release makes a home…")
        async with OwnStack(self.home, edges=EDGES, environment=runs(self._old)) as first:
            self.demo = first.demo
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def names(self) -> list[str]:
        """The processes, edges last."""
        return list(self._specs)

    async def replace(self, name: str, code: Path) -> None:
        """Stop a process and start it with this code; it is ready then. Raises PartFailed."""
        self._replacing.add(name)
        try:
            await self._running[name].stop()
            self._code[name] = code
            await self._run(name)
            await self._running[name].wait_ready()
        finally:
            self._replacing.discard(name)

    async def command(self, code: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """A `questlog` command of a release, to its end; it may fail."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(code),
        )
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                out, problems = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        code_of = process.returncode or 0
        return subprocess.CompletedProcess(
            words, code_of, out.decode(errors="replace"), problems.decode(errors="replace")
        )

    async def stop(self) -> None:
        """End all that was started, stores last. Called twice: nothing happens."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        running, self._running = self._running, {}
        await asyncio.gather(*(program.stop() for program in running.values()))
        for store in reversed(self._stores):
            await store.stop()
        self._stores = []

    async def _start(self) -> None:
        ports = Ports(http=free_port(), kafka=free_port(), redis=free_port(), clickhouse=free_port())
        configured = self._settings = _configured(self.home, ports)
        running_stack.write(configured)
        self.demo |= {
            "base_url": configured.base_url,
            "redis_url": configured.redis_url,
            "clickhouse_url": configured.clickhouse_url,
        }
        self._tell("the stores start again, then the older release's processes…")
        for store in stores(configured, ports):
            self._stores.append(await RunningProgram.start(store, self.home / "logs"))
        await asyncio.gather(*(store.wait_ready() for store in self._stores))
        self._specs = {spec.name: spec for spec in processes(configured, ports, edges=EDGES, hosts=False)}
        for name in self._specs:
            self._code[name] = self._old
            await self._run(name)
        await asyncio.gather(*(program.wait_ready() for program in self._running.values()))
        self._watching = asyncio.create_task(self._watch())
        deadline = time.monotonic() + SERVING_SECONDS
        while not await http_ok(configured.port, "/readyz"):
            if time.monotonic() > deadline:
                raise DrillFailedError(f"the older release does not serve; see {self.home / 'logs'}")
            await asyncio.sleep(0.1)

    async def _run(self, name: str) -> None:
        spec = self._specs[name]
        environment = dict(spec.environment) | runs(self._code[name])
        own = dataclasses.replace(spec, environment=environment, start_seconds=START_SECONDS)
        self._running[name] = await RunningProgram.start(own, self.home / "logs")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for name in [*self._running]:
                ended = self._running[name].process.returncode is not None
                if ended and name not in self._replacing:
                    self.restarts.append(name)
                    with contextlib.suppress(PartFailed):
                        await self._run(name)

    @property
    def _configured(self) -> Settings:
        if self._settings is None:
            raise DrillFailedError("the stack was not started")
        return self._settings

    def _environment(self, code: Path) -> Mapping[str, str]:
        return {**os.environ, **self._configured.environment(), **runs(code)}


def _configured(home: Path, ports: Ports) -> Settings:
    """As `questlog up` configures a home."""
    configured = settings.from_environment(
        home=home,
        port=ports.http,
        base_url=f"http://localhost:{ports.http}",
        kafka=f"localhost:{ports.kafka}",
        kafka_security_protocol="PLAINTEXT",
        clickhouse_cluster="",
        partitions=partitions_here(home, 1),
    )
    configured = dataclasses.replace(
        configured,
        partitions=counts_of(configured),
        redis_url=redis_url(ports.redis, configured.store_password("redis")),
        clickhouse_url=clickhouse_url(ports.clickhouse, configured.store_password("clickhouse")),
    )
    return with_demo_secrets(configured)
