"""Who gets a batch's keys, and the devices that their handles are linked to. The first in the log wins."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import UnsetType
from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import batch_commands as ask
from schemas.playtests import batch_events as ev
from schemas.playtests.batch_views import Invite, KeyState, Link, Redemption
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.batch_rules import find, moved, of, unlink_key, usable
from streams.deciders.playtests.batch_state import Batch, Game, Key
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.refusals import batch_conflict, gone, not_found
from streams.deciders.playtests.state import PlaytestsState

_NO_GAME = Game()


def open_invite(state: PlaytestsState, request: Request, command: ask.OpenInvite) -> Verdict:
    """The invite's page was asked for."""
    draft = Draft(state, request)
    known = find(draft.studio, request, command.batch_id)
    invite = known.invites.get(command.invite_id) if known is not None else None
    if known is None or invite is None or invite.token_hash != command.token_hash:
        return not_found("invite")
    batch = usable(draft, request, command.batch_id)
    if isinstance(batch, CommandRejected):
        return batch
    if _key(known, invite.key_id).state.status == "revoked":
        return gone("key")
    if invite.opened_at_ms is None:
        opened = replace(invite, opened_at_ms=draft.at_ms)
        draft.emit(ev.InviteOpened(invite=opened, **of(request, command.batch_id)))
    return draft.decided()


def redeem(state: PlaytestsState, request: Request, command: ask.RedeemKey) -> Verdict:
    """The invite's key, or the next one of a public batch."""
    draft = Draft(state, request)
    known = find(draft.studio, request, command.batch_id)
    if known is None or not _is_link_of(known, command):
        return not_found("key")
    batch = usable(draft, request, command.batch_id)
    if isinstance(batch, CommandRejected):
        return batch
    invite = known.invites[command.invite_id] if command.invite_id is not None else None
    key = _key_for(known, invite)
    if isinstance(key, CommandRejected):
        return key
    handles = draft.studio.games.get(request.game_id, _NO_GAME).handles
    if command.handle is not None and command.handle.lower() in handles:
        return batch_conflict("handle_taken")
    old = () if isinstance(command.old_email_fingerprints, UnsetType) else command.old_email_fingerprints
    mailboxes = (command.email_fingerprint or "", *old)
    if any(known.emails.get(one, key.state.id) != key.state.id for one in mailboxes):
        return batch_conflict("email_used")
    redemption = Redemption(
        redeemed_at_ms=draft.at_ms,
        handle=command.handle,
        email=command.email,
        country=command.country,
        user_agent=command.user_agent,
        claim_token_hash=command.claim_token_hash,
    )
    draft.emit(
        ev.KeyRedeemed(
            key=replace(key.state, status="redeemed", redemption=redemption),
            code=key.code,
            counts=moved(known.counts, key.state.status, "redeemed"),
            invite=replace(invite, redeemed_at_ms=draft.at_ms) if invite is not None else None,
            email_fingerprint=command.email_fingerprint,
            **of(request, command.batch_id),
        )
    )
    return draft.decided()


def link(state: PlaytestsState, request: Request, command: ask.LinkTester) -> Verdict:
    """The key's handle and a device belong together."""
    draft = Draft(state, request)
    handle = _claimed_handle(draft, request, command)
    if handle is None:
        return not_found("tester")
    game = draft.studio.games.get(request.game_id, _NO_GAME)
    held = game.links.get(handle.lower())
    if held is not None:
        if held.device_id != command.device_id:
            return not_found("tester")
        draft.emit(_linked(request, held, already_linked=True))
    elif command.device_id in game.devices or command.device_id in draft.studio.forgotten:
        return not_found("tester")
    else:
        made = Link(
            handle=handle,
            device_id=command.device_id,
            claimed_at_ms=draft.at_ms,
            batch_id=command.batch_id,
            key_id=command.key_id,
        )
        draft.emit(_linked(request, made, already_linked=False))
    return draft.decided()


def unlink(state: PlaytestsState, request: Request, command: ask.UnlinkTester) -> Verdict:
    """They no longer do."""
    draft = Draft(state, request)
    handle = _claimed_handle(draft, request, command)
    if handle is None:
        return not_found("tester")
    held = draft.studio.games.get(request.game_id, _NO_GAME).links.get(handle.lower())
    if held is not None and held.device_id != command.device_id:
        return not_found("tester")
    batch = find(draft.studio, request, command.batch_id)
    if held is not None and batch is not None:
        unlink_key(draft, _key(batch, command.key_id).state, "asked")
    return draft.decided()


def forget(state: PlaytestsState, request: Request, command: ask.ForgetRecipient) -> Verdict:
    """Drop a person from every batch of the studio."""
    draft = Draft(state, request)
    for batch_id, batch in sorted(draft.studio.batches.items()):
        key_ids = {batch.emails[one] for one in command.email_fingerprints if one in batch.emails}
        forget_keys(draft, batch_id, batch, key_ids)
    return draft.decided()


def forget_keys(draft: Draft, batch_id: str, batch: Batch, key_ids: Collection[str]) -> None:
    """Drop who has these keys of a batch, given by its aggregate id, or was invited to them."""
    if not key_ids:
        return
    _, studio_id, game_id, name = batch_id.split("/", 3)
    keys = [_key(batch, key_id).state for key_id in sorted(key_ids)]
    invites = [batch.invites[key.invite_id] for key in keys if key.invite_id is not None]
    for key in keys:
        unlink_key(draft, key, "forgotten", game_id=game_id)
    draft.emit(
        ev.RecipientForgotten(
            studio_id=studio_id,
            game_id=game_id,
            batch_id=name,
            keys=[_without_person(key) for key in keys],
            invites=[replace(invite, email="", personal_note=None) for invite in invites],
        )
    )


def _is_link_of(batch: Batch, command: ask.RedeemKey) -> bool:
    """Whether the link that was followed is the batch's, or one of its invites'."""
    if command.invite_id is None:
        held = batch.batch.share_token_hash
        return bool(held) and held == command.token_hash
    invite = batch.invites.get(command.invite_id)
    return invite is not None and invite.token_hash == command.token_hash


def _key_for(batch: Batch, invite: Invite | None) -> Key | CommandRejected:
    if invite is None:
        key = batch.keys.get(batch.next_number)
        return key if key is not None else batch_conflict("no_key_left")
    key = _key(batch, invite.key_id)
    if key.state.status == "revoked":
        return gone("key")
    return key if key.state.status == "reserved" else batch_conflict("used")


def _claimed_handle(draft: Draft, request: Request, command: ask.LinkTester | ask.UnlinkTester) -> str | None:
    """The handle of a redeemed key whose claim token was shown; None for anything else."""
    batch = find(draft.studio, request, command.batch_id)
    number = batch.numbers.get(command.key_id) if batch is not None else None
    if batch is None or number is None:
        return None
    key = batch.keys[number].state
    redemption = key.redemption
    if key.status != "redeemed" or redemption is None:
        return None
    return redemption.handle if redemption.claim_token_hash == command.claim_token_hash else None


def _linked(request: Request, made: Link, *, already_linked: bool) -> ev.TesterLinked:
    return ev.TesterLinked(
        studio_id=request.studio_id, game_id=request.game_id, link=made, already_linked=already_linked
    )


def _without_person(key: KeyState) -> KeyState:
    if key.redemption is None:
        return key
    return replace(key, redemption=replace(key.redemption, handle=None, email=None, user_agent=None))


def _key(batch: Batch, key_id: str) -> Key:
    return batch.keys[batch.numbers[key_id]]
