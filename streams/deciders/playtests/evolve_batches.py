"""How events change key batches and links. Pure."""

from __future__ import annotations

from typing import Final

from immutables import Map
from msgspec.structs import replace

from schemas.codec import Message
from schemas.playtests import batch_events as ev
from schemas.playtests import names
from schemas.playtests.batch_views import BatchCounts, Invite, KeyState
from streams.deciders.playtests.batch_state import Batch, Game, Key
from streams.deciders.playtests.evolve_accounts import Step
from streams.deciders.playtests.state import StudioState

_NO_GAME: Final = Game()
_SPENT: Final = frozenset({"redeemed", "revoked"})


def _aggregate(event: ev.BatchEvent) -> str:
    return names.batch_aggregate(event.studio_id, event.game_id, event.batch_id)


def _with(studio: StudioState, event: ev.BatchEvent, batch: Batch) -> StudioState:
    return replace(studio, batches=studio.batches.set(_aggregate(event), batch))


def _stands(studio: StudioState, event: ev.BatchDefined | ev.BatchClosed | ev.BatchExpired) -> StudioState:
    known = studio.batches.get(_aggregate(event))
    if known is None:
        return _with(studio, event, Batch(event.batch))
    return _with(studio, event, replace(known, batch=event.batch, sequence=known.sequence + 1))


def _imported(studio: StudioState, event: ev.KeysImported) -> StudioState:
    known = studio.batches[_aggregate(event)]
    keys, numbers, codes = known.keys.mutate(), known.numbers.mutate(), studio.codes.mutate()
    for one in event.keys:
        state = KeyState(id=one.id, number=one.number, status="available", created_at_ms=event.created_at_ms)
        keys[one.number] = Key(state, one.sealed)
        numbers[one.id] = one.number
        codes[one.fingerprint] = True
    batch = replace(
        known,
        sequence=known.sequence + 1,
        counts=event.counts,
        keys=keys.finish(),
        numbers=numbers.finish(),
    )
    return replace(_with(studio, event, batch), codes=codes.finish())


def _after(known: Batch, key: KeyState, counts: BatchCounts, invite: Invite | None = None) -> Batch:
    """The batch after one of its keys changed, and perhaps the invite that it is reserved for."""
    code = "" if key.status in _SPENT else known.keys[key.number].code
    keys = known.keys.set(key.number, Key(key, code))
    next_number = known.next_number
    while next_number in keys and keys[next_number].state.status != "available":
        next_number += 1
    return replace(
        known,
        sequence=known.sequence + 1,
        counts=counts,
        keys=keys,
        next_number=next_number,
        invites=known.invites if invite is None else known.invites.set(invite.id, invite),
    )


def _redeemed(studio: StudioState, event: ev.KeyRedeemed) -> StudioState:
    batch = _after(studio.batches[_aggregate(event)], event.key, event.counts, event.invite)
    if event.email_fingerprint is not None:
        batch = replace(batch, emails=batch.emails.set(event.email_fingerprint, event.key.id))
    studio = _with(studio, event, batch)
    handle = event.key.redemption.handle if event.key.redemption is not None else None
    if handle is None:
        return studio
    game = studio.games.get(event.game_id, _NO_GAME)
    game = replace(game, handles=game.handles.set(handle.lower(), event.key.id))
    return replace(studio, games=studio.games.set(event.game_id, game))


def _revoked(studio: StudioState, event: ev.KeyRevoked) -> StudioState:
    return _with(studio, event, _after(studio.batches[_aggregate(event)], event.key, event.counts))


def _sent(studio: StudioState, event: ev.InviteSent) -> StudioState:
    batch = _after(studio.batches[_aggregate(event)], event.key, event.counts, event.invite)
    emails = batch.emails.set(event.email_fingerprint, event.key.id)
    return _with(studio, event, replace(batch, emails=emails))


def _opened(studio: StudioState, event: ev.InviteOpened) -> StudioState:
    known = studio.batches[_aggregate(event)]
    invites = known.invites.set(event.invite.id, event.invite)
    return _with(studio, event, replace(known, sequence=known.sequence + 1, invites=invites))


def _linked(studio: StudioState, event: ev.TesterLinked) -> StudioState:
    game = studio.games.get(event.game_id, _NO_GAME)
    handle = event.link.handle.lower()
    game = replace(
        game,
        sequence=game.sequence + 1,
        links=game.links.set(handle, event.link),
        devices=game.devices.set(event.link.device_id, handle),
    )
    return replace(studio, games=studio.games.set(event.game_id, game))


def _unlinked(studio: StudioState, event: ev.TesterUnlinked) -> StudioState:
    game = studio.games[event.game_id]
    game = replace(
        game,
        sequence=game.sequence + 1,
        links=game.links.delete(event.link.handle.lower()),
        devices=game.devices.delete(event.link.device_id),
    )
    return replace(studio, games=studio.games.set(event.game_id, game))


def _forgotten(studio: StudioState, event: ev.RecipientForgotten) -> StudioState:
    known = studio.batches[_aggregate(event)]
    game = studio.games.get(event.game_id, _NO_GAME)
    gone = {key.id for key in event.keys}
    keys, invites = known.keys.mutate(), known.invites.mutate()
    for key in event.keys:
        keys[key.number] = replace(known.keys[key.number], state=key)
    for invite in event.invites:
        invites[invite.id] = invite
    emails = Map((email, key_id) for email, key_id in known.emails.items() if key_id not in gone)
    handles = Map((handle, key_id) for handle, key_id in game.handles.items() if key_id not in gone)
    batch = replace(
        known,
        sequence=known.sequence + 1,
        keys=keys.finish(),
        invites=invites.finish(),
        emails=emails,
    )
    studio = _with(studio, event, batch)
    if event.game_id not in studio.games:
        return studio
    return replace(studio, games=studio.games.set(event.game_id, replace(game, handles=handles)))


BATCH_STEPS: Final[dict[type[Message], Step]] = {
    ev.BatchDefined: _stands,
    ev.BatchClosed: _stands,
    ev.BatchExpired: _stands,
    ev.KeysImported: _imported,
    ev.KeyRedeemed: _redeemed,
    ev.KeyRevoked: _revoked,
    ev.InviteSent: _sent,
    ev.InviteOpened: _opened,
    ev.TesterLinked: _linked,
    ev.TesterUnlinked: _unlinked,
    ev.RecipientForgotten: _forgotten,
}
