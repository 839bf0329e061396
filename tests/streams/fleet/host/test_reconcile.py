from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fleet.host.reconcile import (
    Action,
    Found,
    Kill,
    Remove,
    ReportExit,
    Start,
    State,
    Stop,
    Want,
    reconcile,
)

WANTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(get_args(Want)))
FOUNDS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Found, st.sampled_from(get_args(State)), st.booleans(), st.booleans()),
)


@pytest.mark.parametrize(
    ("want", "here", "action"),
    [
        ("running", None, Start("a")),
        ("running", Found("made"), Start("a")),
        ("running", Found("runs"), None),
        ("running", Found("ended"), ReportExit("a")),
        ("running", Found("ended", reported=True), None),
        ("gone", None, ReportExit("a", never=True)),
        ("gone", Found("made"), ReportExit("a", never=True)),
        ("gone", Found("runs"), Stop("a")),
        ("gone", Found("runs", stopping=True), None),
        ("gone", Found("ended"), ReportExit("a")),
        ("gone", Found("ended", reported=True), None),
        (None, Found("made"), Remove("a")),
        (None, Found("runs"), Kill("a")),
        (None, Found("runs", stopping=True), Kill("a")),
        (None, Found("ended"), Remove("a")),
    ],
)
def test_each_case(want: Want | None, here: Found | None, action: Action | None) -> None:
    wanted = {} if want is None else {"a": want}
    found = {} if here is None else {"a": here}
    assert reconcile(wanted, found) == ([] if action is None else [action])


@given(WANTS, FOUNDS)
def test_what_runs_as_it_should_is_never_touched(wanted: dict[str, Want], found: dict[str, Found]) -> None:
    touched = {action.attempt_id for action in reconcile(wanted, found)}
    assert touched.isdisjoint(
        name for name, want in wanted.items() if want == "running" and found.get(name) == Found("runs")
    )


@given(WANTS, FOUNDS)
def test_ends_come_before_starts_and_doing_them_leaves_nothing_to_do(
    wanted: dict[str, Want], found: dict[str, Found]
) -> None:
    actions = reconcile(wanted, found)
    starts = [isinstance(action, Start) for action in actions]
    assert starts == sorted(starts)
    after = dict(found)
    for _ in range(4):
        # What was told to stop ends, by itself or after its grace.
        after = {
            name: Found("ended") if here.stopping and here.state == "runs" else here
            for name, here in after.items()
        }
        for action in reconcile(wanted, after):
            match action:
                case Start(name):
                    assert after.get(name, Found("made")).state == "made"
                    after[name] = Found("runs")
                case Stop(name) | Kill(name):
                    after[name] = Found("ended")
                case ReportExit(name):
                    after[name] = Found("ended", reported=True)
                case Remove(name):
                    del after[name]
    assert reconcile(wanted, after) == []
    assert {name for name, here in after.items() if here.state == "runs"} <= {
        name for name, want in wanted.items() if want == "running"
    }
