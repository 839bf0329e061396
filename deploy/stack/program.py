"""One program of the stack: how it is started, asked whether it is ready, and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

LOG_BYTES_MAX: Final = 16 * 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1

Probe = Callable[[], Awaitable[bool]]


class PartFailed(Exception):
    """A program could not be started or ended before it was ready.

    The message says which, why, and where its log is.
    """


@dataclass(frozen=True, kw_only=True)
class ProgramSpec:
    """How to run one program.

    `prepare` runs before each start (in a thread) and must be safe to run again.
    """

    name: str
    argv: Sequence[str]
    ready: Probe | None = None
    """None: ready when /healthz on its admin port says `ok`, and of a worker `settled`, in its own name."""
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    after: tuple[str, ...] = ()
    """Names of programs that must be ready before this one is started."""
    stops_before: tuple[str, ...] = ()
    """Names of programs that have to run until this one has ended, though it can start without them."""
    start_seconds: float = 30.0
    stop_seconds: float = 15.0
    needs_space: bool = True
    """Whether it is of no use before the home can be written."""
    admin_port: int = 0
    """Where it serves /healthz and /metrics, 0 where it does not."""


class RunningProgram:
    """A started program. Its output goes to `<logs>/<name>.log`; it dies with the process that started it."""

    def __init__(
        self, spec: ProgramSpec, process: asyncio.subprocess.Process, log: Path, log_from: int
    ) -> None:
        self.spec = spec
        self.process = process
        self.log = log
        self._log_from = log_from

    @classmethod
    async def start(cls, spec: ProgramSpec, logs: Path) -> RunningProgram:
        """Start the program; does not wait for it to be ready.

        Raises PartFailed when it cannot be prepared or executed. Where its log can't be opened, its output is
        dropped.
        """
        try:
            if spec.prepare is not None:
                await asyncio.to_thread(spec.prepare)
        except OSError as error:
            raise PartFailed(f"{spec.name} cannot be prepared: {error}") from error
        log = logs / f"{spec.name}.log"
        parent = os.getpid()
        with _open_log(log) as output:
            log_from = output.tell()
            try:
                process = await asyncio.create_subprocess_exec(
                    *spec.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **spec.environment},
                    start_new_session=True,
                    preexec_fn=lambda: die_with(parent),
                )
            except OSError as error:
                raise PartFailed(f"{spec.name} cannot be started: {error}") from error
        return cls(spec, process, log, log_from)

    async def wait_ready(self) -> None:
        """Return once the program answers its probe.

        Raises PartFailed when it ends first or takes too long.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.spec.start_seconds
        while True:
            if self.process.returncode is not None:
                raise PartFailed(self._ended())
            if await self._is_ready():
                return
            if clock() > deadline:
                raise PartFailed(
                    f"{self.spec.name} was not ready in {self.spec.start_seconds:.0f} s; see {self.log}"
                )
            await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        if self.spec.ready is not None:
            return await self.spec.ready()
        state = await ask_health(self.spec.admin_port)
        # Another program may have taken the port, and be healthy.
        return bool(state.get("ok") and state.get("settled", True) and state.get("pid") == self.process.pid)

    def _ended(self) -> str:
        try:
            written = self.log.read_bytes()[-4000:]
        except OSError:
            written = b""
        lines = written.decode(errors="replace").strip().splitlines()
        return f"{self.spec.name} ended with {self.process.returncode}; last of {self.log}: " + "\n".join(
            lines[-5:]
        )

    async def stop(self) -> None:
        """Ask the program to end, then kill it after `stop_seconds`. Called twice: nothing happens."""
        if self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.spec.stop_seconds):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def kill(self) -> None:
        """SIGKILL, to the program and what it started."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and its code is about to be told
                os.killpg(self.process.pid, signal.SIGKILL)


def _open_log(log: Path) -> IO[bytes]:
    """The program's log file, begun anew when it has grown large; one older is kept. Else the null device."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)
        log.chmod(0o600)  # an older one may be readable by all users
        return log.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)

    def die_with(parent: int) -> None:
        """In the child.

        Be killed when the parent ends, however it ends (every program is safe under SIGKILL).
        """
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended between fork and prctl
            os._exit(1)
else:

    def die_with(parent: int) -> None:
        """Only Linux can tie a child's life to its parent's."""


async def answers(port: int, send: bytes, expect: bytes, host: str = "127.0.0.1") -> bool:
    """True when something on the port answers `send` with bytes that hold `expect`, within a second."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(send)
                return expect in await reader.read(65536)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def http_ok(port: int, path: str) -> bool:
    """True when `GET path` on the port answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    return await answers(port, request, b" 200 ")


async def ask_health(admin_port: int) -> dict[str, Any]:
    """What a process says at /healthz; empty where it doesn't answer in a second."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", admin_port)
            try:
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                answer = await reader.read()
            finally:
                writer.close()
        state: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    except (OSError, TimeoutError, ValueError):
        return {}
    return state


@asynccontextmanager
async def running_parts(specs: Sequence[ProgramSpec], logs: Path) -> AsyncIterator[None]:
    """Start programs, wait until all are ready, and stop them in reverse at the end. Raises PartFailed."""
    programs: list[RunningProgram] = []
    try:
        for spec in specs:
            programs.append(await RunningProgram.start(spec, logs))  # noqa: PERF401 - what was started is stopped
        await asyncio.gather(*(program.wait_ready() for program in programs))
        yield
    finally:
        for program in reversed(programs):
            await program.stop()
