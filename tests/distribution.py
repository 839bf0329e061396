"""Which tests run in one process, and which begin first, where several processes share a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    import pytest

_SHARED: Final = (
    ("questlog_stack", "tests/", "questlog_stack"),
    ("faults", "tests/faults/", "stack"),
    ("browser", "tests/browser/", None),
)
"""Groups, each by a folder and a fixture: what they share takes half a minute to start, so it starts once."""

_SINGLY: Final = frozenset({"tests/simulation/test_simulation.py", "tests/faults/test_lost_log.py"})
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


class Dealing(LoadGroupScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Deals groups and whole files to the processes: the tests of a file share its module's fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        group: str = super()._split_scope(nodeid)
        file = _file(nodeid)
        return file if group == nodeid and file not in _SINGLY else group


def group_of(item: pytest.Item) -> str | None:
    """The group of tests that share what the test shares; None where that is its file's alone."""
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
