"""A pool of applications is listed pending first, and page by page as it was when its first page was read."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from api.playtests.applications import in_order
from schemas.playtests.views import Application, ApplicationStatus


def application(number: int, created_at_ms: int, reviewed_at_ms: int | None, status: str) -> Application:
    return Application(
        id=f"{number:04d}",
        order_id="order",
        studio_id="studio",
        playtester_id=f"tester-{number}",
        status=msgspec.convert(status, ApplicationStatus),
        qualifications_response="",
        created_at_ms=created_at_ms,
        reviewed_at_ms=reviewed_at_ms,
    )


def test_pending_ones_come_first_then_the_newest() -> None:
    pool = [
        application(1, 10, None, "pending"),
        application(2, 20, 50, "rejected"),
        application(3, 30, None, "pending"),
        application(4, 40, 60, "approved"),
    ]
    assert [one.id for one in in_order(pool, 60)] == ["0003", "0001", "0004", "0002"]
    assert [one.id for one in in_order(pool, 60, "pending")] == ["0003", "0001"]
    assert [one.id for one in in_order(pool, 60, "approved")] == ["0004"]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(101, 200)), max_size=30),
    st.lists(st.integers(101, 200), max_size=10),
)
def test_what_is_decided_or_comes_later_changes_no_later_page(
    made: list[tuple[int, bool]], decided: list[tuple[int, int]], come: list[int]
) -> None:
    pool = [
        application(number, at_ms, at_ms if reviewed else None, "rejected" if reviewed else "pending")
        for number, (at_ms, reviewed) in enumerate(made)
    ]
    first = [one.id for one in in_order(pool, 100)]
    assert sorted(first) == [one.id for one in pool]
    later = {one.id: one for one in pool}
    for number, at_ms in decided:
        one = later.get(f"{number:04d}")
        if one is not None and one.reviewed_at_ms is None:
            later[one.id] = msgspec.structs.replace(one, status="approved", reviewed_at_ms=at_ms)
    others = [application(1000 + number, at_ms, None, "pending") for number, at_ms in enumerate(come)]
    assert [one.id for one in in_order([*later.values(), *others], 100)] == first
