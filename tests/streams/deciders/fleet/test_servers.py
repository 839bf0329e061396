"""Starts, stops and restarts: what they refuse, what they keep, and who comes first."""

from __future__ import annotations

from itertools import permutations

import pytest
from msgspec.structs import replace

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import Launch
from schemas.fleet.host_commands import Report
from schemas.fleet.plans import PLANS
from schemas.fleet.views import PortConfig, SealedVariable
from tests.streams.deciders.fleet.given import HOST, LIMITS, Fleet, happened, only

FREE = PLANS["free"]


def test_a_start_holds_its_address_and_its_build() -> None:
    fleet = Fleet()
    instance_id = fleet.started(ttl_s=600, custom_data='{"map":"arena"}', match_id="m1")
    server, spec = fleet.server(instance_id), fleet.spec(instance_id)
    (port,) = server.ports
    assert (port.name, port.internal_port, port.external_port) == ("game", 7777, 31_000)
    assert (server.version_tag, server.version, server.attempt) == ("default", 1, 1)
    assert server.expires_at_ms == server.due_at_ms == fleet.at_ms + 600_000
    assert (spec.build.artefact.executable_path, spec.cpu_millis, spec.memory_mb) == (
        "Server.x86_64",
        1000,
        1024,
    )


def test_which_build_is_started() -> None:
    fleet = Fleet(builds=("default", "arena", "default", "arena"))
    fleet.given(ask.CreateBuild(name="default", build_type="zip", limits=LIMITS))  # never uploaded
    for launch, expected in (
        (Launch(), ("arena", 2)),
        (Launch(version_tag="default"), ("default", 2)),
        (Launch(version=1), ("default", 1)),
        (Launch(version_tag="arena", version=1), ("arena", 1)),
    ):
        placed = only(ev.ServerPlaced, fleet.given(replace(fleet.start(), launch=launch))).server
        assert (placed.version_tag, placed.version) == expected
    for launch in (Launch(version_tag="other"), Launch(version=3), Launch(version_tag="arena", version=9)):
        assert fleet.refusal(replace(fleet.start(), launch=launch)) == (404, "not_found")
    assert fleet.refusal(fleet.start(), "another_game") == (404, "not_found")


def test_what_a_plan_allows() -> None:
    fleet = Fleet()
    fleet.limits = FREE
    assert fleet.refusal(fleet.start(compute_size="medium")) == (403, "quota_exceeded")
    assert fleet.refusal(fleet.start(ttl_s=3601)) == (403, "quota_exceeded")
    instance_id = fleet.running(compute_size="micro")
    assert fleet.server(instance_id).ttl_s == 3600
    assert fleet.refusal(fleet.start(compute_size="micro")) == (403, "quota_exceeded")
    fleet.given(ask.StopServer(instance_id=instance_id))  # its status is stopped: it counts no more
    fleet.started(compute_size="micro")


def test_persistent_servers_have_no_ttl_and_restart() -> None:
    fleet = Fleet()
    server = fleet.server(fleet.started(compute_size="persistent-small", ttl_s=600))
    assert (server.ttl_s, server.expires_at_ms, server.auto_restart) == (None, None, True)


def test_variables_of_a_request_are_over_the_projects() -> None:
    fleet = Fleet()
    project = [SealedVariable("A", "project"), SealedVariable("B", "project")]
    ports = [PortConfig(name="query", internal_port=9000, protocol="tcp")]
    fleet.given(ask.ChangeSettings(variables=project, port_configs=ports, startup_timeout_s=30))
    instance_id = fleet.started(variables=[SealedVariable("B", "request"), SealedVariable("C", "request")])
    spec = fleet.spec(instance_id)
    assert {one.name: one.sealed for one in spec.variables} == {
        "A": "project",
        "B": "request",
        "C": "request",
    }
    assert [port.name for port in spec.ports] == ["query"]
    assert spec.startup_timeout_s == 30
    own = fleet.started(port_configs=[PortConfig(name="voice", internal_port=5000, protocol="udp")])
    assert [port.name for port in fleet.spec(own).ports] == ["voice"]
    none = fleet.started(port_configs=[])
    assert fleet.server(none).ports == []


def test_a_restart_keeps_what_it_does_not_name() -> None:
    fleet = Fleet()
    instance_id = fleet.running(startup_args="-a", custom_data="{}", variables=[SealedVariable("A", "1")])
    fleet.build("default")
    restart = ask.RestartServer(
        instance_id=instance_id, limits=LIMITS, name="again", launch=Launch(ttl_s=90, startup_args="-b")
    )
    restarting = only(ev.ServerRestarting, fleet.given(restart)).server
    assert (restarting.phase, restarting.ready_at_ms, restarting.expires_at_ms) == (
        "starting",
        None,
        fleet.at_ms + 90_000,
    )
    assert happened(fleet.ready(instance_id), instance_id) == ()  # the old attempt's word
    placed = only(ev.ServerPlaced, fleet.exits(instance_id))
    assert (placed.server.name, placed.server.version, placed.server.attempt) == ("again", 1, 2)
    assert (placed.spec.startup_args, placed.spec.custom_data) == ("-b", "{}")
    assert placed.spec.variables == [SealedVariable("A", "1")]
    newer = ask.RestartServer(instance_id=instance_id, limits=LIMITS, launch=Launch(version=2))
    fleet.given(newer)
    assert only(ev.ServerPlaced, fleet.exits(instance_id)).server.version == 2
    unknown = ask.RestartServer(instance_id=instance_id, limits=LIMITS, launch=Launch(version=9))
    assert fleet.refusal(unknown) == (404, "not_found")


def test_reports_of_another_attempt_or_host_count_for_nothing() -> None:
    fleet = Fleet(hosts=(HOST, "host-2"))
    instance_id = fleet.running()
    other = "host-2" if fleet.server(instance_id).host_id == HOST else HOST
    for attempt in (0, 2):
        report = Report(instance_id=instance_id, attempt=attempt, kind="exited")
        assert fleet.told(report, host_id=fleet.server(instance_id).host_id or "") == []
    assert fleet.told(fleet.report(instance_id, "exited"), host_id=other) == []
    assert fleet.server(instance_id).phase == "running"


RACING = ("stop", "ready", "due", "restart", "exited")


@pytest.mark.parametrize("order", list(permutations(RACING, 5)), ids="-".join)
def test_a_stop_that_races_ready_ttl_restart_and_exit_ends_one_way(order: tuple[str, ...]) -> None:
    """Whatever comes first, the server ends once, its room comes free, and no attempt is left behind."""
    fleet = Fleet()
    instance_id = fleet.started(ttl_s=60)
    fleet.at_ms += 14_000  # the host counts as seen still
    fleet.told()
    fleet.at_ms += 46_000
    fleet.told()
    stops = 0
    for step in order:
        known = fleet.state.servers.get(instance_id)
        if step == "ready" and known is not None:
            fleet.told(fleet.report(instance_id, "ready"))
        elif step == "exited" and known is not None and known.room is not None:
            stops += happened(fleet.exits(instance_id), instance_id).count("stopped")
        elif step == "stop":
            stops += happened(fleet.given(ask.StopServer(instance_id=instance_id)), instance_id).count(
                "stopped"
            )
        elif step == "due":
            stops += happened(fleet.given(ask.ServerDue(instance_id=instance_id)), instance_id).count(
                "stopped"
            )
        elif step == "restart":
            body = ask.RestartServer(instance_id=instance_id, limits=LIMITS)
            if isinstance(fleet.when(body), tuple):
                fleet.given(body)
    if instance_id in fleet.state.servers:  # the stop was decided; its exit is to come
        assert fleet.server(instance_id).phase == "stopping"
        stops += happened(fleet.exits(instance_id), instance_id).count("stopped")
    assert stops == 1
    assert fleet.state.stopped[instance_id].project == "user_1/game_1"
    assert (fleet.host().memory_mb, len(fleet.host().used_ports)) == (0, 0)


def test_a_crash_loop_is_five_quick_exits_in_a_row() -> None:
    fleet = Fleet()
    instance_id = fleet.running(auto_restart=True)
    for number, pause_s in enumerate((1, 2, 4, 8), 1):
        fleet.later(60)  # just within
        exited = only(ev.ServerExited, fleet.exits(instance_id))
        assert (exited.quick_exits, exited.failures) == (number, number)
        assert exited.server.backoff_until_ms == fleet.at_ms + pause_s * 1000
        fleet.at_ms += pause_s * 1000 - 1
        fleet.told()
        assert fleet.given(ask.ServerDue(instance_id=instance_id)) == []
        fleet.at_ms += 1
        fleet.given(ask.ServerDue(instance_id=instance_id))
        fleet.ready(instance_id)
    fleet.later(60)
    stopped = only(ev.ServerStopped, fleet.exits(instance_id, exit_code=139)).server
    assert (stopped.stop_reason, stopped.exit_code, stopped.attempt) == ("CRASH_LOOP", 139, 5)


def test_clocks_that_jump_change_no_threshold() -> None:
    """Backwards the partition's time stands still; forwards it is as if so much had passed."""
    fleet = Fleet()
    instance_id = fleet.running(auto_restart=True)
    for _ in range(4):
        fleet.later(60)
        before_ms = fleet.state.time_ms
        fleet.at_ms -= 3_600_000
        exited = only(ev.ServerExited, fleet.exits(instance_id))
        assert exited.server.backoff_until_ms is not None
        assert exited.server.backoff_until_ms > before_ms
        assert (
            fleet.given(ask.ServerDue(instance_id=instance_id)) == []
        )  # the pause is the log's, and not over
        fleet.at_ms = before_ms + 60_000
        fleet.told()
        fleet.given(ask.ServerDue(instance_id=instance_id))
        fleet.ready(instance_id)
    fleet.at_ms -= 3_600_000
    assert only(ev.ServerStopped, fleet.exits(instance_id)).server.stop_reason == "CRASH_LOOP"

    instance_id = fleet.running(auto_restart=True)
    for number in (1, 1):  # an hour between start and exit is an hour up: the row begins anew
        fleet.later(3600)
        assert only(ev.ServerExited, fleet.exits(instance_id)).failures == number
        fleet.later(60)
        fleet.given(ask.ServerDue(instance_id=instance_id))
        fleet.ready(instance_id)


def test_an_exit_after_a_minute_breaks_the_row_and_ten_minutes_the_pauses() -> None:
    fleet = Fleet()
    instance_id = fleet.running(auto_restart=True)
    pauses = []
    for up_s in (60, 60, 60, 60, 60.001, 60, 599.999, 600, 60):
        fleet.later(up_s)
        exited = only(ev.ServerExited, fleet.exits(instance_id))
        assert exited.server.backoff_until_ms is not None
        pauses.append((exited.server.backoff_until_ms - fleet.at_ms) // 1000)
        fleet.later(60)
        fleet.given(ask.ServerDue(instance_id=instance_id))
        fleet.ready(instance_id)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 1, 2]


def test_a_start_that_fails_before_it_begins_counts_as_quick() -> None:
    fleet = Fleet()
    instance_id = fleet.started(auto_restart=True)
    for _ in range(4):
        fleet.later(100)  # a long download
        fleet.exits(instance_id, "STARTUP_FAILURE_DOWNLOAD", None)
        fleet.later(60)
        fleet.given(ask.ServerDue(instance_id=instance_id))
    stopped = only(ev.ServerStopped, fleet.exits(instance_id, "STARTUP_FAILURE_DOWNLOAD", None))
    assert stopped.server.stop_reason == "CRASH_LOOP"


def test_a_stopped_server_is_forgotten_after_a_week() -> None:
    fleet = Fleet()
    instance_id = fleet.server_in("stopped")
    fleet.later(7 * 86_400 - 1)
    fleet.server_in("stopped")
    assert instance_id in fleet.state.stopped
    fleet.later(2)
    fleet.server_in("stopped")
    assert fleet.refusal(ask.StopServer(instance_id=instance_id)) == (404, "not_found")


def test_the_process_tells_its_own_custom_data() -> None:
    fleet = Fleet()
    instance_id = fleet.running()
    report = fleet.report(instance_id, "custom-data", custom_data='{"players":3}')
    assert happened(fleet.told(report), instance_id) == ("updated",)
    assert fleet.told(report) == []
    assert fleet.server(instance_id).custom_data == '{"players":3}'


def test_what_a_host_says_of_a_start_is_shown() -> None:
    fleet = Fleet()
    instance_id = fleet.started()
    report = fleet.report(instance_id, "started", isolation="process", address="203.0.113.9")
    fleet.at_ms += 5
    started = only(ev.ServerStarted, fleet.told(report)).server
    assert (started.isolation, started.ports[0].host, started.process_started_at_ms) == (
        "process",
        "203.0.113.9",
        fleet.at_ms,
    )
    assert fleet.told(report) == []
