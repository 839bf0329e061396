"""Runs what reads hostile input in a process of its own, and ends it with all that it started.

The process has no environment, no network, a user of its own, few system calls and bounded resources, as far
as the machine allows (`confinement`); what is missing is warned of once. What it says is bounded and checked.
Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from streams.fleet.builds import child
from streams.fleet.builds.limits import UNPACKED_BYTES_MAX
from streams.fleet.builds.messages import (
    LINES_MAX,
    REPLY_BYTES_MAX,
    Configured,
    Confined,
    Log,
    LogLine,
    Made,
    Refused,
    Reply,
    decode_reply,
)
from streams.fleet.builds.refused import BuildRefused

BUILD_USER: Final = 61_150
"""No account has it: below systemd's dynamic users, above those that distributions hand out."""
DEADLINE_S: Final = 600.0
_MEMORY_BYTES: Final = 512 * 2**20
_OUTPUT_BYTES_MAX: Final = UNPACKED_BYTES_MAX + 2**30
_CPU_S: Final = 600
_DRAINED_BYTES: Final = 64 * 1024
_ERRORS_BYTES: Final = 2_000
_CHILD: Final = (sys.executable, "-I", "-B", "-m", "streams.fleet.builds.child")

Task = Literal["archive", "image", "tree"]

_log: Final = logging.getLogger(__name__)


class SandboxFailed(Exception):
    """The process ended otherwise than it should: killed, out of time or memory, or saying nonsense.

    That may be the machine's fault or the input's; another attempt may end better.
    """


class Sandbox:
    """Starts confined processes. `user` is who they become where this process is root.

    `empty` is an empty folder, `command` the program that is asked.
    """

    def __init__(
        self,
        empty: Path,
        *,
        user: int = BUILD_USER,
        deadline_s: float = DEADLINE_S,
        command: Sequence[str] = _CHILD,
    ) -> None:
        self._empty = empty
        self._command = command
        self.user = user
        self._deadline_s = deadline_s
        self._warned: frozenset[str] = frozenset()
        self.missing: tuple[str, ...] = ()
        """Parts of the sandbox that the last process could not have."""

    async def archive(self, archive: int, executable_path: str, output: int, log: Log) -> Made:
        """Write the artefact of an archive, both open files. Raises BuildRefused and SandboxFailed.

        Then the output is void. Log lines come as they are said.
        """
        return await self._made("archive", archive, executable_path, output, log)

    async def tree(self, root: int, executable_path: str, output: int, log: Log) -> Made:
        """The same of an unpacked image's root, an open folder."""
        return await self._made("tree", root, executable_path, output, log)

    async def image(self, layout: int, log: Log) -> Configured:
        """How the image in an open folder is to be run, if it can be unpacked. Raises as `archive`."""
        configured = await self._ask(self._request("image", layout), (layout,), log)
        if not isinstance(configured, Configured):
            raise SandboxFailed("processing says more than it should")
        return configured

    async def _made(self, task: Task, given: int, executable_path: str, output: int, log: Log) -> Made:
        request = self._request(task, given, output, executable_path)
        made = await self._ask(request, (given, output), log)
        if not isinstance(made, Made):
            raise SandboxFailed("processing says more than it should")
        return made

    def _request(
        self, task: Task, given: int, output: int | None = None, executable_path: str = ""
    ) -> child.Request:
        return child.Request(
            task=task,
            parent=os.getpid(),
            user=self.user,
            empty=str(self._empty),
            input=given,
            output=output,
            executable_path=executable_path,
            memory_bytes=_MEMORY_BYTES,
            file_bytes=_OUTPUT_BYTES_MAX,
            cpu_s=_CPU_S,
        )

    async def _ask(self, request: child.Request, files: Sequence[int], log: Log) -> Made | Configured:
        async with deadline(self._deadline_s), running(self._command, files) as process:
            await give(process, request)
            made = await self._heard(process, log)
            errors = await error_output(process)
            status = await process.wait()
            if made is None or status != 0:
                raise SandboxFailed(f"processing ended {_how(status, errors)}")
            return made

    async def _heard(self, process: asyncio.subprocess.Process, log: Log) -> Made | Configured | None:
        """The result, once it has closed its output; None where it had none. Raises BuildRefused."""
        ended: Made | Configured | Refused | None = None
        lines = 0
        async for reply in _replies(process):
            lines += 1
            if ended is not None or lines > LINES_MAX:
                raise SandboxFailed("processing says more than it should")
            match reply:
                case Confined():
                    self.weaker(reply.missing)
                case LogLine():
                    log(reply.level, reply.step, reply.message)
                case Made() | Configured() | Refused():
                    ended = reply
        if isinstance(ended, Refused):
            raise BuildRefused(ended.message)
        return ended

    def weaker(self, missing: Sequence[str]) -> None:
        """Note what could not be had, and warn once of it."""
        self.missing = tuple(sorted(missing))
        if self.missing and frozenset(missing) != self._warned:
            self._warned = frozenset(missing)
            _log.warning(
                "builds are processed in a weaker sandbox, without: %s. Run the host's agent as root, where "
                "namespaces and seccomp are allowed",
                ", ".join(self.missing),
            )


@asynccontextmanager
async def running(command: Sequence[str], files: Sequence[int]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with these files open and no environment, in a session of its own; it ends with the block.

    So does all that it started. Raises SandboxFailed where it can't be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=REPLY_BYTES_MAX,
            pass_fds=files,
            env={},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxFailed(f"processing can't be started: {error}") from error
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdout, process.stderr):
            while pipe is not None and await pipe.read(_DRAINED_BYTES):  # a pipe that is full is never closed
                pass
        await process.wait()


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Raises SandboxFailed where the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise SandboxFailed(f"processing did not end within {seconds:g} s") from None


async def _replies(process: asyncio.subprocess.Process) -> AsyncIterator[Reply]:
    assert process.stdout is not None  # noqa: S101 - asked for
    try:
        while line := await process.stdout.readline():
            yield decode_reply(line)
    except (ValueError, msgspec.DecodeError) as error:
        raise SandboxFailed(f"processing says what can't be read: {error}") from None


async def give(process: asyncio.subprocess.Process, request: msgspec.Struct) -> None:
    """Give a process its request, one line; where it has ended already its status will say so."""
    assert process.stdin is not None  # noqa: S101 - asked for
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(msgspec.json.encode(request) + b"\n")
        await process.stdin.drain()
        process.stdin.close()


async def error_output(process: asyncio.subprocess.Process) -> str:
    """The end of its error output, once that is closed."""
    assert process.stderr is not None  # noqa: S101 - asked for
    errors = b""
    while piece := await process.stderr.read(_DRAINED_BYTES):
        errors = (errors + piece)[-_ERRORS_BYTES:]
    return errors.decode(errors="replace").strip()


def _how(status: int, errors: str) -> str:
    how = f"by signal {-status}" if status < 0 else f"with {status}"
    last = errors.rsplit("\n", 1)[-1]
    return f"{how}: {last}" if last else how
