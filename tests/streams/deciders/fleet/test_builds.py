"""Builds: versions, attempts, and their end."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import BuildAttempt, BuildReport, DrainHost
from schemas.fleet.plans import PLANS
from schemas.fleet.views import Build
from tests.streams.deciders.fleet.given import HOST, LIMITS, Fleet, artefact, kinds, only

UPLOAD = ask.CreateBuild(name="default", build_type="zip", executable_path="a", limits=LIMITS)
IMAGE = ask.CreateBuild(name="image", build_type="docker_image", image_url="ghcr.io/a/b:1", limits=LIMITS)


def created(fleet: Fleet, body: ask.CreateBuild = UPLOAD) -> Build:
    return only(ev.BuildCreated, fleet.given(body)).build


def processing(fleet: Fleet) -> Build:
    build = created(fleet)
    return only(ev.BuildProcessing, fleet.given(ask.ProcessBuild(build_id=build.id, upload_bytes=5))).build


def now(fleet: Fleet, build: Build) -> Build:
    return fleet.project.builds[build.id].build


def test_versions_are_given_once_for_each_name() -> None:
    fleet = Fleet(builds=())
    first = created(fleet)
    fleet.given(ask.DeleteBuild(build_id=first.id))
    assert [created(fleet).version, created(fleet).version] == [2, 3]
    assert created(fleet, replace(UPLOAD, name="other")).version == 1
    assert (first.status, first.attempt) == ("uploading", 0)


def test_an_image_is_processed_at_once() -> None:
    fleet = Fleet(builds=())
    created_, given = fleet.given(IMAGE)
    assert kinds([created_, given]) == ["BuildCreated", "BuildProcessing"]
    build = only(ev.BuildProcessing, [given]).build
    assert (build.host_id, build.attempt, build.due_at_ms) == (HOST, 1, fleet.at_ms + 60_000)


def test_what_can_be_processed() -> None:
    fleet = Fleet(builds=())
    build = created(fleet)
    process = ask.ProcessBuild(build_id=build.id)
    assert fleet.refusal(process) == (409, "nothing_uploaded")
    assert fleet.refusal(ask.ProcessBuild(build_id="build_other")) == (404, "not_found")
    assert fleet.refusal(process, "another_game") == (404, "not_found")
    assert fleet.refusal(replace(process, name="other")) == (422, "invalid")
    given = only(ev.BuildProcessing, fleet.given(replace(process, name="default", upload_bytes=5))).build
    assert fleet.given(process) == []
    done = BuildReport(build_id=build.id, attempt=given.attempt, artefact=artefact())
    assert kinds(fleet.told(build_reports=[done])) == ["BuildReady"]
    assert fleet.told(build_reports=[done]) == []
    assert fleet.refusal(replace(process, upload_bytes=5)) == (409, "wrong_status")
    fleet.given(ask.DeleteBuild(build_id=build.id))
    assert fleet.refusal(replace(process, upload_bytes=5)) == (409, "wrong_status")


def test_a_failed_one_is_tried_anew() -> None:
    fleet = Fleet(builds=())
    build = processing(fleet)
    failure = BuildReport(build_id=build.id, attempt=1, error="There is no Server.x86_64 in it.")
    failed = only(ev.BuildFailed, fleet.told(build_reports=[failure])).build
    assert (failed.status, failed.error, failed.host_id) == ("failed", failure.error, None)
    events = fleet.given(ask.ProcessBuild(build_id=build.id, upload_bytes=6))
    again = only(ev.BuildProcessing, events).build
    assert (again.attempt, again.first_attempt, again.error, again.upload_bytes) == (2, 2, None, 6)


def test_a_silent_attempt_is_given_to_another_three_times_in_all() -> None:
    fleet = Fleet(hosts=("a", "b"), builds=())
    build = processing(fleet)
    hosts = [build.host_id]
    for _ in range(2):
        fleet.later(59.999)
        assert fleet.given(ask.BuildDue(build_id=build.id)) == []
        fleet.at_ms += 1
        given = only(ev.BuildProcessing, fleet.given(ask.BuildDue(build_id=build.id))).build
        hosts.append(given.host_id)
    assert hosts == ["a", "b", "a"]
    late = BuildReport(build_id=build.id, attempt=2, artefact=artefact())
    assert fleet.told(host_id="b", build_reports=[late]) == []
    fleet.later(60)
    failed = only(ev.BuildFailed, fleet.given(ask.BuildDue(build_id=build.id))).build
    assert (failed.status, failed.attempt) == ("failed", 3)
    assert fleet.given(ask.BuildDue(build_id=build.id)) == []


def test_an_attempt_that_is_named_is_not_silent() -> None:
    fleet = Fleet(builds=())
    build = processing(fleet)
    for _ in range(20):
        fleet.at_ms += 5000
        fleet.told(processing=[BuildAttempt(build.id, 1)])
    assert fleet.given(ask.BuildDue(build_id=build.id)) == []
    for _ in range(12):
        fleet.at_ms += 5000
        fleet.told(processing=[BuildAttempt(build.id, 2)])  # it has none of that number
    assert kinds(fleet.given(ask.BuildDue(build_id=build.id))) == ["BuildProcessing"]


def test_builds_wait_for_a_host_that_processes_them() -> None:
    fleet = Fleet(hosts=(), builds=())
    build = processing(fleet)
    assert (build.status, build.host_id, build.attempt) == ("processing", None, 0)
    fleet.join("a", runs_builds=False)
    assert now(fleet, build).host_id is None
    assert fleet.given(ask.BuildDue(build_id=build.id)) == []
    fleet.join("b")
    assert (now(fleet, build).host_id, now(fleet, build).attempt) == ("b", 1)


def test_builds_are_spread_and_go_on_when_their_host_is_lost() -> None:
    fleet = Fleet(hosts=("a", "b"), builds=())
    first, second = processing(fleet), processing(fleet)
    assert (first.host_id, second.host_id) == ("a", "b")
    events = fleet.lose("a")
    assert "BuildProcessing" in kinds(events)
    assert (now(fleet, first).host_id, now(fleet, first).attempt) == ("b", 2)
    joined = fleet.join("b")
    assert {build.id for build in joined.processing} == {first.id, second.id}
    fleet.given(DrainHost(host_id="b", epoch=joined.host.epoch))
    assert created(fleet, IMAGE).id in fleet.state.waiting_builds


@pytest.mark.parametrize("status", ["uploading", "processing", "failed", "ready"])
def test_every_build_can_be_deleted(status: str) -> None:
    fleet = Fleet(builds=())
    build = created(fleet) if status == "uploading" else processing(fleet)
    if status == "failed":
        fleet.told(build_reports=[BuildReport(build_id=build.id, attempt=1, error="x")])
    elif status == "ready":
        fleet.told(build_reports=[BuildReport(build_id=build.id, attempt=1, artefact=artefact())])
    assert now(fleet, build).status == status
    assert kinds(fleet.given(ask.DeleteBuild(build_id=build.id))) == ["BuildDeleted"]
    assert fleet.given(ask.DeleteBuild(build_id=build.id)) == []
    late = BuildReport(build_id=build.id, attempt=1, artefact=artefact())
    assert fleet.told(build_reports=[late]) == []
    assert fleet.refusal(ask.DeleteBuild(build_id=build.id), "another_game") == (404, "not_found")


def test_a_plan_allows_so_many_builds_that_are_not_deleted() -> None:
    fleet = Fleet(builds=())
    body = replace(UPLOAD, limits=PLANS["free"])
    builds = [created(fleet, body) for _ in range(5)]
    assert fleet.refusal(body) == (403, "quota_exceeded")
    fleet.given(ask.DeleteBuild(build_id=builds[0].id))
    created(fleet, body)


def test_settings_change_what_they_name() -> None:
    fleet = Fleet(builds=())
    first = only(ev.SettingsChanged, fleet.given(ask.ChangeSettings(readiness="sdk", limits=LIMITS)))
    assert (first.settings.readiness, first.settings.updated_at_ms) == ("sdk", fleet.at_ms)
    assert [port.internal_port for port in first.settings.port_configs] == [7777]
    second = only(ev.SettingsChanged, fleet.given(ask.ChangeSettings(auth_config='{"a":1}')))
    assert (second.settings.readiness, second.settings.auth_config, second.limits) == (
        "sdk",
        '{"a":1}',
        LIMITS,
    )
    assert fleet.given(ask.ChangeSettings(readiness="sdk", auth_config='{"a":1}')) == []


def test_a_declaration_is_taken_once_and_requests_may_change_it() -> None:
    fleet = Fleet()
    declared = ask.ChangeSettings(readiness="sdk", stop_grace_s=3, limits=LIMITS, declared="one")
    first = only(ev.SettingsChanged, fleet.given(declared))
    assert (first.settings.readiness, first.settings.declared) == ("sdk", "one")
    changed = only(ev.SettingsChanged, fleet.given(ask.ChangeSettings(readiness="ports")))
    assert (changed.settings.readiness, changed.settings.declared) == ("ports", "one")
    assert fleet.given(declared) == []
    free = only(ev.SettingsChanged, fleet.given(replace(declared, limits=PLANS["free"])))
    assert (free.settings, free.limits) == (changed.settings, PLANS["free"])
    other = only(ev.SettingsChanged, fleet.given(ask.ChangeSettings(readiness="sdk", declared="two")))
    assert (other.settings.readiness, other.settings.stop_grace_s) == ("sdk", 3)


def test_limits_alone_change_only_those_that_are_known() -> None:
    fleet = Fleet()
    assert fleet.given(ask.ChangeSettings(limits=PLANS["free"])) == []
    fleet.pool(2)
    assert len(fleet.idle()) == 2
    for instance_id in fleet.idle():
        fleet.ready(instance_id)
    fleet.given(ask.ChangeSettings(limits=PLANS["free"]))
    assert fleet.project.limits == PLANS["free"]
    for instance_id in fleet.idle():
        fleet.exits(instance_id, "UNHEALTHY")
        fleet.given(ask.StopServer(instance_id=instance_id))
    assert len(fleet.idle()) == 1  # no more are made than the plan allows
