from __future__ import annotations

import pytest

from schemas.edge.target import target_problem


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/a",
        b"/%2F",
        b"/%00",
        b"/%",
        b"/%zz",
        b"/100%",
        b"/caf%C3%A9",
        "/café".encode(),
        b"/%F0%9F%98%80",
        b"/%ef%bf%bd",
    ],
)
def test_what_is_utf_8_once_decoded_can_be_read(path: bytes) -> None:
    assert target_problem(path, b"") is None
    assert target_problem(b"/", path[1:]) is None


@pytest.mark.parametrize(
    "path",
    [
        *(b"/%FFx", b"/%FEx", b"/%E9x", b"/a%C3", b"/%C3%28", b"/%80", b"/\xff", b"/%ff%2F"),
        *(b"/%C0%AF", b"/%E0%80%AF", b"/%F0%80%80%AF", b"/%C1%81"),  # overlong
        *(b"/%ED%A0%80", b"/%ED%A0%BD%ED%B8%80", b"/%F4%90%80%80", b"/%F8%88%80%80%80"),  # beyond Unicode
    ],
)
def test_anything_else_is_named(path: bytes) -> None:
    assert (target_problem(path, b"a=%C3%A9") or "").startswith("the path is not UTF-8")
    assert (target_problem(b"/caf%C3%A9", path[1:]) or "").startswith("the query is not UTF-8")
