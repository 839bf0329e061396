"""What the pages of links and claims need of a gateway, without HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.edge.ports import Credential, KeyKind, Verdict
from schemas.edge.proxy import UNKNOWN_PLACE
from streams.gateway.http import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.simulation.playtests.gateways import SimulatedDirectory


def ingest_key(studio_id: str) -> str:
    """The key that a studio's games present."""
    return f"{KeyKind.INGEST}_{studio_id}"


class _Limiter:
    async def take(self, *_asked: Any, **_limit: Any) -> Verdict:
        return Verdict(True, 0, 1, 1)  # noqa: FBT003 - a positional field


class SimulatedServices:
    """What links and claims need of a gateway."""

    def __init__(self, directory: SimulatedDirectory, now_ms: Callable[[], int]) -> None:
        self.limiter = _Limiter()
        self.directory = directory
        self.game = directory.game
        self.now_ms = now_ms

    def source_ip(self, request: Request) -> str:
        """The sender's address, unproxied."""
        return request.ip

    def place(self, _: Request) -> Any:
        """Always unknown."""
        return UNKNOWN_PLACE

    async def credential(self, presented: str) -> Credential | None:
        """The principal of a studio's ingest key."""
        found = (one.id for one in await self.directory.studios() if ingest_key(one.id) == presented)
        studio_id = next(found, None)
        if studio_id is None:
            return None
        return Credential(key_id="ingest", kind=KeyKind.INGEST, studio_id=studio_id)

    async def body(self, request: Request, _limit: int, _key_id: str) -> bytes:
        """What `simulated_request` was given."""
        sent: bytes = request.scope["sent"]
        return sent


def simulated_request(method: str, sent: bytes, *headers: tuple[bytes, bytes]) -> Request:
    """A request from one address with this body, as JSON."""

    async def receive() -> Any:
        raise NotImplementedError

    scope = {
        "path": "/",
        "method": method,
        "headers": [(b"content-type", b"application/json"), *headers],
        "query_string": b"",
        "client": ("192.0.2.1", 1),
        "sent": sent,
    }
    return Request(scope, receive)
