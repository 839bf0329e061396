"""Clients of the playtests drill: they retry with the same key until they know what became of a write."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp
import msgspec

from schemas.identifiers import keyed_command_id
from streams.gateway.playtests.write_commands import operation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS: Final = 12.0
PAUSE_SECONDS: Final = 0.2
WAIT_SECONDS_MAX: Final = 2.0
RECORDING: Final = b"a short recording" * 60
_AGAIN: Final = frozenset({0, 429, 503})


class Caller(msgspec.Struct, frozen=True):
    """Whose key a call is made with; no playtester for a studio's own."""

    key: str
    studio_id: str
    playtester_id: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a write came to in the end."""

    caller: Caller
    operation: str
    ids: tuple[str, ...]
    """Those of its path."""
    method: str
    path: str
    key: str
    body: dict[str, Any]
    status: int
    text: bytes
    invoked_s: float
    returned_s: float

    @property
    def command_id(self) -> str:
        """The command that it became in the log."""
        return keyed_command_id(
            game_id=self.caller.studio_id,
            subject=self.caller.playtester_id,
            operation=operation_of(self.operation, dict(enumerate(self.ids))),  # type: ignore[arg-type]
            idempotency_key=self.key,
        )

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status < 300

    @property
    def data(self) -> Any:
        """Of a success."""
        return msgspec.json.decode(self.text)["data"]

    @property
    def reason(self) -> str:
        """Of a 409; empty for another answer."""
        return str(msgspec.json.decode(self.text)["error"]["reason"]) if self.status == 409 else ""

    @property
    def shown(self) -> bytes:
        """What a retry must get byte for byte: all but `meta`."""
        return self.text[: self.text.rindex(b',"meta":')]


class Speaker(Protocol):
    """Speaks S2 for the drill's moves. Each write is asked until its answer is definite."""

    def now_s(self) -> float:
        """Seconds by the clock of `Answered`, from anywhere."""
        ...

    async def write(
        self,
        caller: Caller,
        path: str,
        key: str,
        *,
        operation: str,
        ids: tuple[str, ...] = (),
        body: dict[str, Any] | None = None,
        method: str = "POST",
    ) -> Answered:
        """Ask below /api/v1, always with the same key."""
        ...

    async def provider_event(self, event: Mapping[str, Any]) -> tuple[int, bytes]:
        """Status and body of what the payment provider's adapter posts."""
        ...

    async def get(self, caller: Caller, path: str) -> tuple[int, Any, float]:
        """One read: its status, its data, and when it was asked."""
        ...

    async def upload(self, caller: Caller, slot_id: str, key: str) -> str | None:
        """Upload a recording; its id. None where the slot takes none any more."""
        ...


class Clients:
    """Speaks S2 over a few connections. `answers` counts every attempt by its status."""

    def __init__(self, base_url: str, payments_secret: str, *, connections: int) -> None:
        self._payments_secret = payments_secret.encode()
        self.answers: dict[str, int] = {}
        self.unsure = 0
        """Attempts of unknown outcome: no answer, or 503."""
        self._session = aiohttp.ClientSession(
            base_url,
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=3.0),
            connector=aiohttp.TCPConnector(limit=connections),
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    def now_s(self) -> float:
        """Of this machine, monotonic."""
        return time.monotonic()

    async def write(
        self,
        caller: Caller,
        path: str,
        key: str,
        *,
        operation: str,
        ids: tuple[str, ...] = (),
        body: dict[str, Any] | None = None,
        method: str = "POST",
    ) -> Answered:
        """Ask below /api/v1 until the answer is definite; always with the same key."""
        invoked_s = self.now_s()
        status, text = await self._until_known(method, path, body or {}, _headers(caller, key))
        return Answered(
            caller=caller,
            operation=operation,
            ids=ids,
            method=method,
            path=path,
            key=key,
            body=body or {},
            status=status,
            text=text,
            invoked_s=invoked_s,
            returned_s=self.now_s(),
        )

    async def again(self, answer: Answered) -> Answered:
        """The same request with the same key once more."""
        return await self.write(
            answer.caller,
            answer.path,
            answer.key,
            operation=answer.operation,
            ids=answer.ids,
            body=answer.body,
            method=answer.method,
        )

    async def provider_event(self, event: Mapping[str, Any]) -> tuple[int, bytes]:
        """What the payment provider's adapter posts, until the answer is definite."""
        while True:
            body, now_s = msgspec.json.encode(event), int(time.time())
            digest = hmac.new(self._payments_secret, b"%d." % now_s + body, hashlib.sha256).hexdigest()
            headers = {"x-questlog-signature": f"t={now_s},v1={digest}"}
            status, text, wait = await self._once("POST", "/billing/provider-events", body, headers)
            if status not in _AGAIN:
                return status, text
            await asyncio.sleep(wait)

    async def get(self, caller: Caller, path: str) -> tuple[int, Any, float]:
        """One read: its status, its data, and when it was asked."""
        invoked_s = self.now_s()
        status, text, _ = await self._once("GET", path, None, _headers(caller))
        return status, msgspec.json.decode(text)["data"] if status == 200 else None, invoked_s

    async def read(self, caller: Caller, path: str) -> Any:
        """A read's answer, asked again until it is there."""
        while True:
            status, text, wait = await self._once("GET", path, None, _headers(caller))
            if status == 200:
                return msgspec.json.decode(text)
            await asyncio.sleep(wait)

    async def readiness(self) -> tuple[int, Any]:
        """What /readyz says, once it says something."""
        while True:
            try:
                async with self._session.get("/readyz") as response:
                    return response.status, msgspec.json.decode(await response.read())
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE_SECONDS)

    async def upload(self, caller: Caller, slot_id: str, key: str) -> str | None:
        """Upload a recording; its id. None where the slot takes none any more."""
        body = {"size": len(RECORDING), "contentType": "video/mp4"}
        path = f"/playtests/slots/{slot_id}/upload-url"
        status, text = await self._until_known("POST", path, body, _headers(caller, key))
        if status != 200:
            return None
        offered = msgspec.json.decode(text)["data"]
        while True:
            status, _, wait = await self._once("PUT", offered["uploadUrl"], RECORDING, {})
            if status in {201, 409}:  # it takes one upload; an attempt before may have been whole
                upload_id: str = offered["uploadId"]
                return upload_id
            await asyncio.sleep(wait)

    async def _until_known(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        while True:
            status, text, wait = await self._once(method, path, msgspec.json.encode(body), headers)
            if status not in _AGAIN:
                return status, text
            self.unsure += status != 429
            await asyncio.sleep(wait)

    async def _once(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes, float]:
        """Status, body and how long to wait before the next attempt; 0 where no answer came."""
        url = path if path.startswith("http") else f"/api/v1{path}"
        try:
            async with self._session.request(method, url, headers=headers, data=body) as response:
                text = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._count(f"no answer: {type(error).__name__}")
            return 0, b"", PAUSE_SECONDS
        self._count(str(response.status))
        wait = float(response.headers.get("retry-after", PAUSE_SECONDS)) if response.status == 429 else 0.0
        return response.status, text, min(max(wait, PAUSE_SECONDS), WAIT_SECONDS_MAX)

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1


def _headers(caller: Caller, key: str = "") -> dict[str, str]:
    sent = {"authorization": f"Bearer {caller.key}"}
    return sent | {"idempotency-key": key} if key else sent
