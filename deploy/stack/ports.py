"""Ports for programs that are to listen somewhere, it doesn't matter where."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

_LOWEST: Final = 10_000
_HIGHEST: Final = 65_535
_ENOUGH: Final = 2_000
_TRIES_MAX: Final = 1_000
_OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_OUTGOING_USUAL: Final = (32_768, 60_999)

_given: set[int] = set()


def free_port(within: range | None = None) -> int:
    """A port of that range that nothing listens on, and that no running process of this user was given.

    Seconds may pass until its program listens there. So by default it lies outside the range from which the
    kernel takes ports for outgoing connections, where there is such a place: asking the kernel for a port
    gives one that the next connection may take, and may give the same one twice. A port stays this process's
    until it ends.
    Raises OSError where a thousand ports tried were all taken.
    """
    within = within or place_beside(_outgoing())
    choose = random.SystemRandom()  # two processes that start at once are to choose differently
    for _ in range(_TRIES_MAX):
        port = choose.choice(within)
        if port not in _given and _hold(port) and not port_taken(port):
            _given.add(port)
            return port
    raise OSError(f"no free port: tried {_TRIES_MAX} between {within[0]} and {within[-1]}")


def free_ports(count: int) -> tuple[int, int]:
    """The first and the last of so many ports in a row that no running process of this user was given.

    For what maps ports without listening on them: no other process sees that they are used. Raises OSError.
    """
    within = place_beside(_outgoing())
    firsts = range(within.start, within.stop - count + 1)
    choose = random.SystemRandom()
    for _ in range(_TRIES_MAX if firsts else 0):
        first = choose.choice(firsts)
        ports = range(first, first + count)
        if _given.isdisjoint(ports) and all(_hold(port) and not port_taken(port) for port in ports):
            _given.update(ports)
            return first, first + count - 1
    raise OSError(f"no {count} free ports in a row between {within[0]} and {within[-1]}")


def port_taken(port: int, host: str = "127.0.0.1") -> bool:
    """True when another program listens on the port (or may: binding to it fails)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False


def _hold(port: int) -> bool:
    """Lock the byte of that number in a file that the user's processes share: False where another has it.

    The kernel drops a record lock with its process, so nothing is left to clean up.
    """
    holds = _holds(os.getpid())
    if holds is None:
        return True
    with contextlib.suppress(OSError):
        fcntl.lockf(holds, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    return False


@cache
def _holds(_pid: int) -> int | None:
    """The shared file, opened once in each process and never closed: closing it would drop the locks."""
    path = Path(tempfile.gettempdir()) / f"questlog-ports-{os.getuid()}"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:  # a folder that can't be written to: this process alone is kept from a port twice
        return None


def _outgoing() -> tuple[int, int]:
    try:
        low, high = _OUTGOING.read_text().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return _OUTGOING_USUAL


def place_beside(outgoing: tuple[int, int]) -> range:
    """Where to choose from: below or above the outgoing connections' range, else anywhere."""
    low, high = outgoing
    for place in (range(_LOWEST, low), range(high + 1, _HIGHEST + 1)):
        if len(place) >= _ENOUGH:
            return place
    return range(_LOWEST, _HIGHEST + 1)
