"""Keeps the stack's programs running.

Starts each once what it needs is ready, restarts what ends, stops all in order.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from deploy.private_files import write_private
from deploy.stack.program import PartFailed, ProgramSpec, RunningProgram, ask_health
from deploy.stack.volume import trouble_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

State = Literal["waiting", "starting", "ready", "restarting", "no space", "stopping", "stopped"]

BACKOFF_SECONDS: Final = (0.1, 0.3, 1.0, 2.0)
"""Pauses before the first, second, … restart in a row; the last one repeats.

Parts wait for what they need anyway.
"""
STEADY_SECONDS: Final = 20.0
"""A program that ran this long begins again with the shortest pause."""
FIRST_TRIES: Final = 3
"""A program that was never ready is tried so often before the whole start is given up."""
SPACE_LOOK_SECONDS: Final = 1.0
"""How often a volume that can't be written is looked at."""
STATUS_FILE: Final = "status.json"


@dataclass(kw_only=True)
class PartStatus:
    """What is known of one program. `pid` is 0 while it doesn't run."""

    name: str
    pid: int = 0
    state: State = "waiting"
    restarts: int = 0
    admin_port: int = 0
    lag: int | None = None
    """Records between it and the log's end, where it follows the log and has said so."""
    log: str = ""


class StartFailed(Exception):
    """The stack could not be started; the message is for the person at the screen."""


class Supervisor:
    """Runs programs until `stop`. `say` gets one line for each thing worth knowing."""

    def __init__(
        self,
        specs: list[ProgramSpec],
        home: Path,
        say: Callable[[str], None],
        trouble: Callable[[Path], str | None] = trouble_of,
    ) -> None:
        self._specs = specs
        self._home = home
        self._logs = home / "logs"
        self._say = say
        self._trouble = trouble
        self._troubled: str | None = None
        self._status_written = True
        self._stopping = asyncio.Event()
        self._ready = {spec.name: asyncio.Event() for spec in specs}
        self._running: dict[str, RunningProgram] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self.programs = {spec.name: self._status_of(spec) for spec in specs}

    async def start(self, steps: dict[str, Callable[[], Awaitable[None]]]) -> None:
        """Start every program and return when all are ready.

        `steps` are named pieces of work of our own that programs can wait for in `after`; each runs once,
        after the programs that are in no `after` of a step's own name (the stores). Raises StartFailed;
        call `stop`.
        """
        stores = [spec.name for spec in self._specs if not spec.after]
        for name in steps:
            self._ready[name] = asyncio.Event()
        for spec in self._specs:
            self._keepers[spec.name] = asyncio.create_task(self._keep(spec), name=spec.name)
        working = [asyncio.create_task(self._step(name, step, stores)) for name, step in steps.items()]
        everything = asyncio.gather(*(event.wait() for event in self._ready.values()))
        try:
            pending: set[Any] = {everything, *working, *self._keepers.values()}
            while not everything.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {everything}:
                    if not task.cancelled() and (error := task.exception()) is not None:
                        raise StartFailed(str(error)) from error
        finally:
            left: list[asyncio.Future[Any]] = [everything, *working]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        self._write_status()

    async def add(self, spec: ProgramSpec) -> None:
        """Start one more program and return when it is ready.

        From then on it is kept running like the others.
        """
        self._specs.append(spec)
        self._ready[spec.name] = asyncio.Event()
        self.programs[spec.name] = self._status_of(spec)
        keeper = self._keepers[spec.name] = asyncio.create_task(self._keep(spec), name=spec.name)
        ready = asyncio.create_task(self._ready[spec.name].wait())
        await asyncio.wait({keeper, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if keeper.done() and (error := keeper.exception()) is not None:
            raise StartFailed(str(error)) from error

    async def look(self) -> None:
        """Ask every program that serves /healthz for its lag, and keep what it says."""
        asked = [
            program for program in self.programs.values() if program.admin_port and program.state == "ready"
        ]
        answers = await asyncio.gather(*(ask_health(program.admin_port) for program in asked))
        for program, answer in zip(asked, answers, strict=True):
            program.lag = answer.get("lag")

    async def _repair_status(self) -> None:
        while True:
            await asyncio.sleep(SPACE_LOOK_SECONDS)
            if not self._status_written:
                self._write_status()

    @property
    def steady(self) -> bool:
        """True while every program is ready."""
        return all(program.state == "ready" for program in self.programs.values())

    def kill(self) -> None:
        """SIGKILL to all at once: every program is safe under it."""
        for program in self._running.values():
            program.kill()

    async def watch(self, stop: asyncio.Event) -> None:
        """Return once `stop` is set; programs that end meanwhile are restarted.

        Raises what ends a keeper itself.
        """
        stopped = asyncio.create_task(stop.wait())
        mending = asyncio.create_task(self._repair_status())
        try:
            done, _ = await asyncio.wait(
                {stopped, *self._keepers.values()}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
            mending.cancel()
        for keeper in done - {stopped}:
            keeper.result()

    async def stop(self) -> None:
        """End all programs, those that need others first. Called twice: nothing happens."""
        self._stopping.set()
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        for wave in self._waves():
            running = [self._running[name] for name in wave if name in self._running]
            for program in running:
                self._change(program.spec.name, "stopping")
            await asyncio.gather(*(program.stop() for program in running))
            for name in wave:
                self.programs[name].pid, self.programs[name].lag = 0, None
                self._change(name, "stopped")
        self._running.clear()

    def _status_of(self, spec: ProgramSpec) -> PartStatus:
        log = str(self._logs / f"{spec.name}.log")
        return PartStatus(name=spec.name, admin_port=spec.admin_port, log=log)

    def _waves(self) -> list[list[str]]:
        """Names in the order of stopping: a program comes before all that it needs until its end."""
        waves: list[list[str]] = []
        left = {spec.name: spec for spec in self._specs}
        while left:
            needed = {name for spec in left.values() for name in (*spec.after, *spec.stops_before)}
            wave = [name for name in left if name not in needed] or list(left)
            waves.append(wave)
            for name in wave:
                del left[name]
        return waves

    async def _step(self, name: str, step: Callable[[], Awaitable[None]], stores: list[str]) -> None:
        for store in stores:
            await self._ready[store].wait()
        await step()
        self._ready[name].set()

    async def _keep(self, spec: ProgramSpec) -> None:
        """One program's life: start, watch, restart. Raises PartFailed only if it was never ready."""
        clock = asyncio.get_running_loop().time
        failures = 0
        was_ready = False
        while not self._stopping.is_set():
            for name in spec.after:
                await self._ready[name].wait()
            if spec.needs_space:
                await self._space(spec.name)
            self._change(spec.name, "starting")
            began = clock()
            why = ""
            try:
                program = await RunningProgram.start(spec, self._logs)
                self._running[spec.name] = program
                self.programs[spec.name].pid = program.process.pid
                await program.wait_ready()
                was_ready = True
                self._ready[spec.name].set()
                self._change(spec.name, "ready")
                code = await program.process.wait()
                why = f"{spec.name} ended ({_exit_text(code)})"
            except PartFailed as error:
                why = str(error)
                if spec.name in self._running:
                    await self._running[spec.name].stop()
            self._ready[spec.name].clear()
            self.programs[spec.name].pid, self.programs[spec.name].lag = 0, None
            failures = 1 if clock() - began > STEADY_SECONDS else failures + 1
            if not was_ready and failures >= FIRST_TRIES:
                raise PartFailed(why)
            pause = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1]
            self.programs[spec.name].restarts += 1
            self._say(f"{why}; starting it again in {pause:g} s")
            self._change(spec.name, "restarting")
            await asyncio.sleep(pause)

    async def _space(self, name: str) -> None:
        """Until programs can write in the home: a full disk pauses them. Logged once for all."""
        while (trouble := self._trouble(self._home)) is not None:
            if self._troubled is None:
                self._say(f"{trouble}; programs that have ended are started again when this is over")
            self._troubled = trouble
            if self.programs[name].state != "no space":
                self._change(name, "no space")
            await asyncio.sleep(SPACE_LOOK_SECONDS)
        if self._troubled is not None:
            self._say("the home can be written again")
            self._troubled = None

    def _change(self, name: str, state: State) -> None:
        self.programs[name].state = state
        self._write_status()

    def _write_status(self) -> None:
        """`<home>/status.json`, whole at any moment. What can't be written now is written when it can."""
        body = {"pid": os.getpid(), "parts": [asdict(program) for program in self.programs.values()]}
        try:
            write_private(self._home / STATUS_FILE, json.dumps(body), durable=False)
        except OSError as error:
            if self._status_written:
                self._say(f"{self._home / STATUS_FILE} can't be written and is out of date: {error.strerror}")
            self._status_written = False
        else:
            self._status_written = True


def _exit_text(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
