"""What both of S2's edges need of a request: its id, and ids in its path. Pure but for the ids it draws."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from schemas.edge.errors import Refused

NOT_FOUND: Final = "not found"
"""What every 404 says, so that none tells more than another."""
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REQUEST_ID: Final = re.compile(rb"req_[0-9a-f]{12}")


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """`meta.requestId`: a new one, unless `X-Request-Id` has one of this form."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode()
    return f"req_{os.urandom(6).hex()}"


def path_id(value: str) -> str:
    """An id of a path. Raises `Refused` (404) for what can be none of ours."""
    if _ID.fullmatch(value) is None:
        raise not_found()
    return value


def not_found() -> Refused:
    """The one refusal of what is unknown, another studio's or not offered."""
    return Refused(404, NOT_FOUND)
