"""A URL taken apart: credentials go in headers, and into no message."""

from __future__ import annotations

import pytest

from projections.clickhouse.address import address


@pytest.mark.parametrize(
    ("url", "base", "headers"),
    [
        ("http://localhost:8123", "http://localhost:8123/", {}),
        ("https://ch.example/", "https://ch.example/", {}),
        (
            "http://me%40x:p%2Fw@[::1]:8123",
            "http://[::1]:8123/",
            {"X-ClickHouse-User": "me@x", "X-ClickHouse-Key": "p/w"},
        ),
        ("http://me@h:1", "http://h:1/", {"X-ClickHouse-User": "me", "X-ClickHouse-Key": ""}),
    ],
)
def test_parts(url: str, base: str, headers: dict[str, str]) -> None:
    assert address(url) == (base, headers)


@pytest.mark.parametrize("url", ["me:word@host", "http://me:word@host:port", "ftp://me:word@host", "http://"])
def test_what_is_no_such_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="http") as refused:
        address(url)
    assert "word" not in str(refused.value).replace("password", "")
