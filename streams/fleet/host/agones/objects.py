"""What is read of the API's objects: every other field is left aside.

Source: Kubernetes' API reference (ObjectMeta, Pod, Status, ListMeta); the CRD `gameservers.agones.dev`, v1.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

INSTANCE: Final = "questlog/instance"
ATTEMPT: Final = "questlog/attempt"
HOST: Final = "questlog/host"
GAME: Final = "game"
"""The container of the game in its pod: Agones adds its own beside it."""


class _Read(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base: names as the API writes them."""


class Metadata(_Read, frozen=True):
    """Of any object."""

    name: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] = {}
    deletion_timestamp: str | None = None


class StatusPort(_Read, frozen=True):
    """A port as players reach it."""

    name: str = ""
    port: int = 0


class GameServerStatus(_Read, frozen=True):
    """As Agones' controller has written it: empty until it has seen the object."""

    state: str = ""
    address: str = ""
    ports: list[StatusPort] | None = None
    node_name: str = ""


class GameServer(_Read, frozen=True):
    """A game server."""

    metadata: Metadata
    status: GameServerStatus | None = None


class Terminated(_Read, frozen=True):
    """How a container ended."""

    exit_code: int
    reason: str = ""


class ContainerState(_Read, frozen=True):
    """One of several: only the end matters here."""

    terminated: Terminated | None = None


class ContainerStatus(_Read, frozen=True):
    """A container of a pod."""

    name: str
    state: ContainerState = ContainerState()


class PodStatus(_Read, frozen=True):
    """As the kubelet has written it."""

    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(_Read, frozen=True):
    """The pod of a game server: it has its name."""

    metadata: Metadata
    status: PodStatus = PodStatus()


class Status(_Read, frozen=True):
    """What the API answers to a request that it refuses."""

    message: str = ""
    reason: str = ""
    code: int = 0


class ListMetadata(_Read, frozen=True):
    """Where a list was read, and where its next page begins."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class GameServerList(_Read, frozen=True):
    """One page."""

    metadata: ListMetadata
    items: list[GameServer]


class WatchEvent(_Read, frozen=True):
    """A line of a watch. `object` is a GameServer, of a bookmark its version alone, of an error a Status."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: msgspec.Raw
