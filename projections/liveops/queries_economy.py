"""The economy of a game from its ledger: what was minted, spent and held, by currency and item.

A balance is the sum of its movements, so what all players hold is the sum of everything before the range's
end. Source: the `liveops_economy` table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.telemetry.queries.dashboard_common import Query, bucket_of, moment
from schemas.liveops.views import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.telemetry.queries.dashboard_common import Filters

KEYS_MAX: Final = 100
"""Currencies and items that are told apart; the ones that moved most."""

Total = int | str
"""Players' balances have 64 bits and sums of them may need more: such a one is the text of its digits."""


class Flow(msgspec.Struct, frozen=True):
    """One currency or item. `minted` and `spent` are totals of the range, `held` is as of its end.

    `minted_by` and `spent_by` have one entry for each bucket of the range, to draw: what needs more than 64
    bits is a float there.
    """

    type: str
    key: str
    minted: Total
    spent: Total
    held: Total
    minted_by: list[int | float]
    spent_by: list[int | float]


class Economy(msgspec.Struct, frozen=True):
    """Currencies first, each kind by what moved most. `t` is unix seconds of each bucket's start."""

    bucket_minutes: int
    t: list[int]
    flows: list[Flow]


def economy_query(filters: Filters) -> Query:
    """Rows (type, key, t, minted, spent), one a bucket; what was before the range is in the bucket 0.

    Whole hours come from rows of an hour wherever the buckets allow, the rest from rows of a minute. Builds
    and environments are telemetry's: the economy knows none.
    """
    first, last = _hour("since"), _hour("until")
    in_hours = f"start >= {first} + 3600 AND start < {last}" if filters.bucket_minutes() % 60 == 0 else "0"
    return Query(
        f"""
        SELECT type, key, if(start >= {moment("since")}, {bucket_of("start")}, 0) AS t,
            toString(sum(minted)) AS minted, toString(sum(spent)) AS spent
        FROM liveops_economy FINAL
        WHERE {filters.tenant()} AND start < {moment("until")} AND (
            (step = 60 AND (start < {first} OR ({in_hours})))
            OR (step = 1 AND start >= {first} AND NOT ({in_hours}))
        )
        GROUP BY type, key, t
        """,  # noqa: S608 - the text holds placeholders only
        filters.parameters(),
    )


def _hour(parameter: str) -> str:
    """SQL of the hour in which the placeholder's moment lies."""
    return f"toStartOfHour({moment(parameter)})"


def read_economy(filters: Filters, rows: Sequence[dict[str, Any]]) -> Economy:
    """Put the rows of `economy_query` into the range's buckets."""
    starts = filters.buckets()
    found: dict[tuple[str, str], dict[int, tuple[int, int]]] = {}
    for row in rows:
        moved = found.setdefault((row["type"], row["key"]), {})
        moved[int(row["t"])] = (int(row["minted"]), int(row["spent"]))
    flows = [_flow(kind, key, moved, starts) for (kind, key), moved in found.items()]
    flows.sort(key=_order)
    return Economy(bucket_minutes=filters.bucket_minutes(), t=starts, flows=flows[:KEYS_MAX])


def _flow(kind: str, key: str, moved: dict[int, tuple[int, int]], starts: list[int]) -> Flow:
    minted_by = [moved.get(start, (0, 0))[0] for start in starts]
    spent_by = [moved.get(start, (0, 0))[1] for start in starts]
    held = sum(minted - spent for minted, spent in moved.values())
    return Flow(
        type=kind,
        key=key,
        minted=_total(sum(minted_by)),
        spent=_total(sum(spent_by)),
        held=_total(held),
        minted_by=[_drawn(amount) for amount in minted_by],
        spent_by=[_drawn(amount) for amount in spent_by],
    )


def _order(flow: Flow) -> tuple[bool, int, int, str]:
    return flow.type != "currency", -(int(flow.minted) + int(flow.spent)), -int(flow.held), flow.key


def _total(whole: int) -> Total:
    return whole if abs(whole) <= INT64_MAX else str(whole)


def _drawn(whole: int) -> int | float:
    return whole if abs(whole) <= INT64_MAX else float(whole)
