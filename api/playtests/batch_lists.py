"""How S1's lists of key batches, keys, invites and handles are sorted and cut.

Ours: in the reference they have no pages.

Rows come in one order that never changes, by when they were made; sorted by a column, rows of the same value
stay in that order, and those without a value come last in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from api.telemetry.parameters import LIMIT_MAX
from schemas.edge.parameters import Choice, Integer, Parameter

Row = TypeVar("Row")
Columns = Mapping[str, Callable[[Row], Any]]
"""By the name of an answer's field: what a row has there, None for nothing."""


def parameters(columns: Sequence[str], sort: str, order: str) -> tuple[Parameter, ...]:
    """`sort`, `order`, `limit`, `offset` of a list with these columns, and its order where none is asked."""
    return (
        Parameter(
            name="sort",
            kind=Choice(tuple(columns)),
            description="By which field. Rows without a value come last.",
            example=sort,
            default=sort,
        ),
        Parameter(
            name="order", kind=Choice(("asc", "desc")), description="Which way.", example=order, default=order
        ),
        Parameter(
            name="limit",
            kind=Integer(1, clamp=LIMIT_MAX),
            description=f"Page size. Silently clamped to {LIMIT_MAX}; every row where it is absent.",
            example=20,
        ),
        Parameter(name="offset", kind=Integer(0), description="Page offset.", example=0, default=0),
    )


def page(rows: Sequence[Row], columns: Columns[Row], values: Mapping[str, Any]) -> tuple[list[Row], bool]:
    """The rows that are asked for, and whether there are more after them."""
    value = columns[values["sort"]]
    known = sorted(
        (row for row in rows if value(row) is not None), key=value, reverse=values["order"] == "desc"
    )
    found = [*known, *(row for row in rows if value(row) is None)]
    begin: int = values["offset"]
    end = len(found) if values["limit"] is None else begin + values["limit"]
    return found[begin:end], end < len(found)
