"""Players: who is known, and the secret that authenticates them."""

from __future__ import annotations

from schemas.codec import Message
from schemas.liveops.commands import RegisterPlayer, RotatePlayerSecret
from schemas.liveops.events import PlayerCreated, PlayerRegistered, PlayerSecretRotated
from schemas.liveops.names import external_id_of
from streams.deciders.liveops.refusals import conflict, not_found
from streams.deciders.liveops.state import LiveopsState
from streams.deciders.noun import Request, Verdict


def created(state: LiveopsState, request: Request) -> tuple[Message, ...]:
    """The event of a player's first contact; nothing where they are known."""
    if request.aggregate_id in state.players:
        return ()
    first = PlayerCreated(
        game_id=request.game_id,
        external_id=external_id_of(request.aggregate_id),
        created_at_ms=request.at_ms,
    )
    return (first,)


def register(state: LiveopsState, request: Request, command: RegisterPlayer) -> Verdict:
    """The first secret; another one only with `force`."""
    player = state.players.get(request.aggregate_id)
    if player is not None and player.secret_hash and not command.force:
        return conflict("already_registered", "the player has a secret already")
    registered = PlayerRegistered(
        game_id=request.game_id,
        external_id=external_id_of(request.aggregate_id),
        secret_hash=command.secret_hash,
        created_at_ms=player.created_at_ms if player is not None else request.at_ms,
        previous_secret_hash=player.secret_hash if player is not None else "",
    )
    return (*created(state, request), registered)


def rotate_secret(state: LiveopsState, request: Request, command: RotatePlayerSecret) -> Verdict:
    """Another secret for a registered player."""
    player = state.players.get(request.aggregate_id)
    if player is None or not player.secret_hash:
        return not_found("there is no registered player of that id")
    rotated = PlayerSecretRotated(
        game_id=request.game_id,
        external_id=player.external_id,
        secret_hash=command.secret_hash,
        created_at_ms=player.created_at_ms,
        previous_secret_hash=player.secret_hash,
    )
    return (rotated,)
