"""Decides about a studio's keys: made, rotated, revoked. Pure and total."""

from __future__ import annotations

from typing import Final

from schemas.edge.ports import KeyKind
from schemas.envelope import CommandRejected
from schemas.identifiers import ACCOUNT_WIDE_KINDS, KEY_ID_PREFIX, derived_id
from schemas.studio.commands import CreateKey, RevokeKey, RotateKey
from schemas.studio.events import KeyCreated, KeyRevoked, KeyRotated
from streams.deciders.noun import Request, Verdict
from streams.deciders.refusals import refused
from streams.deciders.studio_state import Key, StudioState

KEYS_MAX: Final = 1000
"""Active keys of one studio, but those of playtesters."""
PLAYTESTER_KEYS_MAX: Final = 20_000
"""Active keys of a studio's panel: each of its playtesters has one."""


def create(state: StudioState, request: Request, command: CreateKey) -> Verdict:
    """A new key of the studio."""
    studio = state.studios.get(request.studio_id)
    if studio is None:
        return refused(404, "unknown_studio", "there is no such studio")
    problem = _scope_problem(state, request, command)
    if problem is not None:
        return problem
    if command.kind is KeyKind.MANAGEMENT and studio.management_key_id:
        return refused(409, "management_key_exists", "a studio has one management key; rotate it", "kind")
    if command.kind is KeyKind.PLAYTESTER:
        held, most, whose = studio.playtester_keys, PLAYTESTER_KEYS_MAX, "playtesters"
    else:
        held, most, whose = studio.active_keys - studio.playtester_keys, KEYS_MAX, "its own"
    if held >= most:
        return refused(409, "too_many_keys", f"a studio has at most {most} active keys of {whose}")
    key_id = derived_id(KEY_ID_PREFIX, request.seed, command.hash)
    if command.hash in state.key_ids or key_id in state.keys:
        return refused(409, "key_taken", "the value is taken; send the command with another key", "hash")
    created = KeyCreated(
        studio_id=request.studio_id,
        key_id=key_id,
        kind=command.kind.value,
        name=command.name,
        game_id=command.game_id,
        tester_id=command.tester_id,
        hash=command.hash,
        created_at_ms=request.at_ms,
    )
    return (created,)


def _scope_problem(state: StudioState, request: Request, command: CreateKey) -> CommandRejected | None:
    """Account-wide kinds name no game, a playtester's names a tester, all others one game of the studio."""
    if (command.kind is KeyKind.PLAYTESTER) != bool(command.tester_id):
        return refused(400, "invalid_scope", "a playtester's key, and only that, names a tester", "testerId")
    if command.kind in ACCOUNT_WIDE_KINDS | {KeyKind.PLAYTESTER}:
        if command.game_id:
            return refused(400, "invalid_scope", f"{command.kind} keys belong to a studio", "gameId")
        return None
    game = state.games.get(command.game_id)
    if game is None or game.studio_id != request.studio_id:
        return refused(404, "unknown_game", "there is no such game", "gameId")
    return None


def rotate(state: StudioState, request: Request, command: RotateKey) -> Verdict:
    """Another value for a key that is in use."""
    key = _own_key(state, request, command.key_id)
    if isinstance(key, CommandRejected):
        return key
    if command.hash in state.key_ids:
        return refused(409, "key_taken", "the value is taken; send the command with another key", "hash")
    rotated = KeyRotated(
        studio_id=key.studio_id,
        key_id=command.key_id,
        kind=key.kind,
        name=key.name,
        game_id=key.game_id,
        tester_id=key.tester_id,
        hash=command.hash,
        previous_hash=key.hash,
        created_at_ms=key.created_at_ms,
        rotated_at_ms=request.at_ms,
    )
    return (rotated,)


def revoke(state: StudioState, request: Request, command: RevokeKey) -> Verdict:
    """The end of a key."""
    key = _own_key(state, request, command.key_id)
    if isinstance(key, CommandRejected):
        return key
    revoked = KeyRevoked(
        studio_id=key.studio_id,
        key_id=command.key_id,
        kind=key.kind,
        game_id=key.game_id,
        hash=key.hash,
        revoked_at_ms=request.at_ms,
    )
    return (revoked,)


def _own_key(state: StudioState, request: Request, key_id: str) -> Key | CommandRejected:
    key = state.keys.get(key_id)
    if key is None or key.studio_id != request.studio_id:
        return refused(404, "unknown_key", "there is no such key", "keyId")
    if key.revoked:
        return refused(409, "key_revoked", "the key was revoked", "keyId")
    return key
