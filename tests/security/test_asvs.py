"""OWASP ASVS 5.0.0, levels 1 and 2: every requirement has a line that says how it is met, or that it isn't.

`asvs/v01.txt` to `v17.txt`, one for each chapter: `id | level | short text | how | where`. How is `test`
(node ids or files), `config` (`file: text`, a text that the file holds), `n/a` (why it does not apply here)
or `unmet` (what is missing). `requirements.txt` lists the standard's numbers by section.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = Path(__file__).parent / "asvs"
LINES_OF_LEVELS_1_AND_2: Final = 253


class Line(NamedTuple):
    """How one requirement is met."""

    id: str
    level: str
    text: str
    how: str
    where: str


def lines() -> list[Line]:
    return [
        Line(*(part.strip() for part in text.split(" | ", 4)))
        for path in sorted(FOLDER.glob("v*.txt"))
        for text in path.read_text(encoding="utf-8").splitlines()
    ]


def required() -> list[str]:
    """The ids of levels 1 and 2 as the standard has them."""
    found = []
    for text in (FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines():
        section, _, numbers = text.partition(": ")
        found += [f"{section}.{number}" for number in numbers.split()]
    return found


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_requirement_of_levels_1_and_2_has_one_line_in_its_chapter() -> None:
    assert len(required()) == LINES_OF_LEVELS_1_AND_2
    assert [line.id for line in lines()] == required()
    for path in FOLDER.glob("v*.txt"):
        chapter = int(path.stem[1:])
        ids = [text.split(".", 1)[0] for text in path.read_text(encoding="utf-8").splitlines()]
        assert set(ids) == {str(chapter)}


@pytest.mark.parametrize("line", [one for one in lines() if one.how == "test"], ids=lambda one: one.id)
def test_the_tests_that_a_line_names_are_there(line: Line) -> None:
    for node in line.where.split():
        path, _, name = node.partition("::")
        known = functions_of(path)
        assert name in known if name else any(one.startswith("test_") for one in known), node


@pytest.mark.parametrize("line", [one for one in lines() if one.how == "config"], ids=lambda one: one.id)
def test_the_settings_that_a_line_names_are_there(line: Line) -> None:
    path, colon, text = line.where.partition(": ")
    assert colon
    assert text in (ROOT / path).read_text(encoding="utf-8"), line.where


def test_what_is_not_met_or_does_not_apply_says_why() -> None:
    for line in lines():
        assert line.level in {"1", "2"}
        assert line.how in {"test", "config", "n/a", "unmet"}
        assert len(line.text) > 5
        assert len(line.where) > 5, line.id
