"""What answers hold of this process's memory that their readers have not taken yet.

An answer is written whole, and what the socket does not take waits in memory. A connection counts from the
moment that it holds back more than asyncio's high-water mark (64 KiB) until its reader has taken most of it.
"""

from __future__ import annotations

from typing import Final

from schemas.edge.limits import UNSENT_BYTES
from schemas.edge.proxy import TrustedProxies, counted_address

GRACE_SECONDS: Final = 30.0
BYTES_PER_SECOND_MIN: Final = 16 * 1024


class UnsentAnswers:
    """Counts bytes. An address has a quarter of the whole; a trusted proxy, who is many readers, has all."""

    def __init__(
        self,
        limit_bytes: int = UNSENT_BYTES,
        proxies: TrustedProxies | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.limit_bytes: Final = limit_bytes
        self.address_limit_bytes: Final = limit_bytes // 4
        self.held_bytes = 0
        self._proxies: Final = proxies or TrustedProxies()
        self._grace_seconds: Final = grace_seconds
        self._of_address: dict[str, int] = {}

    def hold(self, ip: str, size: int) -> bool:
        """Count so many bytes more. False beyond a limit, and then nothing is counted."""
        address = counted_address(ip)
        of_address = self._of_address.get(address, 0) + size
        if self.held_bytes + size > self.limit_bytes:
            return False
        if of_address > self.address_limit_bytes and not self._proxies.trusts(ip):
            return False
        self.held_bytes += size
        self._of_address[address] = of_address
        return True

    def release(self, ip: str, size: int) -> None:
        """What `hold` counted is sent, or its connection has ended."""
        address = counted_address(ip)
        self.held_bytes -= size
        self._of_address[address] -= size
        if self._of_address[address] <= 0:
            del self._of_address[address]

    def seconds_to_send(self, size: int) -> float:
        """How long a reader may take for so many bytes: the grace, and a second for each 16 KiB."""
        return self._grace_seconds + size / BYTES_PER_SECOND_MIN
