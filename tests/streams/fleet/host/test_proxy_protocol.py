"""The header that a relay begins a connection with, against the bytes of the specification's structures."""

from __future__ import annotations

import pytest

from streams.fleet.host.proxy_protocol import proxy_header

SIGNATURE = bytes.fromhex("0D0A0D0A000D0A515549540A")


def test_ipv4() -> None:
    """12 bytes of addresses: both of IPv4, then both ports, in the order of networks."""
    assert proxy_header(("192.0.2.1", 56_324), ("198.51.100.7", 443)) == SIGNATURE + bytes.fromhex(
        "21"  # version 2, PROXY
        "11"  # AF_INET, STREAM
        "000C"
        "C0000201 C6336407"
        "DC04 01BB"
    )


def test_ipv6() -> None:
    assert proxy_header(("2001:db8::1", 1), ("::1", 65_535)) == SIGNATURE + bytes.fromhex(
        "21"
        "21"  # AF_INET6, STREAM
        "0024"
        "20010DB8000000000000000000000001 00000000000000000000000000000001"
        "0001 FFFF"
    )


def test_addresses_of_two_kinds_have_no_header() -> None:
    with pytest.raises(ValueError, match="different versions"):
        proxy_header(("192.0.2.1", 1), ("::1", 2))
