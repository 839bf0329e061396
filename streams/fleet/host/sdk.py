"""What a server may say and ask on its own localhost: Agones' REST, and `/custom_data`.

The agent listens inside the server's network namespace, so that no other program can reach it; where servers
share the host's network (driver `process`) any local program can. Callers are not authenticated: it is the
server's own.
Source: contract/fleet.md, "What the process gets"; Agones' sdk.swagger.json.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Final, Literal

from aiohttp import web

from schemas.fleet.limits import CUSTOM_DATA_BYTES_MAX

CONNECTIONS_MAX: Final = 32
"""Of one server: more are closed at once."""
_BODY_BYTES_MAX: Final = 4 * CUSTOM_DATA_BYTES_MAX
_WATCH_EVERY_S: Final = 10.0
Said = Literal["ready", "health", "shutdown"]


class Sdk:
    """One server's side: what it says goes to `said` and `custom_data`, what it asks comes from `shown`."""

    def __init__(
        self,
        *,
        said: Callable[[Said], None],
        custom_data: Callable[[str], None],
        shown: Callable[[], dict[str, Any]],
    ) -> None:
        """`custom_data` gets a JSON object as text; `shown` gives server.json's content and the `state`."""
        self._said = said
        self._custom_data = custom_data
        self._shown = shown
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._http = web.Server(self._handle, access_log=None)

    async def open(self, listener: socket.socket) -> None:
        """Serves on this socket until `close`."""
        self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=listener)

    async def close(self) -> None:
        """Ends every connection."""
        if self._server is not None:
            self._server.close()
        self._changed.set()
        await self._http.shutdown(0)

    def changed(self) -> None:
        """Notify those that watch."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _protocol(self) -> asyncio.Protocol:
        if len(self._http.connections) >= CONNECTIONS_MAX:
            return _Refused()
        return self._http()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path:
            case "POST", "/ready" | "/health" | "/shutdown" as path:
                said: dict[str, Said] = {"/ready": "ready", "/health": "health", "/shutdown": "shutdown"}
                self._said(said[path])
                return web.json_response({})
            case "POST", "/allocate" | "/reserve":
                return web.json_response({})
            case "POST", "/custom_data":
                return await self._take_custom_data(request)
            case "GET", "/gameserver":
                return web.json_response(game_server(self._shown()))
            case "GET", "/watch/gameserver":
                return await self._watch(request)
            case method, path:
                return _wrong(404, f"no {method} {path}")

    async def _take_custom_data(self, request: web.BaseRequest) -> web.Response:
        body = b""
        async for piece in request.content.iter_any():
            body += piece
            if len(body) > _BODY_BYTES_MAX:
                return _wrong(413, f"custom data has at most {CUSTOM_DATA_BYTES_MAX} bytes")
        try:
            data = json.loads(body)
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            size = len(text.encode())
        except (ValueError, RecursionError) as error:
            return _wrong(400, f"the body is no JSON: {error}")
        if not isinstance(data, dict):
            return _wrong(400, "custom data is a JSON object")
        if size > CUSTOM_DATA_BYTES_MAX or not _depth_ok(data):
            return _wrong(413, f"custom data has at most {CUSTOM_DATA_BYTES_MAX} bytes, 16 levels deep")
        self._custom_data(text)
        return web.json_response({})

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        while True:
            changed = self._changed
            line = json.dumps({"result": game_server(self._shown())})
            await response.write(line.encode() + b"\n")
            try:
                async with asyncio.timeout(_WATCH_EVERY_S):
                    await changed.wait()
            except TimeoutError:
                continue
            if self._server is None or not self._server.is_serving():
                return response


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server makes no other
        transport.abort()


def game_server(shown: dict[str, Any]) -> dict[str, Any]:
    """The server as Agones' GameServer: what its SDKs read of one."""
    ports = shown.get("network_ports") or []
    return {
        "object_meta": {
            "name": shown.get("instance_id", ""),
            "namespace": "questlog",
            "uid": shown.get("instance_id", ""),
            "labels": {"region": str(shown.get("region", ""))},
            "annotations": {"questlog/server": json.dumps(shown, ensure_ascii=False)},
        },
        "spec": {"health": {"disabled": False, "period_seconds": 10, "failure_threshold": 3}},
        "status": {
            "state": "Ready" if shown.get("status") == "running" else "Starting",
            "address": ports[0]["host"] if ports else "",
            "ports": [{"name": port["name"], "port": port["external_port"]} for port in ports],
        },
    }


def _depth_ok(data: Any, left: int = 16) -> bool:
    if isinstance(data, dict | list):
        inner = data.values() if isinstance(data, dict) else data
        return left > 0 and all(_depth_ok(value, left - 1) for value in inner)
    return True


def _wrong(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
