"""What the relay that ends TLS before a server may have, which its host has beside the server.

It is imported by the relay, which has the standard library alone.
"""

from __future__ import annotations

from typing import Final

_MEMORY_MIB: Final = 64
_MEMORY_OF_PORT_MIB: Final = 96


def relay_memory_mib(tls_ports: int) -> int:
    """Memory of the relay of so many ports; without one there is none."""
    return _MEMORY_MIB + _MEMORY_OF_PORT_MIB * tls_ports if tls_ports else 0
