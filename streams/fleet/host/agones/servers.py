"""A host's attempts on a cluster: made once, found again by the next agent, told to stop, ended.

Nothing is kept here: the cluster knows what runs. An agent that died leaves its servers running, and the next
one finds them by their labels.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec

from streams.fleet.host.agones.cluster import Cluster, Refused, decoded
from streams.fleet.host.agones.manifest import Content, manifests, owned
from streams.fleet.host.agones.objects import ATTEMPT, GAME, HOST, INSTANCE, GameServer, Pod
from streams.fleet.host.agones.watch import Change, follow, list_servers, servers_path
from streams.fleet.host.driver import CannotStart
from streams.fleet.host.environment import SERVER_FILE
from streams.fleet.host.launch import Launch

LOG_S: Final = 3600.0
"""So long one request for what a server prints lasts: then it is asked again behind the last line."""
_MERGE: Final = "application/merge-patch+json"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_EXISTS: Final = "AlreadyExists"


class Made(msgspec.Struct, frozen=True):
    """An attempt's object; `new` False where it was there before."""

    server: GameServer
    new: bool


class GameServers:
    """Those of one host. Every method raises ClusterUnavailable, and Refused where rights are missing."""

    def __init__(self, cluster: Cluster, *, host_id: str) -> None:
        self._cluster = cluster
        self._host_id = host_id

    async def create(self, launch: Launch, content: Content) -> Made:
        """Makes the attempt, or completes what an agent that died has begun. Raises CannotStart."""
        wanted = manifests(launch, content, namespace=self._cluster.namespace, host_id=self._host_id)
        try:
            made = await self._make(launch, wanted.game_server)
            if made.server.metadata.deletion_timestamp is None:
                await self._give(owned(wanted.secret, made.server))
        except Refused as refused:
            if refused.code in {400, 413, 422}:
                raise CannotStart(f"the cluster refuses {launch.attempt_id}: {refused}") from refused
            raise
        return made

    async def find(self) -> list[GameServer]:
        """All that the host has, whichever agent made them."""
        return (await list_servers(self._cluster, self._selector)).items

    async def get(self, attempt_id: str) -> GameServer | None:
        """The attempt's object; None where there is none."""
        try:
            answer = await self._cluster.ask("GET", f"{servers_path(self._cluster)}/{attempt_id}")
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise
        return decoded(answer, GameServer)

    def follow(self) -> AsyncGenerator[Change, None]:
        """See `following.follow`."""
        return follow(self._cluster, self._selector)

    async def pod(self, server: GameServer) -> Pod | None:
        """Its pod; None where there is none."""
        try:
            answer = await self._cluster.ask("GET", self._pod_path(server))
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise
        return decoded(answer, Pod)

    async def stop(self, server: GameServer) -> bool:
        """SIGTERM, and SIGKILL after the grace of its manifest; False where it is gone already.

        Another attempt's object of the same name, should there be one, is left alone.
        """
        return await self._delete(f"{servers_path(self._cluster)}/{server.metadata.name}", server, None)

    async def kill(self, server: GameServer) -> None:
        """SIGKILL now. Its object goes once the kubelet has ended the pod."""
        await self.stop(server)
        pod = await self.pod(server)
        if pod is not None:
            await self._delete(self._pod_path(server), pod, 0)

    async def show(self, server: GameServer, document: str) -> bool:
        """Its server.json is this from now on, a minute later at most; False where it has none any more."""
        path = f"{self._secrets_path}/{server.metadata.name}"
        try:
            await self._cluster.ask(
                "PATCH", path, body={"stringData": {SERVER_FILE: document}}, media_type=_MERGE
            )
        except Refused as refused:
            if refused.code == _NOT_FOUND:
                return False
            raise
        return True

    async def printed(self, server: GameServer, *, since: str | None = None) -> AsyncGenerator[bytes, None]:
        """The lines that it prints, from a time on (RFC 3339), each behind its own time, until it ends.

        Both streams are one here. None where its container never ran or is gone.
        """
        parameters = {"container": GAME, "timestamps": "true", "follow": "true"}
        if since is not None:
            parameters["sinceTime"] = since
        path = f"{self._pod_path(server)}/log"
        lines = self._cluster.lines(path, parameters=parameters, within_s=LOG_S, unfinished=True)
        try:
            async with aclosing(lines):
                async for line in lines:
                    yield line
        except Refused as refused:
            if refused.code not in {400, _NOT_FOUND}:  # 400: it waits to start
                raise

    @property
    def _selector(self) -> str:
        return f"{HOST}={self._host_id}"

    def _pod_path(self, server: GameServer) -> str:
        return f"/api/v1/namespaces/{self._cluster.namespace}/pods/{server.metadata.name}"

    @property
    def _secrets_path(self) -> str:
        return f"/api/v1/namespaces/{self._cluster.namespace}/secrets"

    async def _make(self, launch: Launch, wanted: dict[str, object]) -> Made:
        path = servers_path(self._cluster)
        try:
            return Made(decoded(await self._cluster.ask("POST", path, body=wanted), GameServer), new=True)
        except Refused as refused:
            if refused.reason != _EXISTS:
                raise
        there = await self.get(launch.attempt_id)
        if there is None:
            raise CannotStart(f"{launch.attempt_id} ran here before, and has ended")
        labels = {INSTANCE: launch.instance_id, ATTEMPT: str(launch.attempt), HOST: self._host_id}
        if any(there.metadata.labels.get(name) != value for name, value in labels.items()):
            raise CannotStart(
                f"a game server {launch.attempt_id} that is not this host's is in the namespace"
            )
        return Made(there, new=False)

    async def _give(self, secret: dict[str, object]) -> None:
        try:
            await self._cluster.ask("POST", self._secrets_path, body=secret)
        except Refused as refused:
            if refused.reason != _EXISTS:
                raise

    async def _delete(self, path: str, found: GameServer | Pod, grace_s: int | None) -> bool:
        body: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": found.metadata.uid},
        }
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            await self._cluster.ask("DELETE", path, body=body)
        except Refused as refused:
            if refused.code in {_NOT_FOUND, _CONFLICT}:
                return False
            raise
        return True
