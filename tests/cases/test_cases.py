"""Each test that a table names is there, and runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.cases.case import Case
from tests.cases.fleet import FLEET
from tests.cases.playtests import PLAYTESTS
from tests.cases.telemetry import TELEMETRY

TESTS: Final = Path(__file__).parents[1]
LEFT_OUT: Final = re.compile(r"pytest\.mark\.(skip|xfail)\b")
"""`skipif` is for machines that can't, and says so in the run."""
CASES: Final = [*TELEMETRY, *PLAYTESTS, *FLEET]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_every_test_of_a_case_is_there_and_is_not_skipped(case: Case) -> None:
    assert any(case.tests.values())
    for file, names in case.tests.items():
        found = {
            node.name: [ast.unparse(each) for each in node.decorator_list]
            for node in ast.parse((TESTS / file).read_text()).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for name in names:
            assert f"test_{name}" in found, f"{file} has no test_{name}"
            assert [mark for mark in found[f"test_{name}"] if LEFT_OUT.match(mark)] == []


def test_no_case_is_told_twice() -> None:
    assert len({case.what for case in CASES}) == len(CASES)
