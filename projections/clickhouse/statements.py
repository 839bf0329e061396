"""What travels with a statement to ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Value = str | int | float | list[str] | list[int] | list[float]


class BesideRows(msgspec.Struct, frozen=True):
    """Rows that travel beside a statement, which sees them as a temporary table ("external data").

    `columns` are the names and types of the table `name`; a row is anything that JSON makes a list of.
    """

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[object]]
