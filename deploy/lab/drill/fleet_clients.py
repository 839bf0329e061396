"""Clients of the fleet drill: they ask with the same key until they know, and speak to servers by UDP."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.counted_calls import JSON, PAUSE_SECONDS, UNKNOWN, CountedCalls
from deploy.lab.drill.fleet_server import ASK, PORT, Heard, heard
from deploy.lab.drill.stack import DrillFailedError
from schemas.identifiers import keyed_command_id

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN_SECONDS: Final = 180.0
"""Nothing is asked for longer than this."""
UDP_SECONDS: Final = 1.0
UDP_TRIES: Final = 8
Json = dict[str, Any]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a write came to in the end."""

    command_id: str
    """The command that it became in the log."""
    operation: str
    instance_id: str
    """Of a start: the server that it made."""
    status: int
    body: Json


class Clients(CountedCalls):
    """Speaks S5 for one project, by several keys in turn."""

    def __init__(self, base_url: str, game_id: str, keys: list[str], *, connections: int) -> None:
        super().__init__(base_url, connections=connections)
        self._game_id = game_id
        self._keys = keys
        self._next_key = 0

    async def start(self, key: str, body: Mapping[str, Any]) -> Answered:
        """A server is started."""
        return await self._write("start_server", "", "/servers/start", key, body)

    async def restart(self, instance_id: str, key: str) -> Answered:
        """Another attempt of it is asked for."""
        return await self._write("restart_server", instance_id, f"/servers/{instance_id}/restart", key, {})

    async def update(self, instance_id: str, key: str, custom_data: Json) -> Answered:
        """Its custom data is other."""
        path = f"/servers/{instance_id}/update"
        return await self._write("update_server", instance_id, path, key, {"custom_data": custom_data})

    async def stop(self, instance_id: str, key: str) -> Answered:
        """It is stopped."""
        return await self._write(
            "stop_server", instance_id, f"/servers/{instance_id}", key, None, method="DELETE"
        )

    async def server(self, instance_id: str) -> Json:
        """The server as it is shown."""
        return await self.read(f"/servers/{instance_id}")

    async def lines(self, instance_id: str) -> list[str]:
        """Everything it has printed, as its log has it, page by page."""
        found: list[str] = []
        since = ""
        while True:
            page = await self.read(f"/servers/{instance_id}/logs?limit=1000{since}")
            found += [line["message"] for line in page["logs"]]
            if page["next_token"] is None:
                return found
            since = f"&start_time={page['next_token']}"

    async def read(self, path: str) -> Json:
        """A read's answer, asked again until it is there. Raises DrillFailedError after a while."""
        status, body = await self._until_known("GET", path, None, {})
        if status != 200:
            raise DrillFailedError(f"GET {path}: {status} {body}")
        return body

    async def upload(self, name: str, executable: str, content: bytes) -> str:
        """The id of a build that is ready. Raises DrillFailedError where it never is."""
        path = f"/builds/upload-url?name={name}&executable_path={executable}"
        status, made = await self._until_known("POST", path, None, {"idempotency-key": f"{name}-build"})
        if status != 201:
            raise DrillFailedError(f"POST {path}: {status} {made}")
        build_id: str = made["build_id"]
        async with self._session.put(made["upload_url"], data=content) as response:
            if response.status != 201:
                raise DrillFailedError(f"the build's upload: {response.status} {await response.text()}")
        path = f"/builds/{build_id}/process"
        status, said = await self._until_known("POST", path, None, {"idempotency-key": f"{name}-process"})
        if status != 202:
            raise DrillFailedError(f"POST {path}: {status} {said}")
        async with asyncio.timeout(KNOWN_SECONDS):
            while (build := await self.read(f"/builds/{build_id}"))["status"] == "processing":  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(PAUSE_SECONDS)
        if build["status"] != "ready":
            raise DrillFailedError(f"the build is {build['status']}: {build['error']}")
        return build_id

    async def _write(
        self,
        operation: str,
        instance_id: str,
        path: str,
        key: str,
        body: Mapping[str, Any] | None,
        *,
        method: str = "POST",
    ) -> Answered:
        status, said = await self._until_known(method, path, body, {"idempotency-key": key})
        return Answered(
            command_id=keyed_command_id(
                game_id=self._game_id,
                subject="",
                operation=f"{operation}/{instance_id}" if instance_id else operation,
                idempotency_key=key,
            ),
            operation=operation,
            instance_id=instance_id or said.get("instance_id", ""),
            status=status,
            body=said,
        )

    async def _until_known(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]
    ) -> tuple[int, Json]:
        deadline = asyncio.get_running_loop().time() + KNOWN_SECONDS
        while True:
            status, said, wait = await self._once(method, path, body, headers)
            if status not in UNKNOWN:
                return status, said
            if asyncio.get_running_loop().time() > deadline:
                raise DrillFailedError(f"{method} {path} has had no answer for {KNOWN_SECONDS:.0f} s: {said}")
            if method != "GET":
                self.unsure += status != 429
            await asyncio.sleep(wait)

    async def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]
    ) -> tuple[int, Json, float]:
        """Status, body and how long to wait before the next attempt; 0 where no answer came."""
        self._next_key = (self._next_key + 1) % len(self._keys)
        status, text, wait = await self.attempt(
            method,
            f"/api/v3{path}",
            headers=JSON | headers | {"api-key": self._keys[self._next_key]},
            body=None if body is None else msgspec.json.encode(body),
        )
        return status, msgspec.json.decode(text) if status else {"error": text.decode()}, wait


async def say(server: Json, said: bytes) -> None:
    """Send a server one datagram. Nothing is waited for."""
    with _socket(server) as player:
        player.send(said)


async def hear(server: Json) -> Heard | None:
    """How far a server says that it has come; None where it does not answer within some tries."""
    loop = asyncio.get_running_loop()
    for _ in range(UDP_TRIES):
        try:
            with _socket(server) as player:
                player.send(ASK)
                async with asyncio.timeout(UDP_SECONDS):
                    return heard(await loop.sock_recv(player, 100))
        except TimeoutError:
            continue
        except OSError:  # refused: nothing listens there, by now or as yet
            await asyncio.sleep(UDP_SECONDS)
    return None


def _socket(server: Json) -> socket.socket:
    port = next(port for port in server["network_ports"] if port["name"] == PORT)
    player = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    player.settimeout(0)
    player.connect((port["host"], port["external_port"]))
    return player
