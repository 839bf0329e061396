"""Conditions and their bound parameters, gathered while a read's filters are looked at one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from projections.clickhouse.statements import Value
    from projections.telemetry.queries.client import Queries

_INT64_MAX = 2**63 - 1
HAS_EVENTS: Final = "spans.size0 > 0"
"""Condition on a session's part: it has events. `notEmpty(spans)` says the same and reads all of them."""


class Conditions:
    """A WHERE clause under construction. It always begins with the studio, which keeps tenants apart."""

    def __init__(self, studio_id: str) -> None:
        self._texts = ["studio_id = {studio:String}"]
        self.parameters: dict[str, Value] = {"studio": studio_id}

    def equal(self, column: str, name: str, value: str | None) -> Conditions:
        """`column` has exactly this text; None means no condition."""
        if value is not None:
            self._texts.append(f"{column} = {{{name}:String}}")
            self.parameters[name] = value
        return self

    def between(self, expression: str, since_ms: int | None, until_ms: int | None) -> Conditions:
        """`expression`, unix milliseconds, lies within both bounds, inclusive; None means unbounded."""
        if since_ms is not None:
            self._texts.append(f"{expression} >= {{since:Int64}}")
            self.parameters["since"] = min(since_ms, _INT64_MAX)
        if until_ms is not None:
            self._texts.append(f"{expression} <= {{until:Int64}}")
            self.parameters["until"] = min(until_ms, _INT64_MAX)
        return self

    def holds(self, text: str, **parameters: Value) -> Conditions:
        """Any other condition, with the parameters its placeholders name."""
        self._texts.append(text)
        self.parameters |= parameters
        return self

    def copy(self) -> Conditions:
        """The same, to go on from in another way."""
        other = Conditions("")
        other._texts, other.parameters = [*self._texts], {**self.parameters}
        return other

    def page(self, limit: int, offset: int) -> str:
        """LIMIT and OFFSET with their parameters."""
        self.parameters["limit"] = limit
        self.parameters["offset"] = min(offset, _INT64_MAX - limit)
        return "LIMIT {limit:UInt64} OFFSET {offset:UInt64}"

    def __str__(self) -> str:
        return " AND ".join(self._texts)


async def counted(
    queries: Queries, columns: str, source: str, conditions: Conditions, *, limit: int, offset: int
) -> tuple[list[list[Any]], int]:
    """A page of `columns` of `source` (FROM … ORDER BY …), and how many rows there are in all.

    Both are asked in one query; only a page beyond the end, which has no row to carry the number, asks again.
    """
    sql = f"SELECT {columns}, count() OVER () AS total {source}"
    rows = await queries.query(f"{sql} {conditions.page(limit, offset)}", conditions.parameters)
    if not rows and offset:
        first = await queries.query(f"{sql} {conditions.page(1, 0)}", conditions.parameters)
        return [], first[0][-1] if first else 0
    return [row[:-1] for row in rows], rows[0][-1] if rows else 0
