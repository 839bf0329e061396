"""What both of S5's edges need of a path. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from schemas.edge.errors import Refused

NOT_FOUND: Final = "not found"
"""What every 404 says, so that none tells more than another."""
_SERVER: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def not_found() -> Refused:
    """The one refusal of what is unknown, or another project's."""
    return Refused(404, NOT_FOUND)


def server_id(path: Mapping[str, str]) -> str:
    """A server's id in a path. Raises `Refused` (404) for what can be none of ours."""
    value = path["instance_id"]
    if _SERVER.fullmatch(value) is None:
        raise not_found()
    return value
