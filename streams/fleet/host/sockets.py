"""Which ports are bound, how many connections are open and how much was sent, from /proc/PID/net."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_ESTABLISHED: Final = "01"
_LISTEN: Final = "0A"


def bound(net: Path, inodes: set[str] | None = None) -> set[tuple[str, int]]:
    """The (protocol, port) pairs that take what comes, in the namespace whose /proc/…/net this is.

    With `inodes` only those of these sockets.
    """
    found = set()
    for protocol in ("udp", "tcp"):
        for local, state, inode in _rows(net, protocol):
            if (protocol == "udp" or state == _LISTEN) and (inodes is None or inode in inodes):
                found.add((protocol, local))
    return found


def owned(pids: Iterable[int]) -> set[str]:
    """The inodes of all sockets that these processes have open."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):  # the process is gone, or closes the file just now
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(descriptor.readlink())
                    if target.startswith("socket:["):
                        found.add(target[8:-1])
    return found


def established(net: Path, ports: set[int] | None = None) -> int:
    """Open TCP connections, without those of loopback; with `ports` all at these local ports."""
    return sum(
        state == _ESTABLISHED and (ports is None or local in ports)
        for local, state, _ in _rows(net, "tcp", loopback=ports is not None)
    )


def traffic(net: Path) -> tuple[int, int]:
    """Bytes received and sent by all devices but loopback."""
    received = sent = 0
    for line in (net / "dev").read_text().splitlines()[2:]:
        device, _, counters = line.partition(":")
        if device.strip() != "lo":
            fields = counters.split()
            received += int(fields[0])
            sent += int(fields[8])
    return received, sent


def _rows(net: Path, protocol: str, *, loopback: bool = True) -> Iterator[tuple[int, str, str]]:
    for name in (protocol, protocol + "6"):
        try:
            lines = (net / name).read_text().splitlines()[1:]
        except OSError:  # the process is gone, or there is no IPv6
            continue
        for line in lines:
            fields = line.split()
            address, _, port = fields[1].rpartition(":")
            if loopback or not address.endswith("0100007F"):
                yield int(port, 16), fields[3], fields[9]
