"""Lists and watches: all game servers of a label, then each change, through every interruption.

A watch ends often: its time is over, the API's process is replaced, its history is forgotten (410). It goes
on behind the last version that was seen; only where that is forgotten everything is listed again.
Source: Kubernetes' API concepts, "Efficient detection of changes", "Resource versions".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec

from streams.fleet.host.agones.cluster import Cluster, ClusterUnavailable, Refused, decoded
from streams.fleet.host.agones.objects import GameServer, GameServerList, ListMetadata, Status, WatchEvent

_log: Final = logging.getLogger(__name__)
PAGE: Final = 250
PAGES_MAX: Final = 40
LISTINGS_MAX: Final = 3
"""A list whose pages are forgotten while it is read begins again, twice."""
WATCH_S: Final = 240
FAILURES_MAX: Final = 10
"""In a row, without an event between them: then the caller has to decide."""
_LATE_S: Final = 30
_GONE: Final = 410


class Listed(msgspec.Struct, frozen=True):
    """All there are now: what is not among them is gone."""

    servers: list[GameServer]


class Changed(msgspec.Struct, frozen=True):
    """A server is new or another; the same may be told twice."""

    server: GameServer


class Deleted(msgspec.Struct, frozen=True):
    """A server's object is gone, and its pod was before it."""

    server: GameServer


Change = Listed | Changed | Deleted


class _Forgotten(Exception):
    """The API does not know any more what happened since a version."""


async def list_servers(cluster: Cluster, selector: str) -> GameServerList:
    """All pages as one. Raises ClusterUnavailable, Refused."""
    for _ in range(LISTINGS_MAX):
        try:
            return await _pages(cluster, selector)
        except _Forgotten:
            continue
    raise ClusterUnavailable(f"the API forgot the pages of its list {LISTINGS_MAX} times while it was read")


async def follow(cluster: Cluster, selector: str, *, watch_s: int = WATCH_S) -> AsyncGenerator[Change, None]:
    """Listed, then changes; Listed again where some were missed. It never ends by itself.

    Raises Refused (401, 403 …), and ClusterUnavailable after ten failures in a row.
    """
    version: str | None = None
    failures = 0
    while True:
        try:
            if version is None:
                found = await list_servers(cluster, selector)
                version = found.metadata.resource_version
                yield Listed(found.items)
            async with aclosing(_watch(cluster, selector, version, watch_s)) as events:
                async for event in events:
                    failures = 0
                    if isinstance(event, str):
                        version = event
                    else:
                        version = event.server.metadata.resource_version
                        yield event
            failures = 0
            await asyncio.sleep(cluster.pause_s(1))  # nothing is missed meanwhile: it goes on at its version
        except _Forgotten:
            version = None
            failures += 1
            if failures >= FAILURES_MAX:
                raise ClusterUnavailable("the API forgets each version before it can be watched") from None
            await asyncio.sleep(cluster.pause_s(failures))
        except ClusterUnavailable as error:
            if failures + 1 >= FAILURES_MAX:
                raise
            failures += 1
            _log.warning("game servers can't be watched; trying again: %s", error)
            await asyncio.sleep(cluster.pause_s(failures))


def servers_path(cluster: Cluster) -> str:
    """The API's path of the namespace's game servers."""
    return f"/apis/agones.dev/v1/namespaces/{cluster.namespace}/gameservers"


async def _pages(cluster: Cluster, selector: str) -> GameServerList:
    parameters = {"labelSelector": selector, "limit": str(PAGE)}
    servers: list[GameServer] = []
    for _ in range(PAGES_MAX):
        try:
            answer = await cluster.ask("GET", servers_path(cluster), parameters=parameters)
        except Refused as refused:
            if refused.code == _GONE:
                raise _Forgotten from refused
            raise
        page = decoded(answer, GameServerList)
        servers += page.items
        if not page.metadata.continue_:
            return GameServerList(
                metadata=ListMetadata(resource_version=page.metadata.resource_version), items=servers
            )
        parameters = {**parameters, "continue": page.metadata.continue_}
    raise ClusterUnavailable(f"{selector} has more than {PAGE * PAGES_MAX} game servers")


async def _watch(
    cluster: Cluster, selector: str, version: str, watch_s: int
) -> AsyncGenerator[Changed | Deleted | str, None]:
    """Events behind a version until the API ends them; a bookmark is the version that it names."""
    parameters = {
        "labelSelector": selector,
        "watch": "1",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(watch_s),
    }
    try:
        lines = cluster.lines(servers_path(cluster), parameters=parameters, within_s=watch_s + _LATE_S)
        async with aclosing(lines):
            async for line in lines:
                event = decoded(line, WatchEvent)
                if event.type == "ERROR":
                    status = decoded(event.object, Status)
                    if status.code == _GONE:
                        raise _Forgotten
                    raise ClusterUnavailable(
                        f"the watch ended: {status.code} {status.reason}: {status.message}"
                    )
                server = decoded(event.object, GameServer)
                match event.type:
                    case "BOOKMARK":
                        yield server.metadata.resource_version
                    case "DELETED":
                        yield Deleted(server)
                    case "ADDED" | "MODIFIED":
                        yield Changed(server)
    except Refused as refused:
        if refused.code == _GONE:
            raise _Forgotten from refused
        if refused.code == 429 or refused.code >= 500:
            raise ClusterUnavailable(f"the watch was refused: {refused}") from refused
        raise
