"""How tests are dealt to processes: what they share is in one of them, and none waits for long."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.distribution import Dealing, group_of, in_order

STACKED = ["tests/outside/test_s1.py", "tests/outside/test_s2.py", "tests/outside/test_s3.py"]
FAULTS = ["tests/faults/test_drill.py", "tests/faults/test_network.py"]
OTHERS = ["tests/test_architecture.py", "tests/deploy/test_cli.py", "tests/deploy/test_keys.py"]


class Process:
    """Stands for a worker process of a run: keeps what it was sent."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.sent: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indexes: list[int]) -> None:
        self.sent += indexes

    def shutdown(self) -> None:
        self.shutting_down = True


class Config:
    """What pytest-xdist asks of `-n 2 --no-loadscope-reorder`."""

    option = SimpleNamespace(loadscopereorder=False)

    def getvalue(self, name: str) -> list[str]:
        assert name == "tx"
        return ["2*popen"]


def dealt(files: list[str], tests_each: int = 1) -> list[list[str]]:
    """The files that each of two processes runs, where both are equally quick."""
    tests = [f"{file}::test_{n}" for file in files for n in range(tests_each)]
    dealing = Dealing(Config())
    processes = [Process("a"), Process("b")]
    for process in processes:
        dealing.add_node(process)
        dealing.add_node_collection(process, tests)
    dealing.schedule()
    done = [0, 0]
    while any(done[n] < len(one.sent) for n, one in enumerate(processes)):
        for n, process in enumerate(processes):
            if done[n] < len(process.sent):
                done[n] += 1
                dealing.mark_test_complete(process, process.sent[done[n] - 1])
    assert sorted(index for one in processes for index in one.sent) == list(range(len(tests)))
    assert all(process.shutting_down for process in processes)
    return [list(dict.fromkeys(tests[i].partition("::")[0] for i in one.sent)) for one in processes]


def test_a_group_stays_in_the_process_that_began_it() -> None:
    one, other = dealt(STACKED + FAULTS + OTHERS)
    assert one[:3] == STACKED
    assert other[:2] == FAULTS


@pytest.mark.parametrize("tests_each", [1, 5])
def test_nobody_idles_while_another_s_group_has_files(tests_each: int) -> None:
    stacked = [*STACKED, "tests/outside/test_s5.py"]
    one, other = dealt([*stacked, OTHERS[0]], tests_each)
    assert other[0] == OTHERS[0]
    assert sorted(one + other[1:]) == stacked
    assert abs(len(one) - len(other)) <= 1


def test_every_test_is_in_the_group_of_what_it_uses(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        names, file = getattr(item, "fixturenames", ()), item.nodeid.partition("::")[0]
        if "questlog_stack" in names:
            assert group_of(file) == "questlog_stack", item.nodeid
        elif file.startswith("tests/faults/") and "stack" in names:
            assert group_of(file) == "faults", item.nodeid


def test_the_longest_groups_begin_first(request: pytest.FixtureRequest) -> None:
    files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in in_order(request.session.items)))
    groups = [group_of(file) for file in files]
    order = ["questlog_stack", "faults", "browser", None]
    assert groups == sorted(groups, key=order.index)
