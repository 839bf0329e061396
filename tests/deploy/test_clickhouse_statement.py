"""Taking a reader's statement apart costs the embedded ClickHouse little, whatever the statement holds."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from deploy.stack.clickhouse_catalogue import with_catalogue, without_comments
from deploy.stack.clickhouse_execution import EngineError, Statement
from deploy.stack.clickhouse_readers import STATEMENT_BYTES_MAX, _check_tree, confine
from deploy.stack.clickhouse_statement import is_single, tokens, words
from tests.cpu_cost import LINEAR, Work, growth


def filled(piece: bytes, size: int = STATEMENT_BYTES_MAX) -> bytes:
    return (piece * size)[:size]


@pytest.mark.parametrize(
    "piece", [b"/*", b"/*;", b"'\\'", b'"\\"', b"`\\`", b"'a;", b"(", b"a ", b"--a", b"$a", b"\n", b"\\"]
)
def test_a_statement_of_any_kind_is_taken_apart_in_linear_time(piece: bytes) -> None:
    for take_apart in (is_single, words, with_catalogue, without_comments):
        assert growth(lambda size: partial(take_apart, filled(piece, size)), STATEMENT_BYTES_MAX) < LINEAR  # noqa: B023 - called at once
    text = filled(piece)
    assert b"".join(token[0] for token in tokens(text)) == text


@pytest.mark.parametrize("text", [b"'a;", b"'a\\", b'"a;', b"`a;", b"/* a;"])
def test_what_has_no_end_goes_on_to_the_statement_s(text: bytes) -> None:
    assert [token[0] for token in tokens(b"a " + text)] == [b"a", b" ", text]
    assert is_single(b"a " + text)


@pytest.mark.parametrize(
    ("text", "single"),
    [
        (b"SELECT 'it''s;', \"a\"\";\", `b``;`, 'c\\';' -- ;\n/* ; */;", True),
        (b"SELECT ';'; SELECT 2", False),
        (b"SELECT $a$;$a$", True),
        (b"SELECT $a$;$b$", False),
    ],
)
def test_words_are_told_from_texts(text: bytes, *, single: bool) -> None:
    assert is_single(text) == single


@pytest.mark.parametrize(
    ("before", "repeated", "count"),
    [
        ("    TableIdentifier a", " (alias b)", 2400),
        ("    TableIdentifier a (alias b", " (children 1)", 2400),
        ("    Identifier a", "\n", 48_000),
    ],
)
def test_a_tree_is_read_in_linear_time(before: str, repeated: str, count: int) -> None:
    def reading(times: int) -> Work:
        tree = before + repeated * times + "x"
        return partial(_check_tree, tree, set(), {"d.a"}, "d")

    assert growth(reading, count) < LINEAR


@pytest.mark.parametrize(
    "line",
    [
        "TableIdentifier a",
        "  TableIdentifier d.a",
        " TableIdentifier a (children 1)",
        " TableIdentifier a (alias (b) (children 1)) (children 1)",
    ],
)
def test_a_table_is_known_whatever_its_alias_is(line: str) -> None:
    _check_tree(line, set(), {"d.a"}, "d")
    with pytest.raises(EngineError):
        _check_tree(line, set(), {"d.b"}, "d")


@pytest.mark.parametrize("text", [filled(b"(") + b"(", b"SELECT " + b"$a" * 2000])
def test_a_statement_that_costs_much_is_refused_before_it_is_looked_at(text: bytes) -> None:
    with pytest.raises(EngineError):
        confine(cast("Any", None), cast("Any", None), (), Statement(text=text), ())
