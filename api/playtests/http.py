"""What a handler of S2's reads is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from schemas.playtests.access import Caller
from schemas.playtests.pages import cut
from schemas.playtests.ports import Place
from schemas.playtests.requests import path_id

RowT = TypeVar("RowT")


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request whose caller may make it. `query` has the route's parameters, a cursor as its place."""

    caller: Caller
    names: Mapping[str, str]
    query: Mapping[str, Any]

    def name(self, name: str) -> str:
        """An id in the path. Raises `Refused` (404) for what can be none of ours."""
        return path_id(self.names[name])

    @property
    def page(self) -> dict[str, Any]:
        """What a list's store is asked for: one row more than is shown."""
        return {"limit": self.query["limit"] + 1, "before": self.query["cursor"]}

    def cut(self, rows: Sequence[RowT]) -> tuple[list[RowT], bool]:
        """The rows that are shown of those that the store gave, and whether there are more."""
        return cut(rows, self.query["limit"])


class Shown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is answered. `more` is None for what is no list; `last` is where the page's last row stands."""

    data: Any
    more: bool | None = None
    last: Place | None = None


def place_of(rows: Sequence[Any]) -> Place | None:
    """Where the last of some slots, applications or payments stands; None where there are none."""
    return Place(rows[-1].created_at_ms, rows[-1].id) if rows else None
