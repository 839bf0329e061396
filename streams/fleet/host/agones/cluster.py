"""The Kubernetes API over HTTP: requests that are bounded and repeated, and streams of lines.

A request is repeated where no answer came, or one that asks for patience (429, 5xx). That is safe: what is
created has a name, so a second creation is refused with 409, and a second deletion with 404.
Source: Kubernetes' API concepts; "Accessing the Kubernetes API from a Pod".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from schemas.tls import client_tls, system_tls
from streams.fleet.host.agones.objects import Status

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER: Final = "https://kubernetes.default.svc"
ANSWER_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""etcd takes objects of 1.5 MiB."""
TRIES: Final = 4
_PAUSE_S: Final = 0.25
_PAUSE_S_MAX: Final = 5.0
_MESSAGE_MAX: Final = 500
_PATIENCE: Final = frozenset({429, 500, 502, 503, 504})
_OK: Final = 300
Read = TypeVar("Read")


class ClusterUnavailable(Exception):
    """The API gave no answer, or none that is one. The message says to what."""


class Refused(Exception):
    """The API refuses a request. `reason` is one word of its own, like `AlreadyExists`."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message[:_MESSAGE_MAX]}")
        self.code = code
        self.reason = reason


class Cluster:
    """One namespace of one cluster. Safe to share; it connects when first used."""

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        token: Callable[[], str],
        tls: ssl.SSLContext | None = None,
        answer_s: float = ANSWER_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        """`token` is asked before each request: the kubelet renews it. `tls` knows the cluster's CA.

        `pause_s` lies before the first repetition, twice as much before each further one.
        """
        self.namespace = namespace
        self._url = url.rstrip("/")
        self._token = token
        self._tls = tls
        self._answer_s = answer_s
        self._pause_s = pause_s
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections; a later request opens them again. Twice is as once."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        media_type: str = "application/json",
    ) -> bytes:
        """The whole answer. Raises Refused, and ClusterUnavailable after four tries without one."""
        failure = ""
        for number in range(TRIES):
            if number:
                await asyncio.sleep(self.pause_s(number))
            try:
                async with (
                    asyncio.timeout(self._answer_s),
                    self._send(method, path, parameters or {}, body, media_type) as answer,
                ):
                    content = await _bounded(answer)
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = repr(error)
                continue
            if answer.status < _OK:
                return content
            refused = _refused(answer.status, content)
            if answer.status not in _PATIENCE:
                raise refused
            failure = str(refused)
        raise ClusterUnavailable(f"{method} {path} had no answer in {TRIES} tries: {failure}")

    async def lines(
        self, path: str, *, parameters: Mapping[str, str], within_s: float, unfinished: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """The answer's lines as they come, until the server ends it.

        What stands behind the last end of a line is left out, or with `unfinished` is a line too.

        Raises Refused before the first line, and ClusterUnavailable where the connection breaks or `within_s`
        is over.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        rest = b""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._answer_s):
                    answer = await stack.enter_async_context(self._send("GET", path, parameters, None))
                    stack.callback(_abort, answer)
                    if answer.status >= _OK:
                        raise _refused(answer.status, await _bounded(answer))
                # The time is counted while this waits, never while who reads the lines does.
                while piece := await _piece(answer, deadline):
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in filter(None, whole):
                        yield line
                    if len(rest) > LINE_BYTES_MAX:
                        raise ClusterUnavailable(f"GET {path}: a line of more than {LINE_BYTES_MAX} bytes")
                if rest and unfinished:
                    yield rest
            except (aiohttp.ClientError, TimeoutError) as error:
                raise ClusterUnavailable(f"GET {path} broke off: {error!r}") from error

    def pause_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        return min(_PAUSE_S_MAX, self._pause_s * 2.0 ** min(failures - 1, 16))

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: Mapping[str, Any] | None,
        media_type: str = "",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json, */*;q=0.5"}
        if body is not None:
            headers["Content-Type"] = media_type
        async with self._session.request(
            method,
            f"{self._url}{path}",
            params=parameters,
            data=msgspec.json.encode(body) if body is not None else None,
            headers=headers,
            ssl=self._tls or system_tls(),
            allow_redirects=False,
        ) as answer:
            yield answer


def in_cluster(folder: Path = SERVICE_ACCOUNT, *, url: str = IN_CLUSTER) -> Cluster:
    """The cluster and namespace that this process's pod is in. Raises OSError outside one."""
    token = folder / "token"
    token.stat()
    return Cluster(
        url,
        namespace=(folder / "namespace").read_text().strip(),
        token=lambda: token.read_text().strip(),
        tls=client_tls(str(folder / "ca.crt")),
    )


def decoded(content: bytes | msgspec.Raw, kind: type[Read]) -> Read:
    """An answer as an object. Raises ClusterUnavailable where it is none of that kind."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise ClusterUnavailable(f"the API's answer is no {kind.__name__}: {error}") from error


def _abort(answer: aiohttp.ClientResponse) -> None:
    """Breaks a stream that is left before its end: TLS would wait for the other side, also after its loop."""
    connection = answer.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


async def _piece(answer: aiohttp.ClientResponse, deadline: float) -> bytes:
    """The next bytes; none at the end."""
    async with asyncio.timeout_at(deadline):
        return await answer.content.readany()


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in answer.content.iter_any():
        content += piece
        if len(content) > ANSWER_BYTES_MAX:
            raise ClusterUnavailable(f"{answer.url.path}: an answer of more than {ANSWER_BYTES_MAX} bytes")
    return bytes(content)


def _refused(code: int, content: bytes) -> Refused:
    try:
        status = msgspec.json.decode(content, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):  # of a proxy before the API
        return Refused(code, "", content[:_MESSAGE_MAX].decode(errors="replace"))
    return Refused(code, status.reason, status.message)
