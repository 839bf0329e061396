"""The write routes of S3, found in the raw path, so that an encoded slash stays part of an external id. Pure.

Source: the S3 reference, and contract/liveops.md for `/server/v1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

import msgspec


class Route(StrEnum):
    """Every write; the value is its template, as metrics and documents show it."""

    START = "/sdk/v1/players/{externalId}/events/{eventKey}/start"
    PROGRESS = "/sdk/v1/players/{externalId}/events/{eventKey}/attempts/{attemptId}/progress"
    CLAIM = "/sdk/v1/players/{externalId}/grants/{grantId}/claim"
    OPEN = "/sdk/v1/players/{externalId}/crates/{grantId}/open"
    REGISTER = "/sdk/v1/players/{externalId}/register"
    CONSUME = "/sdk/v1/players/{externalId}/inventory/{itemKey}/consume"
    DEBIT = "/sdk/v1/players/{externalId}/wallet/{economyKey}/debit"
    ROTATE_SECRET = "/server/v1/players/{externalId}/secret"  # noqa: S105 - a path
    CREDIT = "/server/v1/players/{externalId}/wallet/{economyKey}/credit"
    GRANT_ITEM = "/server/v1/players/{externalId}/inventory/{itemKey}/grant"
    GIVE_GRANT = "/server/v1/players/{externalId}/grants"

    @property
    def server_only(self) -> bool:
        """Whether it takes a server key alone."""
        return self.value.startswith("/server/")


class Found(msgspec.Struct, frozen=True, gc=False):
    """A route and what its path names, by the template's names."""

    route: Route
    names: Mapping[str, str]


_SHAPES: Final[dict[tuple[int, str, str, str], tuple[Route, tuple[str, ...]]]] = {}
"""Segments, the surface, what comes after the player and what is last -> the route and its segments."""
for _route in Route:
    _parts = tuple(_route.value[1:].split("/"))
    _SHAPES[len(_parts), _parts[0], _parts[4], _parts[-1]] = (_route, _parts)


def find_write(scope: Mapping[str, Any]) -> Found | None:
    """The write that a path names; None for none of this side."""
    path: str = scope["path"]
    if not path.startswith(("/sdk/v1/players/", "/server/v1/players/")):
        return None
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw:
        parts = [unquote(part) for part in raw.partition(b"?")[0].decode("latin-1")[1:].split("/")]
    else:
        parts = path[1:].split("/")
    if len(parts) < 5:
        return None
    shape = _SHAPES.get((len(parts), parts[0], parts[4], parts[-1]))
    if shape is None:
        return None
    route, template = shape
    names: dict[str, str] = {}
    for part, wanted in zip(parts, template, strict=True):
        if wanted.startswith("{"):
            if not part:
                return None
            names[wanted[1:-1]] = part
        elif part != wanted:
            return None
    return Found(route, names)
