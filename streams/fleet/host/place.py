"""What a host calls its own on a machine it may share: a slot, from which all its names and numbers follow.

A slot is one of 1,024. Its number gives the names of network devices, the nftables table, the cgroups, 4,096
addresses of 10.64.0.0/10 and 4,096 user ids. Slots are noted in `/run`, which every host of a machine sees.
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from streams.fleet.host.commands import run

REGISTRY: Final = Path("/run/questlog-fleet")
SLOTS: Final = 1024
SEATS: Final = 2048
"""Attempts that a host can hold at once: each takes a pair of addresses."""
_ADDRESSES: Final = ipaddress.ip_network("10.64.0.0/10")
_PER_SLOT: Final = SEATS * 2
_UID_BASE: Final = 0x6000_0000
BUILDS_GID: Final = _UID_BASE + SLOTS * _PER_SLOT
"""The group that may write unpacked builds where they are seen through a scratch layer."""


class NoPlace(Exception):
    """Every slot of the machine is taken, or its address range is in use by a route."""


class Seat(msgspec.Struct, frozen=True):
    """What one attempt uses of its host's place: distinct from that of every other one on the machine."""

    slot: int
    index: int

    @property
    def device(self) -> str:
        """Of the host's end of the link, and of the network namespace."""
        return f"{device_prefix(self.slot)}{self.index:x}"

    @property
    def gateway(self) -> str:
        """Where the server sends what goes out: no address of the host, whose end of the link has none."""
        return str(address_range(self.slot)[self.index * 2])

    @property
    def host_mac(self) -> str:
        """Of the host's end of the link."""
        return self._mac(0x02)

    @property
    def mac(self) -> str:
        """Of the server's end."""
        return self._mac(0x06)

    def _mac(self, first: int) -> str:
        """Locally administered: the second bit of `first` is set."""
        return ":".join(
            f"{byte:02x}" for byte in (first, 0x71, *self.slot.to_bytes(2), *self.index.to_bytes(2))
        )

    @property
    def address(self) -> str:
        """The server's own."""
        return str(address_range(self.slot)[self.index * 2 + 1])

    @property
    def uid(self) -> int:
        """The server's user and group; no other program's on the machine."""
        return _UID_BASE + self.slot * _PER_SLOT + self.index

    @property
    def relay_uid(self) -> int:
        """The user of the server's relay."""
        return self.uid + SEATS


def device_prefix(slot: int) -> str:
    """How the names of the slot's network devices begin (`qf3-`)."""
    return f"qf{slot:x}-"


def relays_gid(slot: int) -> int:
    """The group of the slot's relays, which may read what they end TLS with."""
    return _UID_BASE + slot * _PER_SLOT + SEATS


def table_name(slot: int) -> str:
    """The slot's nftables table, of family inet, and its cgroup."""
    return f"questlog-fleet-{slot}"


def address_range(slot: int) -> ipaddress.IPv4Network:
    """The slot's 4,096 addresses."""
    first = int(_ADDRESSES.network_address) + slot * _PER_SLOT
    return ipaddress.IPv4Network((first, 20))


def take_slot(root: Path, *, registry: Path = REGISTRY) -> int:
    """The slot of the host whose files are in `root`: the same until `give_back`.

    Slots of roots that are gone are free. Raises NoPlace.
    """
    with _locked(registry):
        taken = dict(_taken(registry))
        mine = next((slot for slot, owner in taken.items() if owner == root), None)
        if mine is not None:
            return mine
        used = _routes()
        first = int.from_bytes(hashlib.sha256(os.fsencode(root)).digest()[:4]) % SLOTS
        for slot in ((first + step) % SLOTS for step in range(SLOTS)):
            owner = taken.get(slot)
            free = owner is None or not owner.exists()
            if free and not any(route.overlaps(address_range(slot)) for route in used):
                _note(registry, slot).write_text(str(root))
                return slot
    raise NoPlace(
        f"all {SLOTS} slots in {registry} are taken, or their addresses in 10.64.0.0/10 have routes"
    )


def keep_slot(slot: int, root: Path, *, registry: Path = REGISTRY) -> None:
    """Takes the slot that a root had, after `give_back` too. Raises NoPlace where another root has it."""
    with _locked(registry):
        owner = dict(_taken(registry)).get(slot)
        if owner == root:
            return
        if owner is not None and owner.exists():
            raise NoPlace(f"slot {slot} of {root} is that of {owner} by now: start the agent again")
        _note(registry, slot).write_text(str(root))


def give_back(slot: int, *, registry: Path = REGISTRY) -> None:
    """Frees the slot. Twice is as once."""
    with _locked(registry):
        _note(registry, slot).unlink(missing_ok=True)


def _note(registry: Path, slot: int) -> Path:
    return registry / f"slot-{slot}"


def _taken(registry: Path) -> Iterator[tuple[int, Path]]:
    for note in registry.glob("slot-*"):
        yield int(note.name.removeprefix("slot-")), Path(note.read_text())


def _routes() -> Sequence[ipaddress.IPv4Network]:
    found = []
    for line in run("ip", "-4", "route", "show", "table", "all").splitlines():
        words = line.split()
        word = words[1] if words[0] in {"local", "broadcast", "unreachable", "blackhole"} else words[0]
        if word != "default":
            found.append(ipaddress.IPv4Network(word, strict=False))
    return [route for route in found if route.prefixlen > 8]


@contextmanager
def _locked(registry: Path) -> Iterator[None]:
    registry.mkdir(mode=0o755, parents=True, exist_ok=True)
    with open(registry / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
