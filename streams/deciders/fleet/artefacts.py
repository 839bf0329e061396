"""When the bytes of deleted builds go: 24 hours after the last user of their artefact.

Users are builds that are not deleted, and live servers. A build of equal content may be processed meanwhile:
its host finds the object there and stores none. So which came first is decided here, once. Each removal
begins a generation, and an attempt stores under the generation it was given in. Where the artefact that it
reports has gone since, it is given anew, in a generation whose objects are not deleted on account of that
one: a deletion may come late, or twice.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fleet import events as ev
from schemas.fleet.limits import BUILD_KEPT_MS
from schemas.fleet.states import LIVE
from schemas.fleet.views import Artefact, Build
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.state import BuildState, project_key


def look_at(draft: Draft, build: Build) -> None:
    """A deleted build is due: its bytes go with those of its equals, or are looked at again later."""
    if build.artefact is None or build.due_at_ms is None or draft.at_ms < build.due_at_ms:
        return
    equals = _equals(draft, draft.key, build.artefact)
    if any(known.build.status != "deleted" for known in equals):
        draft.emit(ev.BuildKept(build=replace(build, due_at_ms=None)))  # that one's deletion looks again
        return
    until_ms = draft.at_ms if _is_run(draft, equals) else max(known.used_until_ms for known in equals)
    if draft.at_ms < until_ms + BUILD_KEPT_MS:
        draft.emit(ev.BuildKept(build=replace(build, due_at_ms=until_ms + BUILD_KEPT_MS)))
        return
    for known in equals:
        draft.emit(ev.BuildRemoved(build=replace(known.build, due_at_ms=None, removed=True)))


def is_gone(draft: Draft, key: str, artefact: Artefact) -> bool:
    """Whether a reported artefact's object has gone: it was there before, or is now and goes again."""
    removed = [known.build for known in _equals(draft, key, artefact) if known.build.removed]
    if removed:
        draft.emit(ev.BuildRemoved(build=removed[0]))
    return bool(removed)


def _equals(draft: Draft, key: str, artefact: Artefact) -> list[BuildState]:
    """The project's builds whose artefact is the same object."""
    return [
        known
        for known in draft.project_of(key).builds.values()
        if (held := known.build.artefact) is not None
        and (held.sha256, held.generation) == (artefact.sha256, artefact.generation)
    ]


def _is_run(draft: Draft, equals: list[BuildState]) -> bool:
    """Whether a server that is not stopped is of one of these builds of the request's project."""
    builds = {known.build.id for known in equals}
    return any(
        known.server.build_id in builds
        and known.server.phase in LIVE
        and project_key(known.server.studio_id, known.server.game_id) == draft.key
        for known in draft.state.servers.values()
    )
