"""How attempts and servers end: exits, stops, lost hosts, and what comes after. Source: the life table."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fleet import events as ev
from schemas.fleet.limits import (
    BACKOFF_FORGIVEN_MS,
    BACKOFF_MAX_MS,
    BACKOFF_MS,
    CRASH_LOOP_EXITS,
    POOL_PAUSE_MS,
    QUICK_EXIT_MS,
)
from schemas.fleet.views import Server
from streams.deciders.fleet.draft import Draft
from streams.deciders.fleet.launching import again, changed, waits
from streams.deciders.fleet.state import ServerState, is_idle

_NOT_ITS_OWN = frozenset({"HOST_LOST", "HOST_STOPPED"})
"""Exits that say nothing of the build: no pause, and no crash loop."""
_DOUBLINGS_MAX = 16


def stop(draft: Draft, known: ServerState, reason: str) -> None:
    """Stop a live server: its host has to end its attempt first, where there is one."""
    server, at_ms = known.server, draft.at_ms
    draft.look_at_pool(server)
    if known.room is None:
        draft.emit(ev.ServerStopped(server=stopped(server, at_ms, reason)))
        return
    stopping = changed(
        server, at_ms, phase="stopping", restarting=False, stopped_at_ms=at_ms, stop_reason=reason
    )
    draft.emit(ev.ServerStopping(server=stopping))


def stopped(server: Server, at_ms: int, reason: str) -> Server:
    """A server that has ended. One that was stopping keeps why and when that was decided."""
    if server.phase == "stopping":
        return changed(server, at_ms, phase="stopped")
    return changed(
        server,
        at_ms,
        phase="stopped",
        restarting=False,
        backoff_until_ms=None,
        stopped_at_ms=at_ms,
        stop_reason=reason,
    )


def end_attempt(draft: Draft, known: ServerState, reason: str, exit_code: int | None) -> None:
    """The attempt is gone: confirmed by its host, or with its host (HOST_LOST)."""
    server = replace(known.server, exit_code=exit_code)
    draft.freed()
    draft.look_at_pool(server)
    if server.phase == "stopping":
        draft.emit(ev.ServerStopped(server=stopped(server, draft.at_ms, reason)))
    elif server.restarting:
        _exited(draft, known, waits(server, draft.at_ms), reason)
        if not again(draft, draft.state.servers[server.instance_id]):
            _queue(draft, server.instance_id)
    elif not server.auto_restart:
        _give_up(draft, known, server, reason, reason)
    elif reason in _NOT_ITS_OWN:
        _exited(draft, known, waits(server, draft.at_ms), reason)
        _queue(draft, server.instance_id)
    else:
        _crashed(draft, known, server, reason)


def _queue(draft: Draft, instance_id: str) -> None:
    server = draft.state.servers[instance_id].server
    draft.emit(ev.ServerQueued(server=server))


def _crashed(draft: Draft, known: ServerState, server: Server, reason: str) -> None:
    up_ms = _up_ms(server, draft.at_ms)
    failures = 0 if up_ms >= BACKOFF_FORGIVEN_MS else known.failures
    quick_exits = known.quick_exits + 1 if up_ms <= QUICK_EXIT_MS else 0
    if quick_exits >= CRASH_LOOP_EXITS:
        _give_up(draft, known, server, reason, "CRASH_LOOP")
        if is_idle(server):
            _pause_pool(draft, server)
        return
    pause_ms = min(BACKOFF_MS << min(failures, _DOUBLINGS_MAX), BACKOFF_MAX_MS)
    backoff = waits(server, draft.at_ms, phase="backoff", backoff_until_ms=draft.at_ms + pause_ms)
    _exited(draft, known, backoff, reason, (failures + 1, quick_exits))


def _up_ms(server: Server, at_ms: int) -> int:
    """How long its process ran; one that never began was up for no time."""
    started = server.process_started_at_ms
    return at_ms - started if started is not None else 0


def _give_up(draft: Draft, known: ServerState, server: Server, reason: str, stop_reason: str) -> None:
    """No other attempt. The server keeps the address that it had."""
    _exited(draft, known, changed(server, draft.at_ms, phase="queued"), reason)
    draft.emit(ev.ServerStopped(server=stopped(server, draft.at_ms, stop_reason)))


def _exited(
    draft: Draft, known: ServerState, after: Server, reason: str, counts: tuple[int, int] = (0, 0)
) -> None:
    failures, quick_exits = counts
    draft.emit(
        ev.ServerExited(
            server=after,
            reason=reason,
            host_id=known.server.host_id or "",
            attempt=known.server.attempt,
            failures=failures,
            quick_exits=quick_exits,
        )
    )


def _pause_pool(draft: Draft, server: Server) -> None:
    """An idle server was in a crash loop: its entry makes none for a while."""
    draft.emit(
        ev.PoolPaused(
            studio_id=server.studio_id,
            game_id=server.game_id,
            region=server.region,
            compute_size=server.compute_size,
            until_ms=draft.at_ms + POOL_PAUSE_MS,
        )
    )
