"""Path segments that contain an encoded slash.

A build may be called `release/1.0`, and a client that encodes it sends `release%2F1.0`. Servers decode the
path before routing, which would make two segments of it. So an encoded slash travels through routing as a
character of the private use area, and `segment` turns it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.types import Scope

_STAND_IN: Final = "\ue02f"


def with_slashes_kept(scope: Scope) -> Scope:
    """The scope with a path whose encoded slashes do not part segments."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return scope
    segments = raw.partition(b"?")[0].decode("latin-1").split("/")
    path = "/".join(unquote(part).replace("/", _STAND_IN) for part in segments)
    return {**scope, "path": path}


def segment(request: Request, name: str) -> str:
    """A path parameter as the client meant it."""
    return str(request.path_params[name]).replace(_STAND_IN, "/")
