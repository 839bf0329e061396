"""Hosts: epochs, silence, loss and return."""

from __future__ import annotations

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import DrainHost, HostDue, JoinHost, Report, ReportHost
from schemas.fleet.limits import HOSTS_MAX
from streams.deciders.fleet.noun import FLEET
from tests.streams.deciders.fleet.given import HOST, LIMITS, Fleet, capacity, happened, kinds, only


def test_the_older_of_two_agents_is_fenced() -> None:
    fleet = Fleet()
    instance_id = fleet.running()
    joined = fleet.join()
    assert joined.host.epoch == 2
    older = ReportHost(host_id=HOST, epoch=1, reports=[fleet.report(instance_id, "exited")])
    assert fleet.refusal(older) == (409, "fenced")
    assert fleet.refusal(DrainHost(host_id=HOST, epoch=1)) == (409, "fenced")
    assert fleet.server(instance_id).phase == "running"
    assert fleet.refusal(ReportHost(host_id="other", epoch=1)) == (409, "unknown_host")


def test_an_agent_that_joins_gets_all_that_its_host_runs() -> None:
    fleet = Fleet()
    running = fleet.running(custom_data='{"a":1}')
    stopping = fleet.server_in("stopping")
    restarting = fleet.running()
    fleet.given(ask.RestartServer(instance_id=restarting, limits=LIMITS))
    fleet.server_in("stopped")
    fleet.given(ask.UpdateServer(instance_id=running, custom_data='{"a":2}'))
    joined = fleet.join()
    wanted = {one.spec.instance_id: one.wanted for one in joined.instances}
    assert wanted == {running: "running", stopping: "gone", restarting: "gone"}
    specs = {one.spec.instance_id: one.spec for one in joined.instances}
    assert specs[running].custom_data == '{"a":2}'
    assert specs[running].ports == fleet.server(running).ports


def test_where_a_server_runs_is_told_also_after_its_owner_called_it_ready() -> None:
    fleet = Fleet()
    instance_id = fleet.started()
    fleet.given(ask.UpdateServer(instance_id=instance_id, ready=True))
    began = fleet.report(instance_id, "started", isolation="process", address="192.0.2.7")
    told = only(ev.ServerUpdated, fleet.told(began)).server
    assert (told.phase, told.isolation) == ("running", "process")
    assert {port.host for port in told.ports} == {"192.0.2.7"}
    assert fleet.told(began) == []
    ready = fleet.report(instance_id, "ready", isolation="process", address="192.0.2.7")
    assert fleet.told(ready) == []


def test_a_silent_host_is_suspected_then_lost() -> None:
    fleet = Fleet()
    fleet.at_ms += 19_999
    assert fleet.given(HostDue(host_id=HOST)) == []
    fleet.at_ms += 1
    suspected = only(ev.HostSuspected, fleet.given(HostDue(host_id=HOST))).host
    assert suspected.due_at_ms == fleet.at_ms + 10_000
    fleet.at_ms += 9_999
    assert fleet.given(HostDue(host_id=HOST)) == []
    fleet.at_ms += 1
    assert kinds(fleet.given(HostDue(host_id=HOST))) == ["HostLost"]
    assert fleet.given(HostDue(host_id=HOST)) == []
    assert fleet.refusal(ReportHost(host_id=HOST, epoch=1)) == (409, "fenced")


def test_an_outage_of_the_log_loses_nobody() -> None:
    fleet = Fleet(hosts=("a", "b"))
    instance_id = fleet.running()
    fleet.at_ms += 3_600_000  # nothing was appended for an hour; the timer is the first
    for host_id in ("a", "b"):
        assert kinds(fleet.given(HostDue(host_id=host_id))) == ["HostSuspected"]
        assert fleet.given(HostDue(host_id=host_id)) == []
    fleet.at_ms += 5000
    for host_id in ("a", "b"):
        fleet.told(host_id=host_id)
        assert fleet.host(host_id).host.status == "up"
    fleet.at_ms += 10_000
    assert fleet.given(HostDue(host_id="a")) == []
    assert fleet.server(instance_id).phase == "running"


def test_a_host_is_lost_replaced_and_returns() -> None:
    fleet = Fleet(hosts=("a", "b"))
    kept = fleet.running(auto_restart=True)
    single = fleet.running()
    stopping = fleet.server_in("stopping")
    assert {fleet.server(each).host_id for each in (kept, single, stopping)} == {"a"}
    events = fleet.lose("a")
    assert happened(events, kept) == ("exited", "queued", "placed")
    assert happened(events, single) == ("exited", "stopped")
    assert happened(events, stopping) == ("stopped",)
    assert only(ev.HostLost, events).host.epoch == 1
    server = fleet.server(kept)
    assert (server.host_id, server.attempt, server.phase) == ("b", 2, "starting")
    assert fleet.state.servers[kept].quick_exits == 0
    old = Report(instance_id=kept, attempt=1, kind="ready")
    assert fleet.refusal(ReportHost(host_id="a", epoch=1, reports=[old])) == (409, "fenced")
    joined = fleet.join("a")
    assert (joined.host.epoch, joined.instances, joined.host.servers) == (2, [], 0)
    assert fleet.told(old, host_id="a") == []
    assert fleet.server(kept).phase == "starting"


def test_what_a_lost_host_ran_waits_for_the_next() -> None:
    fleet = Fleet()
    instance_id = fleet.running(auto_restart=True)
    events = fleet.lose()
    assert happened(events, instance_id) == ("exited", "queued")
    joined = fleet.given(JoinHost(host_id=HOST, capacity=capacity()))
    assert happened(joined, instance_id) == ("placed",)
    assert only(ev.HostJoined, joined).instances == []


def test_what_ends_with_its_host_comes_back_with_the_next() -> None:
    """`up` ends: it drains, stops its servers and says so."""
    fleet = Fleet()
    restarting, single = fleet.running(auto_restart=True), fleet.running()
    fleet.at_ms += 5000
    draining = only(ev.HostDraining, fleet.given(DrainHost(host_id=HOST, epoch=1))).host
    assert draining.status == "draining"
    assert fleet.given(DrainHost(host_id=HOST, epoch=1)) == []
    assert happened(fleet.exits(restarting, "HOST_STOPPED"), restarting) == ("exited", "queued")
    assert happened(fleet.exits(single, "HOST_STOPPED"), single) == ("exited", "stopped")
    fleet.at_ms += 5000
    fleet.told()
    assert fleet.host().host.status == "draining"
    assert happened(fleet.given(JoinHost(host_id=HOST, capacity=capacity())), restarting) == ("placed",)


def test_a_draining_host_can_be_suspected_and_go_on() -> None:
    fleet = Fleet()
    fleet.given(DrainHost(host_id=HOST, epoch=1))
    fleet.at_ms += 20_000
    assert kinds(fleet.given(HostDue(host_id=HOST))) == ["HostSuspected"]
    fleet.told()
    assert fleet.host().host.status == "draining"


def test_reports_that_come_close_are_one_sign_of_life() -> None:
    fleet = Fleet()
    for at, expected in ((1000, 0), (2999, 0), (1, 1), (3999, 0), (1, 1)):
        fleet.at_ms += at
        assert len(fleet.given(fleet.reports())) == expected
    fleet.at_ms += 100
    assert kinds(fleet.given(fleet.reports(builds=["a" * 64]))) == ["HostSeen"]
    assert "a" * 64 in fleet.host().builds


def test_what_is_used_is_shown() -> None:
    fleet = Fleet()
    fleet.running(compute_size="medium")
    fleet.at_ms += 5000
    host = only(ev.HostSeen, fleet.given(fleet.reports())).host
    assert (host.servers, host.memory_used_mb, host.cpu_reserved_millis) == (1, 2048, 500)


def test_there_are_so_many_hosts_at_most() -> None:
    fleet = Fleet(builds=())
    for number in range(2, HOSTS_MAX + 1):
        fleet.folded(JoinHost(host_id=f"host-{number}", capacity=capacity()))
    another = JoinHost(host_id="another", capacity=capacity())
    assert fleet.refusal(another) == (409, "too_many_hosts")
    fleet.join()


def test_a_snapshot_is_the_state() -> None:
    fleet = Fleet(hosts=("a", "b"))
    fleet.pool(2)
    fleet.server_in("stopped")
    fleet.running(auto_restart=True, startup_args="-a")
    fleet.lose("a")
    fleet.given(ask.CreateBuild(name="image", build_type="docker_image", image_url="a/b:1", limits=LIMITS))
    assert FLEET.unpack(list(FLEET.pack(fleet.state))) == fleet.state
