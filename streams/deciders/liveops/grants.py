"""Grants: given once by their id, claimed once, crates rolled once by the seed of the first command."""

from __future__ import annotations

import msgspec

from schemas.envelope import CommandRejected
from schemas.liveops.commands import ClaimGrant, GiveGrant, GiveRankReward, OpenCrate
from schemas.liveops.crates import roll
from schemas.liveops.definitions import table_version_of
from schemas.liveops.events import ClaimRepeated, CrateOpened, GrantClaimed, GrantCreated, OpenRepeated
from schemas.liveops.names import external_id_of, grant_id
from schemas.liveops.views import Grant, Roll, grant_status
from streams.deciders.liveops.ledger import claimed
from streams.deciders.liveops.players import created
from streams.deciders.liveops.refusals import conflict, invalid, not_found
from streams.deciders.liveops.state import LiveopsState, Player
from streams.deciders.noun import Request, Verdict


def claim(state: LiveopsState, request: Request, command: ClaimGrant) -> Verdict:
    """A reward's entries move, once; in inventory mode studio only currencies do."""
    found = _own(state, request, command.grant_id)
    if isinstance(found, CommandRejected):
        return found
    player, grant = found
    if grant.kind == "crate":
        return conflict("crate", "a crate is opened, not claimed")
    names = {"game_id": request.game_id, "external_id": player.external_id}
    if grant.status == "claimed":
        return (ClaimRepeated(grant=grant, **names),)
    if grant_status(grant, request.at_ms) == "expired":
        return _expired()
    kept = [
        entry for entry in grant.entries if command.inventory_mode == "platform" or entry.type == "currency"
    ]
    movements = claimed(request, player, grant, kept)
    if isinstance(movements, CommandRejected):
        return movements
    return (GrantClaimed(grant=_acked(grant, request, command.acked_by), **names), *movements)


def open_crate(state: LiveopsState, request: Request, command: OpenCrate) -> Verdict:
    """The crate's table is rolled, once; what was drawn is a pending grant."""
    found = _own(state, request, command.grant_id)
    if isinstance(found, CommandRejected):
        return found
    player, crate = found
    if crate.kind != "crate":
        return conflict("reward", "a reward is claimed, not opened")
    contents_id = grant_id(crate.id, player.external_id, "crate")
    names = {"game_id": request.game_id, "external_id": player.external_id}
    if crate.status == "claimed":
        return (OpenRepeated(crate=crate, contents=player.grants[contents_id], **names),)
    if grant_status(crate, request.at_ms) == "expired":
        return _expired()
    row = roll(crate.table, request.seed, crate.id)
    contents = Grant(
        id=contents_id,
        kind="reward",
        status="pending",
        event_key=crate.event_key,
        attempt_id=crate.attempt_id,
        trigger="crate",
        entries=crate.table[row].entries,
        created_at_ms=request.at_ms,
        parent_grant_id=crate.id,
        board_id=crate.board_id,
        rank=crate.rank,
        roll=Roll(table_version=crate.table_version, seed=request.seed.hex(), row=row),
    )
    opened = msgspec.structs.replace(_acked(crate, request, command.acked_by), table=[])
    return (CrateOpened(crate=opened, contents=contents, **names),)


def give(state: LiveopsState, request: Request, command: GiveGrant) -> Verdict:
    """A grant from the studio's server."""
    if bool(command.entries) == bool(command.table):
        return invalid("either entries or a crate is needed", "entries")
    if command.unknown_key:
        return conflict("unknown_key", f"the catalog has no {command.unknown_key}")
    if command.expires_at_ms is not None and command.expires_at_ms <= request.at_ms:
        return invalid("the time has passed", "expiresAt")
    identifier = _new_id(state, request)
    version = table_version_of(command.table) if command.table else ""
    grant = _given(identifier, request, "server", command, version)
    grant = msgspec.structs.replace(grant, expires_at_ms=command.expires_at_ms)
    return _created(state, request, grant)


def _new_id(state: LiveopsState, request: Request) -> str:
    """Of a server's grant: another one where the idempotency key was forgotten and is used again."""
    external_id = external_id_of(request.aggregate_id)
    identifier = grant_id(request.command_id, external_id, "server")
    player = state.players.get(request.aggregate_id)
    if player is None or identifier not in player.grants:
        return identifier
    return grant_id(f"{request.command_id}/{request.seed.hex()}", external_id, "server")


def give_rank_reward(state: LiveopsState, request: Request, command: GiveRankReward) -> Verdict:
    """The reward of a frozen rank, once for life."""
    external_id = external_id_of(request.aggregate_id)
    identifier = grant_id(command.board_id, external_id, command.trigger, command.ordinal)
    player = state.players.get(request.aggregate_id)
    if player is not None and identifier in player.grants:
        return ()
    version = command.table_version if command.table else ""
    grant = _given(identifier, request, command.trigger, command, version)
    grant = msgspec.structs.replace(
        grant, event_key=command.event_key, board_id=command.board_id, rank=command.rank
    )
    return _created(state, request, grant)


def _own(state: LiveopsState, request: Request, identifier: str) -> tuple[Player, Grant] | CommandRejected:
    player = state.players.get(request.aggregate_id)
    grant = player.grants.get(identifier) if player is not None else None
    if player is None or grant is None:
        return not_found("there is no such grant")
    return player, grant


def _given(
    identifier: str, request: Request, trigger: str, prize: GiveGrant | GiveRankReward, table_version: str
) -> Grant:
    return Grant(
        id=identifier,
        kind="crate" if prize.table else "reward",
        status="pending",
        event_key=None,
        attempt_id=None,
        trigger=trigger,
        entries=prize.entries,
        created_at_ms=request.at_ms,
        table=prize.table,
        table_version=table_version,
    )


def _created(state: LiveopsState, request: Request, grant: Grant) -> Verdict:
    external_id = external_id_of(request.aggregate_id)
    given = GrantCreated(game_id=request.game_id, external_id=external_id, grant=grant)
    return (*created(state, request), given)


def _acked(grant: Grant, request: Request, acked_by: str) -> Grant:
    return msgspec.structs.replace(grant, status="claimed", acked_by=acked_by, claimed_at_ms=request.at_ms)


def _expired() -> CommandRejected:
    return conflict("expired", "the grant has expired")
