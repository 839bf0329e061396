"""Starting attempts: one is active at a time in an event's window, as many as its cap allows."""

from __future__ import annotations

import msgspec

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import StartAttempt
from schemas.liveops.events import AttemptExpired, AttemptStarted
from schemas.liveops.names import attempt_id, board_id, external_id_of
from schemas.liveops.views import Attempt
from streams.deciders.liveops.open_windows import Opened, open_window
from streams.deciders.liveops.players import created
from streams.deciders.liveops.refusals import cap_reached, conflict, invalid
from streams.deciders.liveops.state import LiveopsState, Player, Run
from streams.deciders.noun import Request, Verdict


def start(state: LiveopsState, request: Request, command: StartAttempt) -> Verdict:
    """A fresh attempt; the active one expires. Both count to the cap."""
    opened = open_window(state, request, command.event_key, command.window_id)
    if isinstance(opened, CommandRejected):
        return opened
    run = find_run(state.players.get(request.aggregate_id), command.event_key, command.window_id)
    refusal = _place_problem(opened, command, run)
    if refusal is not None:
        return refusal
    definition = opened.rules.definition
    used = run.used if run is not None else 0
    if definition.attempt_cap is not None and used >= definition.attempt_cap:
        return cap_reached(definition.attempt_cap, opened.window.ends_at_ms - request.at_ms)
    external_id = external_id_of(request.aggregate_id)
    segment = command.segment if definition.mode == "segmented" else ""
    group = command.group if definition.mode == "grouped" else None
    attempt = Attempt(
        id=attempt_id(f"{request.command_id}/{request.seed.hex()}"),
        event_key=command.event_key,
        window_id=command.window_id,
        board_id=board_id(
            request.game_id, command.event_key, command.window_id, group=group, segment=segment
        ),
        status="active",
        metrics=opened.rules.zero,
        score=0.0,
        started_at_ms=request.at_ms,
        lobby_id=(command.lobby_id or None) if definition.matchmaking is not None else None,
    )
    started = AttemptStarted(
        game_id=request.game_id,
        external_id=external_id,
        attempt=attempt,
        order=opened.rules.order,
        group=group,
        segment=segment,
        attempts_used=used + 1,
        attempt_cap=definition.attempt_cap,
        definition=opened.reference,
        player_context=command.player_context,
    )
    expired = _expired(request, external_id, run)
    return (*opened.pinning, *created(state, request), *expired, started)


def find_run(player: Player | None, event_key: str, window_id: str) -> Run | None:
    """A player's run in a window; None where there was no start, or it is long over."""
    if player is not None:
        for run in player.runs.get(event_key, ()):
            if run.window_id == window_id:
                return run
    return None


def _place_problem(opened: Opened, command: StartAttempt, run: Run | None) -> CommandRejected | None:
    """Whether the command says where the attempt is played, as the pinned definition asks."""
    definition = opened.rules.definition
    if definition.mode == "segmented" and not command.segment:
        return invalid(f"playerContext.{definition.segment_by} is needed", "playerContext")
    if definition.mode == "grouped" and command.group is None:
        return conflict("no_group", "the player has no group in this window yet; start again")
    if definition.matchmaking is None:
        return None
    if not command.lobby_id:
        return conflict("no_lobby", "the player has no lobby in this window yet; start again")
    for attempt in run.attempts if run is not None else ():
        if attempt.lobby_id == command.lobby_id and attempt.status == "completed":
            return conflict("lobby_finished", "the player has finished in this lobby; start again")
    return None


def _expired(request: Request, external_id: str, run: Run | None) -> tuple[Message, ...]:
    if run is None or run.attempts[0].status != "active":
        return ()
    attempt = msgspec.structs.replace(run.attempts[0], status="expired")
    return (AttemptExpired(game_id=request.game_id, external_id=external_id, attempt=attempt),)
