from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.fleet.host.agones.objects import GameServer, Pod
from streams.fleet.host.agones.states import STAGES, Seen, Stage, seen
from tests.streams.fleet.host.agones.attempts import SCHEMA


def server(state: str | None, *, address: str = "203.0.113.7", deleted: bool = False) -> GameServer:
    metadata: dict[str, Any] = {"name": "one", "uid": "u-1"}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found: dict[str, Any] = {"metadata": metadata}
    if state is not None:
        found["status"] = {"state": state, "address": address, "ports": [{"name": "game", "port": 31001}]}
    return msgspec.convert(found, GameServer)


def ended(code: int, reason: str = "Error", *, init: bool = False) -> Pod:
    one = {"name": "fetch" if init else "game", "state": {"terminated": {"exitCode": code, "reason": reason}}}
    sidecar = {"name": "agones-gameserver-sidecar", "state": {"terminated": {"exitCode": 9}}}
    statuses = {"initContainerStatuses": [one]} if init else {"containerStatuses": [sidecar, one]}
    return msgspec.convert({"metadata": {"name": "one"}, "status": statuses}, Pod)


def test_every_state_of_agones_has_its_stage() -> None:
    assert set(STAGES) - {""} == set(SCHEMA["properties"]["status"]["properties"]["state"]["enum"])


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        (None, "starting"),
        ("PortAllocation", "starting"),
        ("Creating", "starting"),
        ("Starting", "starting"),
        ("Scheduled", "started"),
        ("RequestReady", "started"),
        ("Ready", "ready"),
        ("Reserved", "ready"),
        ("Allocated", "ready"),
        ("Shutdown", "ending"),
        ("Error", "failed"),
        ("Unhealthy", "failed"),
        ("Hibernating", None),
    ],
)
def test_a_state_is_a_stage_of_the_attempt(state: str | None, stage: Stage | None) -> None:
    assert seen(server(state), None, was_ready=False).stage == stage


def test_address_and_ports_are_the_cluster_s_and_a_start_waits_for_them() -> None:
    found = seen(server("Scheduled"), None, was_ready=False)
    assert (found.stage, found.address, found.ports) == ("started", "203.0.113.7", {"game": 31001})
    assert seen(server("Scheduled", address=""), None, was_ready=False) == Seen(
        stage="starting", ports={"game": 31001}
    )


@pytest.mark.parametrize(
    ("state", "pod", "was_ready", "code", "reason"),
    [
        ("Unhealthy", None, True, None, "UNHEALTHY"),
        ("Unhealthy", ended(139), True, 139, None),
        ("Unhealthy", ended(137, "OOMKilled"), True, 137, "OOM_KILLED"),
        ("Scheduled", ended(3), False, 3, None),
        ("Scheduled", ended(0, "Completed"), False, 0, None),
        ("Scheduled", ended(127), False, 127, "STARTUP_FAILURE_EXECUTABLE"),
        ("Scheduled", ended(128, "StartError"), False, 128, "STARTUP_FAILURE_EXECUTABLE"),
        ("Scheduled", ended(22, init=True), False, 22, "STARTUP_FAILURE_DOWNLOAD"),
        ("Ready", ended(127), False, 127, None),
        ("Error", None, False, None, "STARTUP_FAILURE_EXECUTABLE"),
    ],
)
def test_a_failed_attempt_says_why(
    state: str,
    pod: Pod | None,
    *,
    was_ready: bool,
    code: int | None,
    reason: str | None,
) -> None:
    found = seen(server(state), pod, was_ready=was_ready)
    assert (found.stage, found.exit_code, found.reason) == ("failed", code, reason)


def test_the_server_s_own_shutdown_is_told_from_a_stop() -> None:
    own = seen(server("Shutdown"), None, was_ready=True)
    asked = seen(server("Shutdown", deleted=True), ended(0, "Completed"), was_ready=True)
    assert (own.stage, own.reason) == ("ending", "SHUTDOWN_SIGNAL")
    assert (asked.stage, asked.reason, asked.exit_code) == ("ending", None, 0)
    assert seen(server("Ready", deleted=True), None, was_ready=True).stage == "ending"


def test_a_fetch_that_went_well_and_a_sidecar_that_ended_say_nothing() -> None:
    assert seen(server("Scheduled"), ended(0, init=True), was_ready=False).stage == "started"
    sidecar = msgspec.convert(
        {
            "metadata": {"name": "one"},
            "status": {
                "containerStatuses": [
                    {"name": "agones-gameserver-sidecar", "state": {"terminated": {"exitCode": 1}}},
                    {"name": "game", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}},
                ]
            },
        },
        Pod,
    )
    assert seen(server("Ready"), sidecar, was_ready=True).stage == "ready"
