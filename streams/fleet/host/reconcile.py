"""What an agent is to do: what the log wants compared with what is found on the machine. Pure.

Found and wanted are compared by attempt. Nothing is killed without the log's word: an attempt that is not
named is left alone until the log has told all that the host should run (`HostJoined`, and events after it).
Source: contract/fleet.md, "Host agent".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Want = Literal["running", "gone"]
State = Literal["made", "runs", "ended"]
"""`made`: a folder, and nothing was ever started in it."""


class Found(msgspec.Struct, frozen=True):
    """An attempt that is on the machine."""

    state: State
    reported: bool = False
    """Its exit is known to the log."""
    stopping: bool = False
    """It was told to stop, and has its time."""


class Start(msgspec.Struct, frozen=True, tag=True):
    """Begin it, or go on where its start was broken off."""

    attempt_id: str


class Stop(msgspec.Struct, frozen=True, tag=True):
    """SIGTERM, and after its grace SIGKILL."""

    attempt_id: str


class Kill(msgspec.Struct, frozen=True, tag=True):
    """End it at once: the log has given it up."""

    attempt_id: str


class ReportExit(msgspec.Struct, frozen=True, tag=True):
    """Say that it is gone. `never` where nothing of it was ever here."""

    attempt_id: str
    never: bool = False


class Remove(msgspec.Struct, frozen=True, tag=True):
    """It is not wanted any more: its folder goes, once its output was sent on."""

    attempt_id: str


Action = Start | Stop | Kill | ReportExit | Remove


def reconcile(wanted: Mapping[str, Want], found: Mapping[str, Found]) -> list[Action]:
    """The actions, in order of the attempts' ids: those that end something first, so that room is free.

    `wanted` is complete: an attempt that is not in it is not this host's any more.
    """
    ending: list[Action] = []
    starting: list[Action] = []
    for attempt_id in sorted(wanted.keys() | found.keys()):
        want, here = wanted.get(attempt_id), found.get(attempt_id)
        action = _action(attempt_id, want, here)
        if action is not None:
            (starting if isinstance(action, Start) else ending).append(action)
    return [*ending, *starting]


def _action(attempt_id: str, want: Want | None, here: Found | None) -> Action | None:
    action: Action | None = None
    match want, "nothing" if here is None else here.state:
        case "running", "nothing" | "made":
            action = Start(attempt_id)
        case "gone", "nothing" | "made":
            action = ReportExit(attempt_id, never=True)
        case (("running" | "gone"), "ended"):
            action = ReportExit(attempt_id)
        case "gone", "runs":
            action = Stop(attempt_id)
        case None, "runs":
            action = Kill(attempt_id)
        case None, "made" | "ended":
            action = Remove(attempt_id)
        case _:  # it runs, and should
            pass
    done = here is not None and (
        (isinstance(action, ReportExit) and here.reported) or (isinstance(action, Stop) and here.stopping)
    )
    return None if done else action
