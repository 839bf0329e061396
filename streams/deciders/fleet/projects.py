"""A project's settings."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.pools import keep_to_plan, look_at_pools
from streams.deciders.fleet.state import FleetState
from streams.deciders.fleet.tls import tls_refused
from streams.deciders.noun import Request, Verdict

_FIELDS = (
    "port_configs",
    "variables",
    "pool",
    "auth_config",
    "lobby_configs",
    "readiness",
    "startup_timeout_s",
    "stop_grace_s",
    "declared",
)


def change(state: FleetState, request: Request, command: ask.ChangeSettings) -> Verdict:
    """Replace what is named, and bring the pool to it.

    A declaration is taken once, its limits each time. Limits alone are for a pool that others held for.
    TLS that no host can end is refused where a request asks for it; a declaration waits for such a host.
    """
    draft = Draft(state, request)
    project = draft.project
    given = {name: value for name in _FIELDS if (value := getattr(command, name)) is not UNSET}
    if command.declared is not UNSET and command.declared == project.settings.declared:
        given = {}
    if command.declared is UNSET and command.port_configs is not UNSET:
        refused = tls_refused(state, command.port_configs)
        if refused is not None:
            return refused
    settings = replace(project.settings, **given)
    limits = project.limits if command.limits is UNSET else command.limits
    if settings == project.settings and (limits == project.limits or not (given or project.limits)):
        return ()
    if given:
        settings = replace(settings, updated_at_ms=draft.at_ms)
    draft.emit(
        ev.SettingsChanged(
            studio_id=request.studio_id, game_id=request.game_id, settings=settings, limits=limits
        )
    )
    if limits != project.limits:
        keep_to_plan(draft, draft.key)
    draft.pools.add(draft.key)
    return look_at_pools(draft)
