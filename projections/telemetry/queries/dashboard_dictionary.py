"""What analysts' views hold, from the COMMENTs in ClickHouse: the data dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.client import VIEWS_SUFFIX
from projections.telemetry.queries.dashboard_common import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DICTIONARY: Final = Query(
    "SELECT c.table AS view, t.comment AS view_comment, c.name AS name, c.type AS type, c.comment AS comment"
    " FROM system.columns AS c JOIN system.tables AS t ON c.database = t.database AND c.table = t.name"
    " WHERE c.database = concat(currentDatabase(), {suffix:String}) ORDER BY c.table, c.position",
    {"suffix": VIEWS_SUFFIX},
)
"""A row for each column of each view. Asked in the database of facts."""


class Column(msgspec.Struct, frozen=True):
    """A column: its name, its type in ClickHouse, and what it holds."""

    name: str
    type: str
    comment: str


class View(msgspec.Struct, frozen=True):
    """A view of analysts: its name, what it holds, and its columns in order."""

    name: str
    comment: str
    columns: list[Column]


def read_dictionary(rows: Iterable[Mapping[str, Any]]) -> list[View]:
    """The views by name, of the rows of DICTIONARY."""
    found: dict[str, View] = {}
    for row in rows:
        view = found.setdefault(row["view"], View(row["view"], row["view_comment"], []))
        view.columns.append(Column(row["name"], row["type"], row["comment"]))
    return list(found.values())
