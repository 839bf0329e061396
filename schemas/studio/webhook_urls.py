"""A webhook's URL, taken apart once: what is checked is what is connected to. Pure.

`questlog apply` and the sender both read a URL here and nowhere else, so that no two parsers can disagree
about its host. A host is a name in the letters of DNS, four decimal numbers, or an IPv6 address in brackets:
the other forms of an address that some resolvers know (`127.1`, `0x7f.1`, `0177.0.0.1`, digits of other
scripts) are no host at all.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_NUMERIC: Final = re.compile(r"[0-9]+\Z|0x[0-9a-f]*\Z")
_NAME_LENGTH_MAX: Final = 253
_PORTS: Final = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlRefused(ValueError):
    """The URL can't be a webhook's; the message says why."""


class WebhookUrl(msgspec.Struct, frozen=True):
    """The parts of a URL. Either `address` or the name `host` is where it goes."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    address: Address | None
    port: int
    target: str
    """Path and query, as they are sent."""


def webhook_url(url: str) -> WebhookUrl:
    """The parts of a URL that is a webhook's. Raises `UrlRefused`."""
    if any(ord(character) <= 32 or ord(character) >= 127 for character in url):
        raise UrlRefused("a URL is printable ASCII: encode the rest")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UrlRefused(f"is no URL: {error}") from None
    if parts.scheme not in _PORTS:
        raise UrlRefused("a target is an https:// (or http://) URL")
    if "@" in parts.netloc:
        raise UrlRefused("no user or password in the URL: a delivery is known by its signature")
    if not host:
        raise UrlRefused("a target needs a host")
    if parts.fragment:
        raise UrlRefused("a fragment (#…) is never sent: leave it out")
    if port == 0:
        raise UrlRefused("0 is no port")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebhookUrl(
        scheme=parts.scheme,
        host=host,
        address=_address(host, bracketed=parts.netloc.startswith("[")),
        port=port or _PORTS[parts.scheme],
        target=target,
    )


def _address(host: str, *, bracketed: bool) -> Address | None:
    """The address that a host is; None for a name."""
    if bracketed:
        try:
            return ipaddress.IPv6Address(host if "%" not in host else "")
        except ValueError:
            raise UrlRefused(f"[{host}] is no IPv6 address") from None
    labels = host.removesuffix(".").split(".")
    if _NUMERIC.match(labels[-1]):
        try:
            return ipaddress.IPv4Address(host)
        except ValueError:
            raise UrlRefused(f"{host}: write an IPv4 address as four decimal numbers") from None
    if len(host) > _NAME_LENGTH_MAX or not all(_LABEL.match(label) for label in labels):
        raise UrlRefused(f"{host} is no host name: letters, digits, hyphens and dots (others as xn--…)")
    return None
