"""What a table of cases is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Case(NamedTuple):
    """Something that has to hold, and the tests that fail where it does not.

    Tests are by file below `tests`, without their `test_`.
    """

    what: str
    tests: Mapping[str, tuple[str, ...]]
