"""What happens to key batches, as operations: batches, keys, invites, links to redeem, testers' devices."""

from __future__ import annotations

from typing import Final

from projections.playtests import keys
from projections.playtests.context import Context, Step, encode
from projections.redis.operations import delete_field, set_field
from schemas.codec import Message
from schemas.playtests import batch_events as ev
from schemas.playtests.batch_views import BatchCounts, Invite, KeyState
from schemas.playtests.ports import RedeemLink


def _counted(context: Context, event: ev.BatchEvent, counts: BatchCounts) -> None:
    game = keys.of_game(event.studio_id, event.game_id)
    context.add(set_field(f"batch-counts:{game}", event.batch_id, encode(counts)))


def _key(context: Context, event: ev.BatchEvent, key: KeyState) -> None:
    context.add(set_field(keys.batch_keys(event), str(key.number), encode(key)))


def _invite(context: Context, event: ev.BatchEvent, invite: Invite) -> None:
    context.add(set_field(keys.batch_invites(event), invite.id, encode(invite)))


def _link(
    context: Context, event: ev.BatchEvent, token_hash: str, *, invite: str = "", key: str = ""
) -> None:
    link = RedeemLink(
        studio_id=event.studio_id,
        game_id=event.game_id,
        batch_id=event.batch_id,
        invite_id=invite,
        key_id=key,
    )
    context.add(set_field(keys.CLAIMS if key else keys.LINKS, token_hash, encode(link)))


def _stands(context: Context, event: ev.BatchDefined | ev.BatchClosed | ev.BatchExpired) -> None:
    game = keys.of_game(event.studio_id, event.game_id)
    context.add(set_field(f"batches:{game}", event.batch_id, encode(event.batch)))
    expires_at_ms = event.batch.definition.expires_at_ms if event.batch.status == "open" else None
    context.due(keys.due_member("batch", event.studio_id, event.batch_id, event.game_id), expires_at_ms)
    if isinstance(event, ev.BatchDefined) and event.batch.share_token_hash:
        if event.previous_share_token_hash:
            context.add(delete_field(keys.LINKS, event.previous_share_token_hash))
        _link(context, event, event.batch.share_token_hash)


def _imported(context: Context, event: ev.KeysImported) -> None:
    _counted(context, event, event.counts)
    for one in event.keys:
        state = KeyState(id=one.id, number=one.number, status="available", created_at_ms=event.created_at_ms)
        _key(context, event, state)
        place = encode((event.game_id, event.batch_id, one.number))
        context.add(set_field(f"codes:{event.studio_id}", one.fingerprint, place))


def _redeemed(context: Context, event: ev.KeyRedeemed) -> None:
    _counted(context, event, event.counts)
    _key(context, event, event.key)
    if event.invite is not None:
        _invite(context, event, event.invite)
    redemption = event.key.redemption
    if redemption is not None and redemption.handle is not None:
        _link(context, event, redemption.claim_token_hash, key=event.key.id)


def _revoked(context: Context, event: ev.KeyRevoked) -> None:
    _counted(context, event, event.counts)
    _key(context, event, event.key)


def _sent(context: Context, event: ev.InviteSent) -> None:
    _counted(context, event, event.counts)
    _key(context, event, event.key)
    _invite(context, event, event.invite)
    _link(context, event, event.invite.token_hash, invite=event.invite.id)


def _opened(context: Context, event: ev.InviteOpened) -> None:
    _invite(context, event, event.invite)


def _linked(context: Context, event: ev.TesterLinked) -> None:
    game = keys.of_game(event.studio_id, event.game_id)
    context.add(set_field(f"devices:{game}", event.link.device_id, encode(event.link)))


def _unlinked(context: Context, event: ev.TesterUnlinked) -> None:
    game = keys.of_game(event.studio_id, event.game_id)
    context.add(delete_field(f"devices:{game}", event.link.device_id))


def _forgotten(context: Context, event: ev.RecipientForgotten) -> None:
    for key in event.keys:
        _key(context, event, key)
        if key.redemption is not None:
            context.add(delete_field(keys.CLAIMS, key.redemption.claim_token_hash))
    for invite in event.invites:
        _invite(context, event, invite)


STEPS: Final[dict[type[Message], Step]] = {
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
