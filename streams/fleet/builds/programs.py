"""Runs skopeo and umoci confined: they read what registries and images hold.

Each has a root of its own with the host's programs and one folder, processes of its own, and no network but
the proxy of a `RegistryGate`. Its output is bounded, and it ends with the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from streams.fleet.builds.launcher import Launch
from streams.fleet.builds.limits import UNPACKED_BYTES_MAX
from streams.fleet.builds.messages import Confined, decode_reply
from streams.fleet.builds.registry_gate import RegistryGate
from streams.fleet.builds.sandbox import Sandbox, SandboxFailed, deadline, error_output, give, running

DEADLINE_S: Final = 900.0
_LAUNCHER: Final = (sys.executable, "-I", "-B", "-m", "streams.fleet.builds.launcher")
_MEMORY_BYTES: Final = 4 * 2**30
"""Of addresses: Go's programs reserve a gigabyte before they use a byte."""
_CPU_S: Final = 900
_PIECE_BYTES: Final = 64 * 1024
_MESSAGE: Final = re.compile(r'msg="((?:[^"\\]|\\.)*)"')


class ProgramFailed(SandboxFailed):
    """A program ended otherwise than with 0; the message is its last words."""


class Programs:
    """Starts programs confined. `folder` holds an empty folder `root`, and `work`, which they may write."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, deadline_s: float = DEADLINE_S) -> None:
        self._sandbox = sandbox
        self._root = folder / "root"
        self.work = folder / "work"
        self._deadline_s = deadline_s

    def prepare(self) -> None:
        """Make the folders."""
        self._root.mkdir(mode=0o700)
        self.work.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.work, self._sandbox.user, self._sandbox.user)

    async def run(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        files: Mapping[str, str],
        gate: RegistryGate | None = None,
        direct_port: int | None = None,
        output_bytes_max: int = 0,
    ) -> bytes:
        """A program's output once it has ended with 0. `{work}` in its words stands for the work folder.

        Raises ProgramFailed; SandboxFailed where it takes too long or says more than `output_bytes_max`.
        """
        here, there = socket.socketpair()
        launch = Launch(
            parent=os.getpid(),
            user=self._sandbox.user,
            root=str(self._root),
            work=str(self.work),
            command=list(command),
            environment=dict(environment),
            files=dict(files),
            socket=there.fileno(),
            online=gate is not None,
            direct_port=direct_port,
            memory_bytes=_MEMORY_BYTES,
            file_bytes=UNPACKED_BYTES_MAX,
            cpu_s=_CPU_S,
        )
        here.settimeout(0)
        with here, there:
            async with deadline(self._deadline_s), running(_LAUNCHER, (there.fileno(),)) as process:
                there.close()
                await give(process, launch)
                async with _served(here, gate):
                    await self._confined(here, process)
                    output, errors = await asyncio.gather(
                        _output(process, output_bytes_max), error_output(process)
                    )
                    if await process.wait() != 0:
                        raise ProgramFailed(
                            _message_of(errors) or f"{command[0]} ended with {process.returncode}"
                        )
        return output

    async def _confined(self, here: socket.socket, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        line = b""
        while not line.endswith(b"\n") and (piece := await loop.sock_recv(here, _PIECE_BYTES)):
            line += piece
        try:
            confined = decode_reply(line)
        except msgspec.DecodeError:
            raise ProgramFailed(
                f"it could not be confined: {_message_of(await error_output(process))}"
            ) from None
        if isinstance(confined, Confined):
            self._sandbox.weaker(confined.missing)


@asynccontextmanager
async def _served(here: socket.socket, gate: RegistryGate | None) -> AsyncIterator[None]:
    """Serve the sockets that the launcher sends, until the block ends."""
    if gate is None:
        yield
        return
    listening = await _received(here)
    if not listening:
        raise ProgramFailed("it could not be confined")
    async with gate.serving(listening[0], listening[1] if len(listening) > 1 else None):
        yield


async def _received(here: socket.socket) -> list[socket.socket]:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(here, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(here)
    _, files, _, _ = socket.recv_fds(here, 1, 2)
    return [socket.socket(fileno=file) for file in files]


async def _output(process: asyncio.subprocess.Process, size_max: int) -> bytes:
    assert process.stdout is not None  # noqa: S101 - asked for
    output = bytearray()
    while piece := await process.stdout.read(_PIECE_BYTES):
        output += piece
        if len(output) > size_max:
            raise SandboxFailed(f"a program said more than {size_max:,} bytes")
    return bytes(output)


def _message_of(errors: str) -> str:
    """The message in the last line of a log."""
    last = errors.rsplit("\n", 1)[-1]
    found = _MESSAGE.search(last)
    if found is None:
        return last
    with contextlib.suppress(msgspec.DecodeError):
        return str(msgspec.json.decode(f'"{found[1]}"'))
    return found[1]
