"""All attempts that a host looks after, each brought to what the log wants of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final

from schemas.fleet.host_commands import Report
from schemas.fleet.views import ExitReason, LaunchSpec
from schemas.seal import SealBroken
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.driver import Driver
from streams.fleet.host.launch import Launch
from streams.fleet.host.launching import document
from streams.fleet.host.reconcile import Kill, Remove, ReportExit, Start, Stop, reconcile
from streams.fleet.host.serving import Builds, Serving
from streams.fleet.host.wanted import Wanted

_log: Final = logging.getLogger(__name__)


class Servings:
    """Of one root folder. `wanted` is set once the host has joined."""

    def __init__(
        self,
        attempts: Attempts,
        *,
        driver: Driver,
        builds: Builds,
        launch_of: Callable[[LaunchSpec], Launch],
        executor: Executor,
        clock_ms: Callable[[], int],
        report: Callable[[Report, Callable[[], None]], None],
        run: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        """`run` runs work beside the others; `changed` is called when there may be more to do."""
        self.by_id: dict[str, Serving] = {}
        self.wanted: Wanted | None = None
        self.starts_more = True
        self._attempts = attempts
        self._driver = driver
        self._builds = builds
        self._launch_of = launch_of
        self._executor = executor
        self._clock_ms = clock_ms
        self._report = report
        self._run = run
        self._changed = changed
        self._never: set[str] = set()

    def adopt(self) -> None:
        """Looks after what an agent before this one has left."""
        for attempt in self._attempts:
            self._serve(attempt.id)

    def act(self) -> None:
        """Does what the log wants and is not done yet."""
        if self.wanted is None:
            return
        found = {name: serving.found() for name, serving in self.by_id.items()}
        for action in reconcile(self.wanted.wants(), found):
            name = action.attempt_id
            match action:
                case Start():
                    self._start(name, self.wanted.entries[name].spec)
                case Stop():
                    self._run(self.by_id[name].stop())
                case Kill():
                    if not self.by_id[name].stopping:
                        self._run(self.by_id[name].kill())
                case ReportExit(never=True):
                    self._report_never(name)
                case ReportExit():
                    pass  # its serving has reported, and repeats it until it is known
                case Remove():
                    self._run(self._remove(name))

    def show(self, name: str) -> None:
        """What the log says of a server now is shown to it."""
        entry = self.wanted.entries.get(name) if self.wanted is not None else None
        serving = self.by_id.get(name)
        if serving is not None and entry is not None and entry.server is not None:
            serving.show(document(entry.server))
            if entry.server.phase == "running":
                serving.believe_ready()

    async def stop(self) -> None:
        """Ends all that run, because their host stops."""
        running = [one for one in self.by_id.values() if one.found().state == "runs"]
        await asyncio.gather(*(serving.stop("HOST_STOPPED") for serving in running))

    def _start(self, name: str, spec: LaunchSpec) -> None:
        if name not in self.by_id and self.starts_more:
            try:
                launch = self._launch_of(spec)
            except SealBroken as error:
                _log.error("%s can't be started: %s", name, error)
                self._report_never(name, "STARTUP_FAILURE_EXECUTABLE")
                return
            sdk_port, inner = None, dict[str, int]()
            if self._driver.isolation == "process":
                relayed = [port.name for port in launch.ports if port.tls]
                sdk_port, *others = _free_ports(1 + len(relayed))
                inner = dict(zip(relayed, others, strict=True))
            try:
                self._attempts.make(
                    launch,
                    driver=self._driver.name,
                    now_ms=self._clock_ms(),
                    sdk_port=sdk_port,
                    inner_ports=inner,
                )
            except OSError as error:  # the others go on: an agent that ended here would lose the whole host
                _log.error("%s can't be started: %s", name, error)
                self._report_never(name, "STARTUP_FAILURE_DOWNLOAD")
                return
            self._serve(name)

    def _serve(self, name: str) -> None:
        """Looks after an attempt that has a folder."""
        attempt = self._attempts.get(name)
        assert attempt is not None  # noqa: S101 - the caller has seen it
        entry = self.wanted.entries.get(name) if self.wanted is not None else None
        shown = document(entry.server) if entry is not None and entry.server else attempt.launch.document
        serving = Serving(
            attempt,
            driver=self._driver,
            builds=self._builds,
            executor=self._executor,
            report=self._report,
            document=shown,
        )
        self.by_id[name] = serving
        if serving.state == "runs" or (entry is not None and entry.want == "running"):
            self._run(self._served(serving))

    async def _served(self, serving: Serving) -> None:
        await serving.run()
        self._changed()

    def _report_never(self, name: str, reason: ExitReason | None = None) -> None:
        if name in self._never:
            return
        self._never.add(name)
        instance_id, _, attempt = name.rpartition("-")
        self._report(
            Report(instance_id=instance_id, attempt=int(attempt), kind="exited", reason=reason),
            lambda: self._never.discard(name),
        )

    async def _remove(self, name: str) -> None:
        """Once nothing of it is left to do: the log has what it printed, and its network is gone."""
        serving = self.by_id.get(name)
        if serving is None:
            return
        if serving.state == "made":
            await asyncio.get_running_loop().run_in_executor(
                self._executor, self._driver.clean, serving.attempt
            )
        elif not (serving.cleaned and serving.output.finished()):
            return
        self.by_id.pop(name, None)
        serving.attempt.remove()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:  # all at once: each is another
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in found]
