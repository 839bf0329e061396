"""Which tests run in one process, and which begin first, where several processes share a run.

Whole files are dealt: what a session shares (a stack, stores) starts once in each process. pytest-xdist's own
groups are not used: with pytest 9.2 its marks no longer change an item's id, and nothing is grouped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

_SHARED: Final = (
    ("questlog_stack", "tests/", "questlog_stack"),
    ("faults", "tests/faults/", "stack"),
    ("browser", "tests/browser/", None),
)
"""Groups, each by a folder and a fixture: their files come one after the other."""

_SINGLY: Final = frozenset(
    {
        "tests/simulation/test_simulation.py",
        "tests/simulation/test_playtests_simulation.py",
        "tests/faults/test_lost_log.py",
    }
)
"""Files whose tests are long and share nothing: each is dealt alone."""

_FIRST: Final = (
    "questlog_stack",
    "faults",
    "browser",
    "tests/faults/test_lost_log.py",
    "tests/deploy/test_studio_path.py",
    "tests/deploy/test_skip_path.py",
)
"""The longest groups and files, the longest first: one that begins last leaves the other process idle."""


class Dealing(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Deals whole files to the processes: the tests of a file share its module's fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        file = _file(nodeid)
        return nodeid if file in _SINGLY else file


def group_of(item: pytest.Item) -> str | None:
    """The group that a test is in; None where it is in none."""
    names = getattr(item, "fixturenames", ())
    return next(
        (
            group
            for group, folder, fixture in _SHARED
            if item.nodeid.startswith(folder) and (fixture is None or fixture in names)
        ),
        None,
    )


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The longest groups first, the others as they were collected."""
    places = {name: place for place, name in enumerate(_FIRST)}
    return sorted(items, key=lambda item: places.get(group_of(item) or _file(item.nodeid), len(places)))


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
