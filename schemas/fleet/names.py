"""Names of this noun that follow from other names: aggregates, servers, builds. All pure.

Ids are drawn from commands: the same command always makes the same server or build.
NOTE: stored: never change a function here for data that exists.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Final

SERVER: Final = "server/"
BUILD: Final = "build/"
PROJECT: Final = "project/"
HOST: Final = "host/"
BUILD_ID_PREFIX: Final = "build_"

_NAMES: Final = uuid.UUID("6a1f9c0b-7c53-5f0a-9b0d-54d4a0c7e915")
_BUILD_DIGITS: Final = 24
_HOST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def server_aggregate(studio_id: str, game_id: str, instance_id: str) -> str:
    """One server through all its attempts."""
    return f"{SERVER}{studio_id}/{game_id}/{instance_id}"


def build_aggregate(studio_id: str, game_id: str, build_id: str) -> str:
    """One version of a build."""
    return f"{BUILD}{studio_id}/{game_id}/{build_id}"


def project_aggregate(studio_id: str, game_id: str) -> str:
    """A project's settings and pool; what its environment values are sealed for (`variable_field`)."""
    return f"{PROJECT}{studio_id}/{game_id}"


def host_aggregate(host_id: str) -> str:
    """A machine, of no studio."""
    return f"{HOST}{host_id}"


def instance_id(command_id: str, number: int = 0) -> str:
    """The server that a start makes; a pool's refill makes several, numbered from 1."""
    return str(uuid.uuid5(_NAMES, f"server {number} {command_id}"))


def lobby_instance_id(lobby_id: str) -> str:
    """The server that a live-ops lobby is given, where no pool server fits."""
    return str(uuid.uuid5(_NAMES, f"lobby {lobby_id}"))


def build_id(command_id: str) -> str:
    """The build that a CreateBuild makes: the gateway signs its upload's address beforehand."""
    digest = hashlib.sha256(f"build {command_id}".encode()).hexdigest()
    return f"{BUILD_ID_PREFIX}{digest[:_BUILD_DIGITS]}"


def variable_field(name: str) -> str:
    """The field that an environment value is sealed for (`schemas.seal`), in the project's aggregate."""
    return f"variable {name}"


def is_host_id(text: str) -> bool:
    """Whether a machine may be called this: it is part of names of folders and containers."""
    return _HOST_ID.fullmatch(text) is not None
