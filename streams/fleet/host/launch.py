"""What a driver needs to know to run one attempt of a server. Source: contract/fleet.md, "Host agent"."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Protocol = Literal["udp", "tcp"]
Readiness = Literal["ports", "sdk"]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Port(msgspec.Struct, frozen=True):
    """A port that the server binds (`internal`) and the one players reach it at (`external`)."""

    name: str
    internal: _Port
    external: _Port
    protocol: Protocol
    tls: bool = False
    """A relay ends TLS at `external`; the server speaks plain TCP."""
    proxy: bool = False
    """The relay says first who the player is, by the PROXY protocol."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a server, complete: it can be started from this alone.

    `command` is the program and its words; a relative program lies in the build. `environment` is the
    project's and the request's variables, without those that the host adds. `document` is the first content
    of server.json. `sha256` and `generation` name the build's .tar.zst; without a hash it runs what is
    installed in the base root. `size_bytes` is the .tar.zst's, `unpacked_bytes` its content's.
    `cores` are the machine's cores that it has for itself; where there are none it shares.
    `image` is set where the build is a whole root rather than the content of /game.
    """

    instance_id: str
    attempt: Annotated[int, msgspec.Meta(ge=1)]
    region: str
    command: tuple[str, ...]
    studio_id: str = ""
    game_id: str = ""
    name: str = ""
    cores: tuple[int, ...] = ()
    cpu_cores: Annotated[float, msgspec.Meta(gt=0)]
    memory_mib: Annotated[int, msgspec.Meta(ge=16)]
    sha256: str | None = None
    generation: int = 0
    size_bytes: int = 0
    unpacked_bytes: int = 0
    image: bool = False
    workdir: str | None = None
    startup_args: str = ""
    environment: dict[str, str] = {}
    ports: tuple[Port, ...] = ()
    match_id: str | None = None
    readiness: Readiness = "ports"
    startup_timeout_s: float = 120.0
    stop_grace_s: float = 10.0
    document: dict[str, Any] = {}

    @property
    def attempt_id(self) -> str:
        """Unique for ever: the instance and the number of its attempt."""
        return f"{self.instance_id}-{self.attempt}"
