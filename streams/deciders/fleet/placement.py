"""Where a server goes: a pure function of what hosts have said in the log.

Of the hosts of its region that were seen within 15 s, don't drain and have room: first those that hold its
build, then the least free memory, so that large servers find room later, then the id. Hosts that would
promise memory twice come after all others, those that have promised the least first. External ports go
round a host's range; one that came free rests for 60 s. Source: contract/fleet.md, "Start".
"""

from __future__ import annotations

import msgspec

from schemas.fleet.limits import CPU_RESERVED_SHARE, HOST_FRESH_MS, HOST_SPECS_BYTES_MAX, PORT_REST_MS
from schemas.fleet.relays import relay_memory_mib
from schemas.fleet.sizes import Size
from streams.deciders.fleet.state import FleetState, HostState


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """What an attempt needs of a host."""

    region: str
    size: Size
    sha256: str
    ports: int
    tls_ports: int
    spec_bytes: int
    proxy_protocol: bool = False

    @property
    def memory_mb(self) -> int:
        """Of the server, and of the relay beside it."""
        return self.size.memory_mb + relay_memory_mib(self.tls_ports)


class Place(msgspec.Struct, frozen=True, gc=False):
    """A host's room for it."""

    host: HostState
    ports: tuple[int, ...]
    cores: tuple[int, ...]


def place(state: FleetState, wanted: Wanted, at_ms: int) -> Place | None:
    """The place for an attempt; None where no host has room."""
    fitting = [known for known in state.hosts.values() if _fits(known, wanted, at_ms)]
    for known in sorted(fitting, key=lambda known: _order(known, wanted)):
        ports = free_ports(known, wanted.ports, at_ms)
        cores = free_cores(known, wanted.size.cores)
        if ports is not None and cores is not None:
            return Place(known, ports, cores)
    return None


def _order(known: HostState, wanted: Wanted) -> tuple[bool, bool, int, str]:
    free_mb = known.host.capacity.memory_mb - known.memory_mb
    twice = free_mb < wanted.memory_mb
    return twice, wanted.sha256 not in known.builds, -free_mb if twice else free_mb, known.host.id


def is_fresh(known: HostState, at_ms: int) -> bool:
    """Whether a host gets servers and builds."""
    host = known.host
    return host.status == "up" and not known.draining and at_ms - host.seen_at_ms <= HOST_FRESH_MS


def _fits(known: HostState, wanted: Wanted, at_ms: int) -> bool:
    capacity, size = known.host.capacity, wanted.size
    reserved = size.cpu_millis if size.dedicated else size.cpu_millis // CPU_RESERVED_SHARE
    return (
        is_fresh(known, at_ms)
        and wanted.region in capacity.regions
        and (capacity.overcommit or known.memory_mb + wanted.memory_mb <= capacity.memory_mb)
        and known.cpu_millis + reserved <= capacity.cpu_millis
        and known.spec_bytes + wanted.spec_bytes <= HOST_SPECS_BYTES_MAX
        and (capacity.tls or not wanted.tls_ports)
        and (capacity.proxy_protocol or not wanted.proxy_protocol)
    )


def free_ports(known: HostState, count: int, at_ms: int) -> tuple[int, ...] | None:
    """The next free ports of a host's range; None where there are too few."""
    capacity, used, resting = known.host.capacity, known.used_ports, known.resting_ports
    size = capacity.last_port - capacity.first_port + 1
    found: list[int] = []
    if len(used) + count > size:
        return None
    for step in range(size):
        if len(found) == count:
            break
        port = capacity.first_port + (known.next_port - capacity.first_port + step) % size
        if port not in used and at_ms - resting.get(port, -PORT_REST_MS) >= PORT_REST_MS:
            found.append(port)
    return tuple(found) if len(found) == count else None


def free_cores(known: HostState, count: int) -> tuple[int, ...] | None:
    """The lowest cores that no server has for itself; None where there are too few."""
    if not count:
        return ()
    cores = range(known.host.capacity.cpu_millis // 1000)
    free = [core for core in cores if core not in known.used_cores][:count]
    return tuple(free) if len(free) == count else None
