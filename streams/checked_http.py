"""HTTP to addresses that a studio gave: every connection goes to a checked one, and nowhere else is followed.

Webhooks and AI providers are both called by it. Source: the common rules of `streams.webhooks.addresses`.
"""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from yarl import URL

from schemas.studio.webhook_urls import webhook_url
from schemas.tls import system_tls
from streams.webhooks.addresses import AddressRefused, CheckedResolver, Network, checked_socket


def checked_session(
    allowed: Sequence[Network], *, answer_s: float, connections_max: int, decompress: bool = False
) -> aiohttp.ClientSession:
    """A client that connects to public addresses and those of `allowed` networks alone.

    Make it in the running loop, and close it. Follow no redirect with it: their hosts are not what was given.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=CheckedResolver(allowed),
            socket_factory=checked_socket(allowed),
            use_dns_cache=False,
            limit=connections_max,
            ssl=system_tls(),
        ),
        timeout=aiohttp.ClientTimeout(total=answer_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # a proxy would resolve names for us, unchecked
        auto_decompress=decompress,
    )


def checked_url(url: str) -> URL:
    """The URL as the client takes it: its host is the one that was checked. Raises `UrlRefused`."""
    parts = webhook_url(url)
    path, _, query = parts.target.partition("?")
    return URL.build(
        scheme=parts.scheme,
        host=f"[{parts.host}]" if ":" in parts.host else parts.host,
        port=parts.port,
        path=path,
        query_string=query,
        encoded=True,
    )


def reason(error: BaseException) -> str:
    """What to tell of a failure; a refusal of ours may be wrapped in the client's own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return f"refused: {cause}"
        cause = cause.__cause__
    return f"{type(error).__name__}: {error}"[:300]
