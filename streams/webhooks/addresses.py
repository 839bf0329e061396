"""Where a webhook may go: public addresses, and those networks that the deployment allows.

A name is resolved when its connection is made, every address it has is checked, and the connection goes to a
checked address: a name that changes its mind between check and connection (DNS rebinding) gains nothing.
`checked_socket` makes the socket of each connection: whatever a URL was taken for, only checked addresses are
connected to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """A webhook may not go there. The message names host and address."""


class CheckedResolver(AbstractResolver):
    """Resolves as the system does, and refuses a name of which any address is refused."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of a host. Raises AddressRefused, or OSError where there is none."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        results: list[ResolveResult] = []
        for kind, _, protocol, _, where in found:
            address = str(where[0])
            check_address(host, address, self._allowed)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        if not results:
            raise OSError(f"{host} has no address")
        return results

    async def close(self) -> None:
        """Nothing is held."""


def check_address(host: str, text: str, allowed: Sequence[Network]) -> None:
    """Raises AddressRefused where a webhook may not go to this address. Pure."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise AddressRefused(f"{host}: {text!r} is no address") from None
    if not is_allowed(address, allowed):
        raise AddressRefused(f"{host} is at {address}, which is not a public address")


def checked_socket(allowed: Sequence[Network]) -> Callable[[AddrInfoType], socket.socket]:
    """A factory of connections' sockets. Raises AddressRefused for an address that is refused."""

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = info
        check_address(str(where[0]), str(where[0]), allowed)
        return socket.socket(family, kind, protocol)

    return make


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is public, or in a network that is allowed. What it wraps is what counts. Pure."""
    address = _unwrapped(address)
    if any(address.version == network.version and address in network for network in allowed):
        return True
    tunnelled = isinstance(address, ipaddress.IPv6Address) and (
        address.sixtofour is not None or address.teredo is not None
    )
    return address.is_global and not (
        tunnelled or address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped or NAT64 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
