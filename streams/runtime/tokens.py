"""Where OAUTHBEARER logins get their tokens: a file that others keep fresh, or an OAuth 2 token endpoint.

A provider is asked at each new connection, from the event loops of several threads. Importing this module
lets aiokafka see that a broker refuses a token.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from schemas.tls import system_tls

_ANSWER_SECONDS: Final = 10
_ANSWER_BYTES_MAX: Final = 64 * 1024
_USED_UP: Final = 0.8
"""The share of a token's life after which another is fetched."""


_step: Final = OAuthAuthenticator.step


async def _answered_step(self: OAuthAuthenticator, payload: bytes | None) -> Any:
    """The answer to a token is empty, or says why it is refused (RFC 7628, 3.2.2).

    aiokafka 0.14 ignores it, and takes the connection for one that is logged in: a canary test holds that.
    """
    if self._token_sent and payload:
        raise SaslAuthenticationFailed(f"the broker answers {bytes(payload[:200])!r} to the token")
    return await _step(self, payload)


OAuthAuthenticator.step = _answered_step


class TokenUnavailable(KafkaError):  # type: ignore[misc]  # aiokafka's class has no types
    """There is no token now; the message says where it was looked for, and never shows one."""


class FileTokens(AbstractTokenProvider):  # type: ignore[misc]  # as above
    """The token that a file holds at the time: a projected service account's, or a side process's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        """Raises TokenUnavailable where the file can't be read or is empty."""
        try:
            text = await asyncio.to_thread(self._path.read_text)
        except OSError as error:
            raise TokenUnavailable(f"no token can be read from {self._path}: {error.strerror}") from None
        except ValueError:  # its text would show the bytes
            raise TokenUnavailable(f"no token can be read from {self._path}: it is not UTF-8") from None
        if not text.strip():
            raise TokenUnavailable(f"no token is in {self._path}")
        return text.strip()


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: float = 0.0


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # as above
    """Tokens of an OAuth 2 endpoint for a client's id and secret (RFC 6749, 4.4), kept while they are fresh.

    Two callers at once may fetch one each: there is no lock, since they may run in different event loops.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        client_secret: str,
        scope: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        self._clock = clock
        self._kept: tuple[str, float] = ("", float("-inf"))

    async def token(self) -> str:
        """Raises TokenUnavailable where the endpoint does not answer with one in 10 s."""
        token, until = self._kept
        if self._clock() < until:
            return token
        asked_at = self._clock()
        answer = await self._ask()
        self._kept = (answer.access_token, asked_at + _USED_UP * answer.expires_in)
        return answer.access_token

    async def _ask(self) -> _Answer:
        headers = {
            "Authorization": self._authorization,
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_ANSWER_SECONDS)) as session,
                session.post(
                    self._url,
                    data=urlencode(self._form),
                    headers=headers,
                    ssl=system_tls(),
                    allow_redirects=False,
                ) as answer,
            ):
                if answer.status != 200:
                    raise TokenUnavailable(f"{self._url} answers {answer.status} to a request for a token")
                body = await _bounded(answer)
            return msgspec.json.decode(body, type=_Answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TokenUnavailable(f"{self._url} gives no token: {error!r}") from None
        except msgspec.DecodeError as error:
            raise TokenUnavailable(f"{self._url} answers with no token: {error}") from None


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = await answer.content.read(_ANSWER_BYTES_MAX)
    while not answer.content.at_eof():
        more: Any = await answer.content.read(_ANSWER_BYTES_MAX)
        body += more
        if len(body) > _ANSWER_BYTES_MAX:
            raise aiohttp.ClientPayloadError(f"more than {_ANSWER_BYTES_MAX} bytes")
    return body
