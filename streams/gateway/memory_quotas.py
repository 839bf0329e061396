"""What bodies may hold of this process's memory together, and of it those of one key and of one address.

A body counts from its first byte until its request is answered. Small ones that came whole count for the
process alone: they wait for the log alone.
"""

from __future__ import annotations

from typing import Final

from schemas.edge.errors import Refused
from schemas.edge.limits import BODIES_IN_FLIGHT_BYTES, RETRY_AFTER_UNAVAILABLE_S

SMALL_BYTES: Final = 64 * 1024
_WAIT: Final = ((b"retry-after", b"%d" % RETRY_AFTER_UNAVAILABLE_S),)


class BodiesInFlight:
    """Counts bytes. A key has half of the whole, an address a quarter."""

    def __init__(self, limit_bytes: int = BODIES_IN_FLIGHT_BYTES) -> None:
        self.limit_bytes: Final = limit_bytes
        self.key_limit_bytes: Final = limit_bytes // 2
        self.address_limit_bytes: Final = limit_bytes // 4
        self.held_bytes = 0
        self._of_key: dict[str, int] = {}
        self._of_address: dict[str, int] = {}

    def take_small(self, size: int) -> None:
        """Count a body of the process alone. Raises `Refused` (503) and then counts nothing."""
        if self.held_bytes + size > self.limit_bytes:
            raise _full("this server")
        self.held_bytes += size

    def take(self, key_id: str, address: str, size: int) -> None:
        """Count more of a body. Raises `Refused` (503) and then counts nothing."""
        of_address = self._of_address.get(address, 0) + size
        if of_address > self.address_limit_bytes:
            raise _full("this address")
        of_key = self._of_key.get(key_id, 0) + size
        if of_key > self.key_limit_bytes:
            raise _full("this key")
        self.take_small(size)
        self._of_address[address] = of_address
        self._of_key[key_id] = of_key

    def release_small(self, size: int) -> None:
        """What `take_small` took is free again."""
        self.held_bytes -= size

    def release(self, key_id: str, address: str, size: int) -> None:
        """What `take` took is free again."""
        self.held_bytes -= size
        for held, name in ((self._of_key, key_id), (self._of_address, address)):
            held[name] -= size
            if held[name] <= 0:
                del held[name]


class Reservation:
    """What one request's body holds."""

    __slots__ = ("_address", "_bodies", "_key_id", "_named_bytes", "_small_bytes")

    def __init__(self, bodies: BodiesInFlight, key_id: str, address: str) -> None:
        self._bodies = bodies
        self._key_id = key_id
        self._address = address
        self._small_bytes = 0
        self._named_bytes = 0

    def take_whole(self, size: int) -> None:
        """Count a body that came in one piece. Raises `Refused` (503)."""
        if size > SMALL_BYTES:
            self.take(size)
        else:
            self._bodies.take_small(size)
            self._small_bytes += size

    def take(self, size: int) -> None:
        """Count the next piece. Raises `Refused` (503)."""
        self._bodies.take(self._key_id, self._address, size)
        self._named_bytes += size

    def release(self) -> None:
        """The request is answered. A second time changes nothing."""
        if self._small_bytes:
            self._bodies.release_small(self._small_bytes)
            self._small_bytes = 0
        if self._named_bytes:
            self._bodies.release(self._key_id, self._address, self._named_bytes)
            self._named_bytes = 0


def _full(whose: str) -> Refused:
    return Refused(503, f"{whose} has as much in flight as it may; try again", headers=_WAIT)
