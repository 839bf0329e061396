"""The APIs that one edge serves side by side: each has paths and an error shape of its own. Pure.

A noun declares its surfaces in `schemas/<noun>/errors.py`; `deploy.nouns` joins them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer that is no success says, before a surface gives it its shape."""

    status: int
    message: str
    code: str | None
    """In place of the status's usual one."""
    request_id: str
    now_ms: int
    extra: dict[str, Any]


class Surface(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One API. Of several whose paths match, the longest match says whose a path is."""

    name: str
    paths: str
    """Regular expression of how its paths begin."""
    error: Callable[[Failure], dict[str, Any]]
    """The body of a failure."""
    client_safe: str = "(?!)"
    """Regular expression of the paths that browsers may call from any page. Source: contract/common.md."""
    unreadable: Callable[[str], dict[str, Any]] = lambda _problem: {}
    """What a failure has beside its message where the path or the query can't be read."""


class Surfaces:
    """All surfaces of a deployment. `fallback` has the paths that none claims."""

    def __init__(self, surfaces: Iterable[Surface], fallback: Surface) -> None:
        listed = list(surfaces)
        self._fallback = fallback
        self._paths = [(re.compile(one.paths), one) for one in listed]
        self._client_safe = re.compile("|".join(one.client_safe for one in listed))

    def of(self, path: str) -> Surface:
        """The surface whose shape answers for a path, known or not."""
        return self._claiming(path) or self._fallback

    def claims(self, path: str) -> bool:
        """Whether a path is a surface's."""
        return self._claiming(path) is not None

    def client_safe(self, path: str) -> bool:
        """Whether browsers may call this path from any page."""
        return self._client_safe.match(path) is not None

    def _claiming(self, path: str) -> Surface | None:
        found = [(match.end(), one) for paths, one in self._paths if (match := paths.match(path))]
        return max(found, key=lambda one: one[0])[1] if found else None
