"""One attempt to deliver: a signed POST to a checked address, answered within 5 seconds by a 2xx."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp

from schemas.playtests.webhooks import PLAYTEST_WEBHOOK_TYPES, signature_headers
from schemas.studio.webhook_urls import UrlRefused
from schemas.webhooks import DELIVERY_HEADER, SIGNATURE_HEADER, Delivery, signature
from streams.checked_http import checked_session, checked_url, reason
from streams.webhooks.addresses import AddressRefused, Network

ANSWER_S: Final = 5.0
CONNECTIONS_MAX: Final = 256


class WebhookSender:
    """Holds connections to targets. Make it in the running loop; `close` it afterwards."""

    def __init__(self, allowed: Sequence[Network], *, answer_s: float = ANSWER_S) -> None:
        self._session = checked_session(allowed, answer_s=answer_s, connections_max=CONNECTIONS_MAX)

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
                checked_url(url), data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                return "" if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (AddressRefused, UrlRefused) as error:
            return f"refused: {error}"
        except TimeoutError:
            return "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            return reason(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
