"""JSON over HTTP to a provider: one POST, repeated where it is busy or broken.

Source: the analytics contract, "AI": 20 s for an answer, 2 repeats on 429 and 5xx, `Retry-After` up to 10 s.
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
import orjson

from schemas.studio.webhook_urls import UrlRefused
from schemas.telemetry.decoding_cost import has_costly_numbers
from streams.ai.ports import KeyRefused, ProviderFailed
from streams.checked_http import checked_url, reason
from streams.webhooks.addresses import AddressRefused

ANSWER_S: Final = 20.0
REPEATS: Final = 2
PAUSE_S_MAX: Final = 10.0
"""A provider that asks for a longer pause is not asked again."""
FIRST_PAUSE_S: Final = 1.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
CONNECTIONS_MAX: Final = 64
_COSTLY_FROM_BYTES: Final = 4 * 1024

AnswerT = TypeVar("AnswerT")
Pause = Callable[[float], Awaitable[None]]


class ProviderHttp:
    """Asks one provider with one key. The session is its owner's."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        headers: Mapping[str, str],
        *,
        pause: Pause = asyncio.sleep,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "questlog",
            **headers,
        }
        self._pause = pause
        self._answer_s = answer_s

    async def post(self, path: str, body: Mapping[str, Any], kind: type[AnswerT]) -> AnswerT:
        """The answer of a 2xx as a struct. Raises ProviderFailed, KeyRefused among them."""
        encoded = msgspec.json.encode(body)
        repeats = 0
        while True:
            status, pause_s, answer = await self._once(path, encoded)
            if 200 <= status < 300:
                return _decoded(answer, kind)
            if status in {401, 403}:
                raise KeyRefused(f"the provider refused the key with {status}", paid=False, status=status)
            again = status == 429 or status >= 500
            if pause_s is None:
                pause_s = FIRST_PAUSE_S * 2**repeats
            if not again or repeats == REPEATS or pause_s > PAUSE_S_MAX:
                raise ProviderFailed(f"the provider answered {status}", paid=False, status=status)
            repeats += 1
            await self._pause(pause_s)

    async def _once(self, path: str, body: bytes) -> tuple[int, float | None, bytes]:
        """Status, the pause that is asked for, and the body of one attempt."""
        try:
            async with self._session.post(
                checked_url(self._base_url + path),
                data=body,
                headers=self._headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._answer_s),
            ) as answer:
                pause_s = pause_asked(answer.headers.get("Retry-After"), time.time())
                return answer.status, pause_s, await _body(answer)
        except (AddressRefused, UrlRefused) as error:
            raise ProviderFailed(f"refused: {error}", paid=False) from None
        except TimeoutError:
            raise ProviderFailed("the provider did not answer in time", paid=True) from None
        except aiohttp.ClientConnectorError as error:
            raise ProviderFailed(reason(error), paid=False) from None
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise ProviderFailed(reason(error), paid=True) from None


def pause_asked(header: str | None, now_s: float) -> float | None:
    """The seconds of a Retry-After, given as such or as a date; None where it says nothing readable. Pure."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - now_s)
    except ValueError:
        return None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Read whole, up to the limit."""
    if not 200 <= answer.status < 300:
        return b""
    parts = bytearray()
    async for part in answer.content.iter_any():
        parts += part
        if len(parts) > ANSWER_BYTES_MAX:
            raise ProviderFailed(f"an answer of more than {ANSWER_BYTES_MAX} bytes", paid=True)
    return bytes(parts)


def _decoded(answer: bytes, kind: type[AnswerT]) -> AnswerT:
    try:
        if has_costly_numbers(answer, from_bytes=_COSTLY_FROM_BYTES):
            return msgspec.convert(orjson.loads(answer), kind)
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise ProviderFailed("the provider's answer is not of the documented form", paid=True) from None
