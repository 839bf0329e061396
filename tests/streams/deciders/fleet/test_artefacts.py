"""When the bytes of deleted builds go, and what becomes of a build of equal content meanwhile."""

from __future__ import annotations

import pytest

from schemas.codec import Message
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.host_commands import BuildReport
from schemas.fleet.objects import artefact_key
from schemas.fleet.views import Build
from tests.streams.deciders.fleet.given import GAME, LIMITS, Fleet, artefact, kinds, only

DAY_S = 24 * 60 * 60


def deleted(fleet: Fleet, build: Build) -> Build:
    return only(ev.BuildDeleted, fleet.given(ask.DeleteBuild(build_id=build.id))).build


def due(fleet: Fleet, build: Build) -> list[Message]:
    return fleet.given(ask.BuildDue(build_id=build.id))


def now(fleet: Fleet, build: Build) -> Build:
    return fleet.project.builds[build.id].build


def processing(fleet: Fleet, name: str = "again") -> Build:
    """An attempt at a new build, given now."""
    created = fleet.given(ask.CreateBuild(name=name, build_type="zip", executable_path="a", limits=LIMITS))
    build = only(ev.BuildCreated, created).build
    return only(ev.BuildProcessing, fleet.given(ask.ProcessBuild(build_id=build.id, upload_bytes=5))).build


def reported(fleet: Fleet, build: Build, content: str) -> list[Message]:
    """Its host tells the artefact that it has stored, or found."""
    made = artefact(content)
    made = type(made)(
        **{name: getattr(made, name) for name in made.__struct_fields__} | {"generation": build.generation}
    )
    report = BuildReport(build_id=build.id, attempt=build.attempt, artefact=made)
    return fleet.told(host_id=build.host_id or "", build_reports=[report])


def test_bytes_go_24_hours_after_the_deletion_and_once() -> None:
    fleet = Fleet(builds=())
    build = deleted(fleet, fleet.build("default", "same"))
    assert build.due_at_ms == fleet.at_ms + DAY_S * 1000
    fleet.later(DAY_S - 1)
    assert due(fleet, build) == []
    fleet.later(1)
    (removed,) = due(fleet, build)
    assert isinstance(removed, ev.BuildRemoved)
    assert (removed.build.removed, removed.build.due_at_ms, removed.build.status) == (True, None, "deleted")
    assert removed.build.updated_at_ms == build.updated_at_ms
    assert due(fleet, build) == []
    assert fleet.given(ask.DeleteBuild(build_id=build.id)) == []


def test_a_build_without_bytes_is_not_due() -> None:
    fleet = Fleet(builds=())
    build = processing(fleet)
    assert deleted(fleet, build).due_at_ms is None


@pytest.mark.parametrize("phase", ["starting", "running", "queued", "backoff"])
def test_the_last_server_of_a_build_keeps_its_bytes_for_24_hours_after_its_stop(phase: str) -> None:
    fleet = Fleet(last_port=31_000) if phase == "queued" else Fleet()
    instance_id = fleet.server_in(phase)  # type: ignore[arg-type] # a phase
    build = deleted(fleet, now(fleet, only_build(fleet)))
    fleet.later(DAY_S)
    (kept,) = due(fleet, build)
    assert isinstance(kept, ev.BuildKept)
    assert kept.build.due_at_ms == fleet.at_ms + DAY_S * 1000
    fleet.later(DAY_S / 2)
    stop(fleet, instance_id)
    stopped_at_ms = fleet.at_ms
    fleet.later(DAY_S / 2)
    (again,) = due(fleet, build)
    assert isinstance(again, ev.BuildKept)
    assert again.build.due_at_ms == stopped_at_ms + DAY_S * 1000
    fleet.later(DAY_S / 2)
    assert kinds(due(fleet, build)) == ["BuildRemoved"]


def test_a_server_that_is_restarted_with_another_build_leaves_its_own() -> None:
    fleet = Fleet()
    build = only_build(fleet)
    instance_id = fleet.running()
    deleted(fleet, build)
    fleet.build("other")
    fleet.later(DAY_S)
    assert kinds(due(fleet, build)) == ["BuildKept"]
    fleet.given(
        ask.RestartServer(instance_id=instance_id, limits=LIMITS, launch=ask.Launch(version_tag="other"))
    )
    fleet.later(DAY_S)
    assert kinds(due(fleet, build)) == ["BuildRemoved"]


def test_an_equal_build_keeps_the_bytes_until_it_is_deleted_too() -> None:
    fleet = Fleet(builds=())
    first, second = fleet.build("default", "same"), fleet.build("other", "same")
    deleted(fleet, first)
    fleet.later(DAY_S)
    (kept,) = due(fleet, first)
    assert isinstance(kept, ev.BuildKept)
    assert kept.build.due_at_ms is None
    deleted(fleet, second)
    fleet.later(DAY_S)
    events = due(fleet, second)
    assert kinds(events) == ["BuildRemoved"] * 2
    assert {event.build.id for event in events if isinstance(event, ev.BuildRemoved)} == {first.id, second.id}


def test_a_new_build_of_equal_content_before_the_removal_keeps_the_bytes() -> None:
    fleet = Fleet(builds=())
    first = deleted(fleet, fleet.build("default", "same"))
    attempt = processing(fleet)
    assert kinds(reported(fleet, attempt, "same")) == ["BuildReady"]
    fleet.later(DAY_S)
    assert kinds(due(fleet, first)) == ["BuildKept"]
    assert not now(fleet, first).removed


def test_an_attempt_that_found_bytes_which_have_gone_since_is_made_anew_and_stores_its_own() -> None:
    fleet = Fleet(builds=())
    first = deleted(fleet, fleet.build("default", "same"))
    fleet.later(DAY_S)
    attempt = processing(fleet)  # its host finds the object, and stores none
    assert kinds(due(fleet, first)) == ["BuildRemoved"]
    events = reported(fleet, attempt, "same")
    assert kinds(events) == ["BuildRemoved", "BuildProcessing"]  # it may have stored the object again
    given = only(ev.BuildProcessing, events).build
    assert (given.attempt, given.generation) == (2, 2)
    ready = only(ev.BuildReady, reported(fleet, given, "same")).build
    old, new = now(fleet, first).artefact, ready.artefact
    assert old is not None
    assert new is not None
    assert old.sha256 == new.sha256
    assert artefact_key(GAME, old.sha256, old.generation) != artefact_key(GAME, new.sha256, new.generation)
    fleet.later(DAY_S)
    assert due(fleet, first) == []
    assert now(fleet, ready).status == "ready"


def test_an_attempt_at_other_content_is_not_disturbed_by_a_removal() -> None:
    fleet = Fleet(builds=())
    first = deleted(fleet, fleet.build("default", "same"))
    fleet.later(DAY_S)
    attempt = processing(fleet)
    due(fleet, first)
    ready = only(ev.BuildReady, reported(fleet, attempt, "other")).build
    assert ready.artefact is not None
    assert ready.artefact.generation == 0
    later = only(ev.BuildReady, reported(fleet, processing(fleet, "third"), "other")).build
    assert later.artefact is not None
    assert later.artefact.generation == 1  # stored once more: another generation's object may go by itself
    deleted(fleet, ready)
    fleet.later(DAY_S)
    assert kinds(due(fleet, ready)) == ["BuildRemoved"]
    assert not now(fleet, later).removed


def only_build(fleet: Fleet) -> Build:
    (known,) = [one.build for one in fleet.project.builds.values() if one.build.status == "ready"]
    return known


def stop(fleet: Fleet, instance_id: str) -> None:
    fleet.given(ask.StopServer(instance_id=instance_id))
    if instance_id not in fleet.state.stopped:
        fleet.exits(instance_id)
    assert instance_id in fleet.state.stopped
