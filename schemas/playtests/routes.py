"""All routes of S2, and which methods a path takes.

Records are listed in this room and not beside their handlers, because one path may have a read and a write:
each side says of the other's methods what 405 needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.edge.routes import RouteTable
from schemas.playtests.owner_routes import OWNER_WRITES
from schemas.playtests.playtester_routes import PLAYTESTER_WRITES
from schemas.playtests.read_routes import READS

WRITES: Final = (*OWNER_WRITES, *PLAYTESTER_WRITES)
ROUTES: Final = (*READS, *WRITES)
find_read: Final = RouteTable(READS).find
find_write: Final = RouteTable(WRITES).find


def allowed(scope: Mapping[str, Any]) -> str:
    """The methods that a path takes, as `Allow` lists them; empty for a path that is none of these."""
    read, write = find_read(scope), find_write(scope)
    methods = ["GET", "HEAD"] if read is not None else []
    return ", ".join([*methods, *([write.route.method] if write is not None else [])])
