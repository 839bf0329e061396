"""Pools: kept full, claimed once, replaced one by one, drained."""

from __future__ import annotations

from collections import Counter

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.plans import PLANS
from schemas.fleet.views import PoolConfig, SealedVariable
from tests.streams.deciders.fleet.given import LIMITS, Fleet, happened, kinds, only


def filled(fleet: Fleet, count: int, **more: str) -> None:
    """A pool whose servers are ready."""
    fleet.pool(count, **more)
    for instance_id in fleet.idle():
        fleet.ready(instance_id)


def test_a_claim_is_running_at_once_and_begins_the_refill() -> None:
    fleet = Fleet()
    filled(fleet, 2)
    oldest, younger = fleet.idle()
    fleet.at_ms += 5000
    events = fleet.given(
        fleet.start(name="match", ttl_s=600, custom_data="{}", match_id="m", auto_restart=True)
    )
    assert kinds(events) == ["ServerClaimed", "ServerPlaced"]
    claimed = only(ev.ServerClaimed, events).server
    assert (claimed.instance_id, claimed.phase, claimed.name) == (oldest, "running", "match")
    assert (claimed.pool_claimed_at_ms, claimed.expires_at_ms) == (fleet.at_ms, fleet.at_ms + 600_000)
    assert claimed.is_pool_server
    assert len(fleet.idle()) == 2
    assert younger in fleet.idle()


def test_what_does_not_fit_is_no_claim() -> None:
    fleet = Fleet(builds=("other", "default"))
    filled(fleet, 1)
    for start in (
        fleet.start(region="us-west"),
        fleet.start(compute_size="micro"),
        fleet.start(version_tag="other"),
        fleet.start(startup_args="-a"),
        fleet.start(variables=[SealedVariable("A", "1")]),
        fleet.start(port_configs=[]),
    ):
        assert kinds(fleet.given(start)) == ["ServerPlaced"]
    assert "ServerClaimed" in kinds(
        fleet.given(fleet.start(version_tag="default", version=1, startup_args=""))
    )


def test_one_that_is_not_ready_is_not_claimed() -> None:
    fleet = Fleet()
    fleet.pool(1)
    assert kinds(fleet.given(fleet.start())) == ["ServerPlaced"]


def test_a_hundred_claims_of_ten_servers_with_a_new_version_meanwhile() -> None:
    fleet = Fleet(memory_mb=10**6, cpu_millis=10**6)
    filled(fleet, 10)
    claims: Counter[str] = Counter()
    versions: Counter[int] = Counter()
    for number in range(100):
        if number == 5:
            fleet.build("default")
        events = fleet.given(fleet.start())
        if isinstance(events[0], ev.ServerClaimed):
            claims[events[0].server.instance_id] += 1
        versions[events[0].server.version] += 1  # type: ignore[attr-defined]
        assert len(fleet.idle()) in {10, 11}
    assert (claims.total(), max(claims.values())) == (5, 1)
    assert versions == {1: 5, 2: 95}


def test_a_new_version_replaces_idle_ones_one_by_one() -> None:
    fleet = Fleet()
    filled(fleet, 3)
    fleet.build("default")
    seen = []
    while any(fleet.server(each).version == 1 for each in fleet.idle()):
        (new,) = (each for each in fleet.idle() if fleet.server(each).phase == "starting")
        ready = [each for each in fleet.idle() if fleet.server(each).phase == "running"]
        assert len(ready) == 3  # new ready before old stopped
        seen.append(new)
        events = fleet.ready(new)
        stopping = only(ev.ServerStopping, events).server
        assert (stopping.version, stopping.stop_reason) == (1, "POOL_DRAINED")
    assert len(seen) == 3
    assert sorted(fleet.idle()) == sorted(seen)


def test_a_version_that_never_gets_ready_ends_no_old_one() -> None:
    fleet = Fleet()
    filled(fleet, 2)
    old = fleet.idle()
    fleet.build("default")
    for _ in range(5):
        (new,) = (each for each in fleet.idle() if each not in old)
        fleet.exits(new, "STARTUP_TIMEOUT")
        fleet.later(60)
        fleet.given(ask.ServerDue(instance_id=new))
    assert fleet.idle() == old
    assert all(fleet.server(each).phase == "running" for each in old)
    assert fleet.given(ask.PoolDue()) == []
    fleet.later(240)
    assert kinds(fleet.given(ask.PoolDue())) == ["PoolPaused", "ServerPlaced"]


def test_a_crash_loop_pauses_the_entry_for_five_minutes() -> None:
    fleet = Fleet()
    fleet.pool(1)
    (idle,) = fleet.idle()
    for _ in range(4):
        fleet.ready(idle)
        fleet.exits(idle)
        fleet.later(60)
        fleet.given(ask.ServerDue(instance_id=idle))
    events = fleet.exits(idle)
    assert kinds(events) == ["ServerExited", "ServerStopped", "PoolPaused"]
    until_ms = only(ev.PoolPaused, events).until_ms
    assert until_ms == fleet.at_ms + 300_000
    fleet.pool(2)  # nor does another setting end it
    assert fleet.idle() == ()
    fleet.pool(1)
    fleet.later(299.999)
    assert fleet.given(ask.PoolDue()) == []
    fleet.at_ms += 1
    assert kinds(fleet.given(ask.PoolDue())) == ["PoolPaused", "ServerPlaced"]
    assert fleet.given(ask.PoolDue()) == []


def test_a_smaller_pool_ends_the_youngest_and_none_is_drained() -> None:
    fleet = Fleet()
    filled(fleet, 3)
    first, second, third = fleet.idle()
    assert happened(fleet.pool(2), third) == ("stopping",)
    claimed = only(ev.ServerClaimed, fleet.given(fleet.start())).server.instance_id
    assert claimed == first
    fleet.given(ask.ChangeSettings(pool=PoolConfig()))
    assert fleet.idle() == ()
    assert fleet.server(second).stop_reason == "POOL_DRAINED"
    assert fleet.server(claimed).phase == "running"


def test_a_deleted_build_drains_its_pool_and_keeps_its_servers() -> None:
    fleet = Fleet(builds=("default", "default"))
    filled(fleet, 1)
    used = fleet.running(startup_args="-a", auto_restart=True)
    newest, oldest = fleet.project.ready["default"][2], fleet.project.ready["default"][1]
    events = fleet.given(ask.DeleteBuild(build_id=newest))
    assert kinds(events) == ["BuildDeleted", "ServerPlaced"]  # an older one is ready
    assert fleet.server(used).build_id == newest
    fleet.exits(used)
    fleet.later(1)
    assert kinds(fleet.given(ask.ServerDue(instance_id=used))) == ["ServerPlaced"]
    fleet.given(ask.DeleteBuild(build_id=oldest))
    assert fleet.idle() == ()
    assert fleet.refusal(fleet.start()) == (404, "not_found")
    assert fleet.given(ask.DeleteBuild(build_id=oldest)) == []


def test_a_pool_counts_for_the_plan() -> None:
    fleet = Fleet()
    fleet.limits = PLANS["free"]
    fleet.pool(3)
    assert len(fleet.idle()) == 1
    assert fleet.refusal(fleet.start(startup_args="-a")) == (403, "quota_exceeded")
    fleet.ready(fleet.idle()[0])
    claimed = only(ev.ServerClaimed, fleet.given(fleet.start()))  # it is counted already
    assert claimed.server.ttl_s == 3600
    assert fleet.idle() == ()
    fleet.given(ask.StopServer(instance_id=claimed.server.instance_id))
    assert len(fleet.idle()) == 1


def test_what_finds_no_room_is_queued_until_there_is() -> None:
    fleet = Fleet(memory_mb=2048)
    assert kinds(fleet.pool(3)) == ["SettingsChanged", "ServerPlaced", "ServerPlaced", "ServerQueued"]
    first, _, queued = fleet.idle()
    assert fleet.server(queued).ports == []
    fleet.ready(first)
    fleet.given(ask.StopServer(instance_id=first))
    events = fleet.exits(first)
    assert happened(events, queued) == ("placed",)
    restart = ask.RestartServer(instance_id=queued, limits=LIMITS)
    assert fleet.refusal(restart) == (409, "unclaimed")


def test_a_pool_without_a_build_waits_for_one() -> None:
    fleet = Fleet(builds=())
    assert kinds(fleet.pool(1)) == ["SettingsChanged"]
    fleet.build("other")
    assert len(fleet.idle()) == 1
    fleet.given(
        ask.ChangeSettings(pool=PoolConfig(enabled=True, regions={"us-east": {"small": 1}}, version_tag="x"))
    )
    assert fleet.idle() == ()


def test_a_large_pool_is_filled_by_several_decisions() -> None:
    fleet = Fleet(hosts=("a", "b", "c"), memory_mb=10**6, cpu_millis=10**6)
    variables = [SealedVariable(f"V{number}", "x" * 5000) for number in range(64)]
    fleet.given(ask.ChangeSettings(variables=variables))
    fleet.pool(20)
    assert 1 < len(fleet.idle()) < 20
    assert dict(fleet.project.paused) == {"us-east/small": fleet.at_ms}
    fleet.given(ask.PoolDue())
    assert not fleet.project.paused
    assert len(fleet.idle()) == 20


def test_another_plan_reaches_the_pool_by_itself() -> None:
    fleet = Fleet()
    fleet.limits = PLANS["free"]
    filled(fleet, 3)
    assert len(fleet.idle()) == 1
    events = fleet.given(ask.ChangeSettings(limits=LIMITS))
    assert kinds(events) == ["SettingsChanged", "ServerPlaced", "ServerPlaced"]
    for instance_id in fleet.idle()[1:2]:
        fleet.ready(instance_id)
    oldest = fleet.idle()[0]
    events = fleet.given(ask.ChangeSettings(limits=PLANS["free"]))
    assert kinds(events) == ["SettingsChanged", "ServerStopping", "ServerStopping"]
    assert {event.server.stop_reason for event in events if isinstance(event, ev.ServerStopping)} == {
        "POOL_DRAINED"
    }
    assert fleet.idle() == (oldest,)
    assert fleet.given(ask.ChangeSettings(limits=PLANS["free"])) == []


def test_a_pool_of_a_size_that_the_plan_has_not_is_drained_and_comes_back_with_the_plan() -> None:
    fleet = Fleet()
    config = PoolConfig(enabled=True, regions={"us-east": {"medium": 1}})
    fleet.given(ask.ChangeSettings(pool=config, limits=LIMITS))
    (idle,) = fleet.project.idle["us-east/medium"]
    fleet.ready(idle)
    assert kinds(fleet.given(ask.ChangeSettings(limits=PLANS["free"]))) == [
        "SettingsChanged",
        "ServerStopping",
    ]
    assert "us-east/medium" not in fleet.project.idle
    assert kinds(fleet.given(ask.ChangeSettings(limits=LIMITS))) == ["SettingsChanged", "ServerPlaced"]


def test_another_plan_ends_no_server_that_is_in_use() -> None:
    fleet = Fleet()
    filled(fleet, 2)
    claimed = only(ev.ServerClaimed, fleet.given(fleet.start())).server.instance_id
    events = fleet.given(ask.ChangeSettings(limits=PLANS["free"]))
    assert claimed not in {e.server.instance_id for e in events if isinstance(e, ev.ServerStopping)}
    assert (fleet.server(claimed).phase, fleet.idle()) == ("running", ())
