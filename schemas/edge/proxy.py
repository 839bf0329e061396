"""Where a request comes from: its source IP and place, behind configured proxies only. Pure.

Source: contract/telemetry.md. Forwarding and geo headers are believed only where the connection itself
comes from a trusted range; of `X-Forwarded-For` the rightmost address that is not itself a trusted proxy
counts, because everything left of it is the client's own word. The IP is used for limits and never stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from schemas.edge.authentication import Headers

_CACHE_MAX: Final = 4096
_PLACE_MAX: Final = 128
_COUNTRY: Final = (b"cf-ipcountry", b"x-country-code", b"x-vercel-ip-country", b"cloudfront-viewer-country")
_REGION: Final = (b"cf-region-code", b"x-region-code", b"x-vercel-ip-country-region")
_CITY: Final = (b"cf-ipcity", b"x-city", b"x-vercel-ip-city")
_NOWHERE: Final = frozenset({"XX", "T1", ""})
"""Cloudflare's codes for unknown and Tor."""


class Place(NamedTuple):
    """Where a request comes from, as far as a trusted proxy says."""

    country: str | None
    region: str | None
    city: str | None


UNKNOWN_PLACE: Final = Place(None, None, None)


def counted_address(ip: str) -> str:
    """What limits count an address as: IPv4 as itself, IPv6 by its /64, of which one customer has all."""
    return ip if ":" not in ip else _counted(ip)


@lru_cache(_CACHE_MAX)
def _counted(ip: str) -> str:
    try:
        address = IPv6Address(ip)
    except ValueError:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


class TrustedProxies:
    """The ranges whose forwarding headers are believed. Raises ValueError on what is no CIDR range."""

    def __init__(self, ranges: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(text, strict=False) for text in ranges]
        self._known: dict[str, bool] = {}

    def trusts(self, peer: str) -> bool:
        """Whether the connection's address is a configured proxy's."""
        if not self._networks:
            return False
        known = self._known.get(peer)
        if known is None:
            if len(self._known) >= _CACHE_MAX:
                self._known.clear()
            known = self._known[peer] = self._contains(peer)
        return known

    def _contains(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._networks)

    def source_ip(self, peer: str, headers: Headers) -> str:
        """The client's address: the peer, or what trusted proxies say of it."""
        if not self.trusts(peer):
            return peer
        hops = [
            hop
            for key, value in headers
            if key == b"x-forwarded-for"
            for hop in value.decode("latin-1").split(",")
        ]
        source = peer
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                break
            source = address
            if not self._contains(address):
                break
        return source

    def place(self, peer: str, headers: Headers) -> Place:
        """Country (two letters), region and city from a trusted proxy's headers, else nothing."""
        if not self.trusts(peer):
            return UNKNOWN_PLACE
        items = list(headers)
        country = (_first(items, _COUNTRY) or "").upper()
        valid = len(country) == 2 and country.isascii() and country.isalpha() and country not in _NOWHERE
        return Place(country if valid else None, _first(items, _REGION), _first(items, _CITY))


def _address(text: str) -> str | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _first(headers: list[tuple[bytes, bytes]], names: tuple[bytes, ...]) -> str | None:
    """The first header present of several, as UTF-8 text; None where it is absent, empty or not text."""
    for name in names:
        for key, value in headers:
            if key == name and value.strip():
                try:
                    return value.strip().decode()[:_PLACE_MAX]
                except UnicodeDecodeError:
                    return None
    return None
