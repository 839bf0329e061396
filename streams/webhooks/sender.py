"""One attempt to deliver: a signed POST to a checked address, answered within 5 seconds by a 2xx."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp
from yarl import URL

from schemas.playtests.webhooks import PLAYTEST_WEBHOOK_TYPES, signature_headers
from schemas.studio.webhook_urls import UrlRefused, webhook_url
from schemas.webhooks import DELIVERY_HEADER, SIGNATURE_HEADER, Delivery, signature
from streams.webhooks.addresses import AddressRefused, CheckedResolver, Network, checked_socket

ANSWER_S: Final = 5.0
CONNECTIONS_MAX: Final = 256


class WebhookSender:
    """Holds connections to targets. Make it in the running loop; `close` it afterwards."""

    def __init__(self, allowed: Sequence[Network], *, answer_s: float = ANSWER_S) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=CheckedResolver(allowed),
                socket_factory=checked_socket(allowed),
                use_dns_cache=False,
                limit=CONNECTIONS_MAX,
            ),
            timeout=aiohttp.ClientTimeout(total=answer_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # a proxy would resolve names for us, unchecked
            auto_decompress=False,
        )

    async def send(self, delivery: Delivery, url: str, secret: str, at_s: int) -> str:
        """Post it; empty where a 2xx came in time, else why not. The answer's body is not read."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "questlog-webhooks",
            DELIVERY_HEADER: delivery.id,
            SIGNATURE_HEADER: signature(secret, at_s, delivery.body),
        }
        if delivery.type in PLAYTEST_WEBHOOK_TYPES:
            headers |= signature_headers(secret, at_s, delivery.body)
        try:
            async with self._session.post(
                _url(url), data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                return "" if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (AddressRefused, UrlRefused) as error:
            return f"refused: {error}"
        except TimeoutError:
            return "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            return _reason(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _url(url: str) -> URL:
    """The URL as the client takes it: its host is the one that was checked, and is not read again."""
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


def _reason(error: BaseException) -> str:
    """What to tell of a failure; a refusal of ours may be wrapped in the client's own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return f"refused: {cause}"
        cause = cause.__cause__
    return f"{type(error).__name__}: {error}"[:300]
