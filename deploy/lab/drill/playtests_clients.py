"""Clients of the playtests drill: they retry with the same key until they know what became of a write."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp
import msgspec

from deploy.lab.drill.counted_calls import PAUSE_SECONDS, UNKNOWN, CountedCalls
from schemas.identifiers import keyed_command_id
from streams.gateway.playtests.write_commands import operation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

API: Final = "/api/v1"
RECORDING: Final = b"a short recording" * 60


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


class Clients(CountedCalls):
    """Speaks S2."""

    def __init__(self, base_url: str, payments_secret: str, *, connections: int) -> None:
        self._payments_secret = payments_secret.encode()
        super().__init__(base_url, connections=connections)

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
        status, text = await self.until_known(
            method, API + path, headers=_headers(caller, key), body=msgspec.json.encode(body or {})
        )
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
            url = f"{API}/billing/provider-events"
            status, text, wait = await self.attempt("POST", url, headers=headers, body=body)
            if status not in UNKNOWN:
                return status, text
            await asyncio.sleep(wait)

    async def get(self, caller: Caller, path: str) -> tuple[int, Any, float]:
        """One read: its status, its data, and when it was asked."""
        invoked_s = self.now_s()
        status, text, _ = await self.attempt("GET", API + path, headers=_headers(caller))
        return status, msgspec.json.decode(text)["data"] if status == 200 else None, invoked_s

    async def read(self, caller: Caller, path: str) -> Any:
        """A read's answer, asked again until it is there."""
        while True:
            status, text, wait = await self.attempt("GET", API + path, headers=_headers(caller))
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
        status, text = await self.until_known(
            "POST", API + path, headers=_headers(caller, key), body=msgspec.json.encode(body)
        )
        if status != 200:
            return None
        offered = msgspec.json.decode(text)["data"]
        while True:
            status, _, wait = await self.attempt("PUT", offered["uploadUrl"], headers={}, body=RECORDING)
            if status in {201, 409}:  # it takes one upload; an attempt before may have been whole
                upload_id: str = offered["uploadId"]
                return upload_id
            await asyncio.sleep(wait)


def _headers(caller: Caller, key: str = "") -> dict[str, str]:
    sent = {"authorization": f"Bearer {caller.key}"}
    return sent | {"idempotency-key": key} if key else sent
