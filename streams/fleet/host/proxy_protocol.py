"""The header of the PROXY protocol, version 2: who a relay's connection is for. Pure.

Part of the program `relay`: it needs the standard library alone.
Source: HAProxy's "The PROXY protocol, versions 1 & 2", section 2.2.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_VERSION_AND_PROXY: Final = 0x21
_STREAM: Final = {4: 0x11, 6: 0x21}
"""TCP, by the version of IP."""


def proxy_header(player: tuple[str, int], door: tuple[str, int]) -> bytes:
    """Of a player's address and port, and those that they have reached. Both of one version of IP."""
    source, destination = ipaddress.ip_address(player[0]), ipaddress.ip_address(door[0])
    if source.version != destination.version:
        raise ValueError(f"{source} has not reached {destination}: they are of different versions")
    addresses = source.packed + destination.packed + struct.pack("!HH", player[1], door[1])
    fixed = struct.pack("!BBH", _VERSION_AND_PROXY, _STREAM[source.version], len(addresses))
    return _SIGNATURE + fixed + addresses
