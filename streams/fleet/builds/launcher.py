"""Confines itself, then becomes a program that reads hostile input: skopeo or umoci.

Its request is one line of JSON on stdin. Over the socket that it names it sends the sockets that listen
inside its network, then what of the sandbox is missing. It stays as the program's parent, outside of its
processes, and ends as the program does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import msgspec

from streams.fleet.builds import confinement
from streams.fleet.builds.messages import Confined, encode_reply
from streams.fleet.builds.system_calls import install_program_filter

FILES_MAX: Final = 1_024
PROCESSES_MAX: Final = 256
PROXY_PORT: Final = 3128


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A program, and within what."""

    parent: int
    """The process that asks: without it this one ends."""
    user: int
    """Whom to become where it is root."""
    root: str
    """An empty folder to build the program's root on."""
    work: str
    """The folder that it sees as `/work`; its `{work}` in words stands for wherever it sees it."""
    command: list[str]
    environment: dict[str, str]
    files: dict[str, str]
    """Files that it sees, as `confinement.see_only` takes them."""
    socket: int
    """Open: a Unix socket to the one who asks."""
    online: bool
    """Whether it may use the proxy."""
    direct_port: int | None = None
    """Where a registry listens on the loopback, under both networks."""
    memory_bytes: int
    file_bytes: int
    cpu_s: int


def main() -> None:
    """Serve the one request on stdin."""
    launch = msgspec.json.decode(sys.stdin.buffer.readline(), type=Launch)
    replies = socket.socket(fileno=launch.socket)
    confinement.die_with_parent(launch.parent)
    root = os.geteuid() == 0
    missing = confinement.Missing()
    confinement.leave_host(missing, processes=True)
    environment = dict(launch.environment)
    if launch.online:
        listening = _listeners(missing, launch)
        socket.send_fds(replies, [b"."], [one.fileno() for one in listening])
        port = listening[0].getsockname()[1]
        environment["HTTPS_PROXY"] = environment["HTTP_PROXY"] = f"http://127.0.0.1:{port}"
        for one in listening:
            one.close()
    program = os.fork()
    if program == 0:
        _become(launch, environment, missing, replies, own_user=root)
    replies.close()
    _, status = os.waitpid(program, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _listeners(missing: confinement.Missing, launch: Launch) -> list[socket.socket]:
    """The proxy's socket, and the one that stands for a registry on the host's loopback."""
    if confinement.NETWORK in missing.parts:
        return [socket.create_server(("127.0.0.1", 0))]
    confinement.raise_loopback()
    ports = [PROXY_PORT] if launch.direct_port is None else [PROXY_PORT, launch.direct_port]
    return [socket.create_server(("127.0.0.1", port)) for port in ports]


def _become(
    launch: Launch,
    environment: dict[str, str],
    missing: confinement.Missing,
    replies: socket.socket,
    *,
    own_user: bool,
) -> None:
    confinement.die_with_parent(None)
    work = launch.work
    if confinement.FILES not in missing.parts and confinement.see_only(
        missing, Path(launch.root), Path(work), files=launch.files
    ):
        work = "/work"
    confinement.become(missing, launch.user)
    confinement.die_with_parent(None)
    confinement.limit(
        memory_bytes=launch.memory_bytes,
        file_bytes=launch.file_bytes,
        cpu_s=launch.cpu_s,
        files=FILES_MAX,
        processes=PROCESSES_MAX if own_user else None,
    )
    with missing.unless(confinement.SYSTEM_CALLS):
        install_program_filter()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    replies.sendall(encode_reply(Confined(missing=missing.parts)))
    replies.close()
    command = [word.replace("{work}", work) for word in launch.command]
    variables = {name: value.replace("{work}", work) for name, value in environment.items()}
    try:
        os.execve(command[0], command, variables)  # noqa: S606 - its words are ours
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error}\n")
        sys.stderr.flush()
        os._exit(127)


if __name__ == "__main__":
    main()
