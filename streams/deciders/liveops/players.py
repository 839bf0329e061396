"""Players: who is known, the secret that authenticates them, and that they are forgotten."""

from __future__ import annotations

from schemas.codec import Message
from schemas.envelope import CommandRejected
from schemas.liveops.commands import ForgetPlayer, JoinEvent, RegisterPlayer, RotatePlayerSecret
from schemas.liveops.events import PlayerCreated, PlayerForgotten, PlayerRegistered, PlayerSecretRotated
from schemas.liveops.names import PLAYER, external_id_of, is_pseudonym, player_aggregate
from streams.deciders.liveops.evolve_forgotten import windows_with
from streams.deciders.liveops.refusals import conflict, invalid, not_found
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


def forget(state: LiveopsState, request: Request, command: ForgetPlayer) -> Verdict:
    """The tombstone, once; a player of whom nothing is known gets one too, against what comes late."""
    if request.aggregate_id in state.forgotten:
        return ()
    external_id = external_id_of(request.aggregate_id)
    if not is_pseudonym(command.pseudonym):
        return invalid("a pseudonym is `forgotten:` and 32 hex digits", "pseudonym")
    if is_pseudonym(external_id):
        return _no_such_player()
    forgotten = PlayerForgotten(
        game_id=request.game_id,
        external_id=external_id,
        pseudonym=command.pseudonym,
        was_known=request.aggregate_id in state.players,
        was_in_windows=any(True for _ in windows_with(state, request.game_id, external_id)),
    )
    return (forgotten,)


def refused_to_forgotten(state: LiveopsState, request: Request) -> CommandRejected | None:
    """404 for whatever is asked of a player who is forgotten, or of a pseudonym; None for all others."""
    name = request.aggregate_id
    if isinstance(request.command, JoinEvent):
        name = player_aggregate(request.game_id, request.command.external_id)
    elif not name.startswith(PLAYER) or isinstance(request.command, ForgetPlayer):
        return None
    if name in state.forgotten or is_pseudonym(external_id_of(name)):
        return _no_such_player()
    return None


def _no_such_player() -> CommandRejected:
    return not_found("there is no player of that id any more")
