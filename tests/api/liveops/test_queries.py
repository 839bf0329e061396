"""A read's query: the same text reads alike each time it comes, and what is refused stays refused."""

from __future__ import annotations

from typing import Any

import pytest

from api.liveops.http import Call
from api.liveops.routes import find_read
from schemas.edge.errors import Refused

PATH = "/sdk/v1/leaderboards/lb_1"


async def no_body() -> Any:
    raise AssertionError("a read has no body")


def call(query: bytes) -> Call:
    scope = {"path": PATH, "raw_path": PATH.encode(), "method": "GET", "headers": [], "query_string": query}
    found = find_read(scope)
    assert found is not None
    return Call(found, scope, no_body)


@pytest.mark.parametrize(
    ("text", "limit", "with_self"),
    [
        (b"", 50, None),
        (b"limit=10", 10, None),
        (b"limit=10&includeSelf=true&externalId=a%2Fb", 10, True),
        (b"limit=7&_=" + b"1" * 500, 7, None),
    ],
)
def test_a_query_is_read_alike_each_time(text: bytes, limit: int, with_self: bool | None) -> None:  # noqa: FBT001
    first, second = call(text).query(), call(text).query()
    assert first == second
    assert (first["limit"], first["includeSelf"]) == (limit, with_self)
    with pytest.raises(TypeError):
        first["limit"] = 1  # type: ignore[index]  # it is shared with other requests


@pytest.mark.parametrize("text", [b"limit=0", b"limit=1&limit=1", b"limit=x", b"limit=%FF", b"\xff"])
def test_what_is_refused_is_refused_each_time(text: bytes) -> None:
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            call(text).query()
        assert refused.value.status == 400
