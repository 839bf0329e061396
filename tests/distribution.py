"""Which tests run in one process, and which begin first, where several processes share a run.

Whole files are dealt: what a session shares (a stack, stores) starts once in each process. pytest-xdist's own
groups are not used: with pytest 9.2 its marks no longer change an item's id, and nothing is grouped. Which
group a file is in is read from its text: the process that deals collects no tests.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

_ROOT: Final = Path(__file__).parents[1]
_SHARED: Final = (
    ("questlog_stack", "tests/", "questlog_stack:"),
    ("questlog_stack", "tests/outside/", "world"),
    ("faults", "tests/faults/", "stack: OwnStack"),
    ("browser", "tests/browser/", ""),
)
"""Groups, each by a folder and what its files say: they come one after the other, and in one process."""

_SINGLY: Final = frozenset(
    {"tests/simulation/test_simulation.py", "tests/simulation/test_playtests_simulation.py"}
)
"""Files whose tests are long and share nothing: each is dealt alone."""

_FIRST: Final = (
    "tests/outside/test_write_side.py",  # not within a minute of another's export: it would wait
    "questlog_stack",
    "faults",
    "browser",
    "tests/faults/test_lost_log.py",
    "tests/deploy/test_tiny_noun.py",
    "tests/deploy/test_studio_path.py",
    "tests/deploy/test_skip_path.py",
    "tests/simulation/test_simulation.py",
    "tests/simulation/test_playtests_simulation.py",
)
"""The longest groups and files, the longest first: one that begins last leaves the other process idle."""


class Dealing(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Deals whole files to the processes: the tests of a file share its module's fixtures.

    A group stays with the process that began it, for as long as there is other work: what it shares is
    started once, and idles in no other.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._holders: dict[str, Any] = {}

    def _split_scope(self, nodeid: str) -> str:
        file = _file(nodeid)
        return nodeid if file in _SINGLY else file

    def _assign_work_unit(self, node: Any) -> None:
        unit = self._next_unit(node)
        group = group_of(_file(unit))
        if group is not None and not self._is_held(group):
            self._holders[group] = node
        self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)

    def _next_unit(self, node: Any) -> str:
        """The next of a group that the process holds; else of what no other holds; else of another's."""
        units: list[str] = list(self.workqueue)
        groups = {unit: group_of(_file(unit)) for unit in units}
        own = (unit for unit, group in groups.items() if group and self._holders.get(group) is node)
        free = (unit for unit, group in groups.items() if group is None or not self._is_held(group))
        return next(own, None) or next(free, None) or units[0]

    def _is_held(self, group: str) -> bool:
        return self._holders.get(group) in self.assigned_work

    def _reschedule(self, node: Any) -> None:
        """Deal no further ahead than a process needs: it knows the test after the one that it runs."""
        if not self.workqueue or node.shutting_down or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


@cache
def group_of(file: str) -> str | None:
    """The group that the tests of a file are in; None where they are in none, or in no file of the tests."""
    if not file.startswith("tests/"):
        return None
    text = (_ROOT / file).read_text()
    return next(
        (group for group, folder, words in _SHARED if file.startswith(folder) and words in text), None
    )


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The longest groups first, the others as they were collected."""
    places = {name: place for place, name in enumerate(_FIRST)}

    def place(item: pytest.Item) -> int:
        file = _file(item.nodeid)
        return places.get(file, places.get(group_of(file) or file, len(places)))

    return sorted(items, key=place)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
