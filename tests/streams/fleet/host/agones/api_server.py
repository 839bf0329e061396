"""A Kubernetes API with Agones' CRD on loopback: statuses and bodies are those that the real one documents.

It keeps objects and their history in memory and runs nothing. What Agones' controller and the kubelet do to
an object is the test's to do (`becomes`, `gone`). Source: Kubernetes' API concepts.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import jsonschema
from aiohttp import web

from tests.streams.fleet.host.agones.attempts import SCHEMA

TOKEN: Final = "the service account's"  # noqa: S105 - of this server alone
NAMESPACE: Final = "questlog-games"
_SERVERS: Final = f"/apis/agones.dev/v1/namespaces/{NAMESPACE}/gameservers"
_CORE: Final = f"/api/v1/namespaces/{NAMESPACE}"
Json = dict[str, Any]


def status(code: int, reason: str, message: str) -> Json:
    found: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return found | {"message": message, "reason": reason, "code": code}


def refusal(code: int, reason: str, message: str) -> web.Response:
    return web.json_response(status(code, reason, message), status=code)


class ApiServer:
    """`faults` are taken one a request before it answers well: a status, `drop` for a
    connection that breaks before anything is done, `drop-after` for one that breaks afterwards."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.version = 100
        self.oldest = 0
        """What happened up to this version is forgotten."""
        self.servers: dict[str, Json] = {}
        self.secrets: dict[str, Json] = {}
        self.pods: dict[str, Json] = {}
        self.logs: dict[str, bytes] = {}
        self.ended_logs: set[str] = set()
        """Of pods whose container has ended: a request for the log ends behind its last line."""
        self.faults: list[int | str] = []
        self.cut_lines = False
        """A watch or a log sends half of its next line and breaks off."""
        self.asked: Counter[str] = Counter()
        self.queries: list[dict[str, str]] = []
        self.url = ""
        self._history: list[tuple[int, str, Json]] = []
        self._news = asyncio.Condition()
        self._watches: list[web.Request] = []
        self._tls = tls
        self._port = 0
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listens: where it did before, if it did."""
        app = web.Application(middlewares=[self._before])
        app.router.add_get(_SERVERS, self._servers)
        app.router.add_post(_SERVERS, self._create)
        app.router.add_get(f"{_SERVERS}/{{name}}", self._server)
        app.router.add_delete(f"{_SERVERS}/{{name}}", self._delete)
        app.router.add_post(f"{_CORE}/secrets", self._create_secret)
        app.router.add_patch(f"{_CORE}/secrets/{{name}}", self._patch_secret)
        app.router.add_get(f"{_CORE}/pods/{{name}}", self._pod)
        app.router.add_get(f"{_CORE}/pods/{{name}}/log", self._log)
        app.router.add_delete(f"{_CORE}/pods/{{name}}", self._delete_pod)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def close(self) -> None:
        """Breaks every connection and listens no more."""
        for request in list(self._watches):
            if request.transport is not None:
                request.transport.abort()
        assert self._runner is not None
        await self._runner.cleanup()

    async def watched(self, times: int) -> None:
        """Returns once watches were begun so often."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: self.asked["WATCH"] >= times)

    async def becomes(self, name: str, **fields: Any) -> None:
        """Agones' controller writes a server's status."""
        server = self.servers[name]
        await self._happens("MODIFIED", {**server, "status": {**server.get("status", {}), **fields}})

    async def gone(self, name: str) -> None:
        """Its finalizer is done: the object goes, and with it what it owns."""
        server = self.servers[name]
        uid = server["metadata"]["uid"]
        self.secrets = {
            key: one
            for key, one in self.secrets.items()
            if all(owner["uid"] != uid for owner in one["metadata"]["ownerReferences"])
        }
        self.pods.pop(name, None)
        await self._happens("DELETED", server)

    async def prints(self, name: str, text: bytes, *, ends: bool = False) -> None:
        """Its container prints, or ends behind it."""
        async with self._news:
            self.logs[name] = self.logs.get(name, b"") + text
            if ends:
                self.ended_logs.add(name)
            self._news.notify_all()

    async def forget(self) -> None:
        """The history is compacted, and watches end with 410."""
        async with self._news:
            self.oldest = self.version
            self.version += 1
            self._news.notify_all()

    async def _happens(self, kind: str, server: Json) -> Json:
        async with self._news:
            self.version += 1
            metadata = {**server["metadata"], "resourceVersion": str(self.version)}
            found = {**server, "metadata": metadata}
            if kind == "DELETED":
                del self.servers[metadata["name"]]
            else:
                self.servers[metadata["name"]] = found
            self._history.append((self.version, kind, found))
            self._news.notify_all()
            return found

    @web.middleware
    async def _before(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        watch = request.query.get("watch") == "1"
        async with self._news:
            self.asked["WATCH" if watch else f"{request.method} {request.path}"] += 1
            self.queries.append(dict(request.query))
            self._news.notify_all()
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return refusal(401, "Unauthorized", "Unauthorized")
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return refusal(fault, "Fault", f"a fault with {fault}")
        if fault == "drop":
            return _broken(request)
        answer = await handler(request)
        return _broken(request) if fault == "drop-after" else answer

    async def _create_secret(self, request: web.Request) -> web.Response:
        secret = await request.json()
        name = secret["metadata"]["name"]
        if name in self.secrets:
            return refusal(409, "AlreadyExists", f'secrets "{name}" already exists')
        self.secrets[name] = secret
        return web.json_response(secret, status=201)

    async def _pod(self, request: web.Request) -> web.Response:
        return _found(self.pods, request)

    async def _patch_secret(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        assert request.content_type == "application/merge-patch+json"
        if name not in self.secrets:
            return refusal(404, "NotFound", f'secrets "{name}" not found')
        secret = self.secrets[name]
        changed = secret["stringData"] | (await request.json())["stringData"]
        self.secrets[name] = {**secret, "stringData": changed}
        async with self._news:
            self._news.notify_all()
        return web.json_response(self.secrets[name])

    async def _log(self, request: web.Request) -> web.StreamResponse:
        """From a time on, by whole seconds as the kubelet has it, until the container ends."""
        name, since = request.match_info["name"], request.query.get("sinceTime", "")[:19]
        if name not in self.pods:
            return refusal(404, "NotFound", f'pods "{name}" not found')
        if name not in self.logs:
            return refusal(400, "BadRequest", "container game is waiting to start: ContainerCreating")
        assert request.query["follow"] == "true"
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._watches.append(request)
        sent = 0
        try:
            while True:
                text, ended = self.logs[name], name in self.ended_logs or name not in self.pods
                for line in text[sent:].splitlines(keepends=True):
                    if line.decode()[:19] < since:
                        continue
                    if self.cut_lines:
                        self.cut_lines = False
                        await response.write(line[: len(line) // 2])
                        return _broken_off(request, response)
                    await response.write(line)
                sent = len(text)
                if ended:
                    return response
                async with self._news:
                    while (len(self.logs[name]), name in self.ended_logs, name in self.pods) == (
                        sent,
                        False,
                        True,
                    ):
                        await self._news.wait()
        finally:
            self._watches.remove(request)

    async def _delete_pod(self, request: web.Request) -> web.Response:
        answer = _found(self.pods, request)
        if answer.status == 200 and (await request.json())["gracePeriodSeconds"] == 0:
            self.pods.pop(request.match_info["name"])
            async with self._news:
                self._news.notify_all()
        return answer

    async def _server(self, request: web.Request) -> web.Response:
        return _found(self.servers, request)

    async def _create(self, request: web.Request) -> web.Response:
        server = await request.json()
        name = server["metadata"]["name"]
        try:
            jsonschema.validate(server, SCHEMA)
        except jsonschema.ValidationError as error:
            return refusal(422, "Invalid", f"GameServer.agones.dev {name} is invalid: {error.message}")
        if name in self.servers:
            return refusal(409, "AlreadyExists", f'gameservers.agones.dev "{name}" already exists')
        metadata = {**server["metadata"], "uid": f"uid-{self.version}"}
        found = await self._happens(
            "ADDED", {**server, "metadata": metadata, "status": {"state": "Creating"}}
        )
        return web.json_response(found, status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        server = self.servers.get(request.match_info["name"])
        if server is None:
            return _found(self.servers, request)
        uid = server["metadata"]["uid"]
        if (await request.json())["preconditions"]["uid"] != uid:
            return refusal(409, "Conflict", f"the UID in the precondition does not match {uid}")
        metadata = {**server["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        return web.json_response(await self._happens("MODIFIED", {**server, "metadata": metadata}))

    async def _servers(self, request: web.Request) -> web.StreamResponse:
        return await self._watch(request) if request.query.get("watch") == "1" else self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        name, _, value = request.query["labelSelector"].partition("=")
        found = [one for one in self.servers.values() if one["metadata"]["labels"].get(name) == value]
        version, begin = self.version, 0
        if "continue" in request.query:
            version, begin = json.loads(request.query["continue"])
            if version <= self.oldest:
                return refusal(410, "Expired", "The provided continue parameter is too old")
        end = begin + int(request.query["limit"])
        metadata = {"resourceVersion": str(version)}
        if end < len(found):
            metadata["continue"] = json.dumps([version, end])
        kind = {"apiVersion": "agones.dev/v1", "kind": "GameServerList"}
        return web.json_response({**kind, "metadata": metadata, "items": found[begin:end]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._watches.append(request)
        at = int(request.query["resourceVersion"])
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while at > self.oldest:
                    now = self.version
                    for version, kind, server in self._history[:]:
                        if not at < version <= now:
                            continue
                        line = json.dumps({"type": kind, "object": server}).encode() + b"\n"
                        if self.cut_lines:
                            self.cut_lines = False
                            await response.write(line[: len(line) // 2])
                            return _broken_off(request, response)
                        await response.write(line)
                    at = now
                    async with self._news:
                        while self.version <= at:
                            await self._news.wait()
            gone = status(410, "Expired", f"too old resource version: {at} ({self.oldest})")
            await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
        except TimeoutError:
            bookmark = {"kind": "GameServer", "metadata": {"resourceVersion": str(self.version)}}
            await response.write(json.dumps({"type": "BOOKMARK", "object": bookmark}).encode() + b"\n")
        finally:
            self._watches.remove(request)
        return response


def _found(objects: dict[str, Json], request: web.Request) -> web.Response:
    name = request.match_info["name"]
    return (
        web.json_response(objects[name]) if name in objects else refusal(404, "NotFound", f"{name} not found")
    )


def _broken_off(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return response


def _broken(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def api_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[ApiServer]:
    server = ApiServer(tls)
    await server.open()
    try:
        yield server
    finally:
        await server.close()
