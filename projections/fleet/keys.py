"""Every Redis key of the fleet, relative: each is prefixed by `fleet:<generation>:`.

Rows are MessagePack. A list is a sorted set of equal scores, so that Redis orders it by its members, which
are a row's time of creation and its id (`place`); a project is `<studio>/<game>`.

Servers: `server:<instance>` -> Server, until 7 days after its stop · lists `servers:<project>/<class>` and
`servers:<project>/<class>/<region>`, whose class is the server's status, with `+pool` where it is a pool
server that no start has claimed · `match:<project>/<match>` list, until 7 days after its last server's stop ·
`stops:…` for each list of stopped ones: sorted set of its members by when they stopped.

Builds: `build:<build>` -> Build · lists `builds:<project>/<status>`, `builds:<project>/<status>/<name>`.

Uploads: `uploads` sorted set of `due_member` -> when it was created: those that are processed without a call.

Lobbies: `lobby:<lobby>` -> GivenRow, what a live-ops lobby was given, until an hour after its window.

Settings: `settings:<project>` -> Settings. Hosts: `hosts` hash host -> Host.

Time: `dues` sorted set of `due_member` -> when.
"""

from __future__ import annotations

from typing import Final

from schemas.fleet.states import STATUSES
from schemas.fleet.views import Build, Server

NOUN: Final = "fleet"
DUES: Final = "dues"
HOSTS: Final = "hosts"
UPLOADS: Final = "uploads"
POOL: Final = "+pool"
MATCH_SERVERS_MAX: Final = 1000
"""Of one match, that are looked through."""
_TIME_DIGITS: Final = 14


def place(at_ms: int, identifier: str) -> str:
    """A row's member in a list."""
    return f"{at_ms:0{_TIME_DIGITS}d}:{identifier}"


def project(studio_id: str, game_id: str) -> str:
    """What a project's keys are named by."""
    return f"{studio_id}/{game_id}"


def server_key(instance_id: str) -> str:
    """A server's row."""
    return f"server:{instance_id}"


def server_class(server: Server) -> str:
    """Which lists a server is in."""
    unclaimed = server.is_pool_server and server.pool_claimed_at_ms is None
    return STATUSES[server.phase] + (POOL if unclaimed else "")


def servers_key(owner: str, name: str, region: str | None = None) -> str:
    """The list of a project's servers of a class, of one region where it is named."""
    return f"servers:{owner}/{name}" if region is None else f"servers:{owner}/{name}/{region}"


def stops_key(listed: str) -> str:
    """When the members of a list of stopped servers stopped."""
    return f"stops:{listed}"


def match_key(owner: str, match_id: str) -> str:
    """The servers of a match."""
    return f"match:{owner}/{match_id}"


def build_key(build_id: str) -> str:
    """A build's row."""
    return f"build:{build_id}"


def builds_key(owner: str, status: str, name: str | None = None) -> str:
    """The list of a project's builds of a status, of one name where it is given."""
    return f"builds:{owner}/{status}" if name is None else f"builds:{owner}/{status}/{name}"


def build_lists(build: Build) -> tuple[str, str]:
    """The lists that a build is in."""
    owner = project(build.studio_id, build.game_id)
    return builds_key(owner, build.status), builds_key(owner, build.status, build.name)


def settings_key(owner: str) -> str:
    """A project's settings."""
    return f"settings:{owner}"


def lobby_key(lobby_id: str) -> str:
    """What a live-ops lobby was given."""
    return f"lobby:{lobby_id}"


def due_member(kind: str, studio_id: str, game_id: str, identifier: str) -> str:
    """What waits for time. No id before the last has a slash."""
    return f"{kind}/{studio_id}/{game_id}/{identifier}"
