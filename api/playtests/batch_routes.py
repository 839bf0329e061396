"""S1's reads of key batches and handles as routes, with an example answer of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from api.playtests import batch_answers as answers
from api.playtests.batch_lists import Columns, parameters
from api.telemetry.examples import GAME
from api.telemetry.sections import read_route

if TYPE_CHECKING:
    from schemas.playtests.batch_views import Invite
    from schemas.playtests.handles import HandleRow
    from schemas.playtests.ports import BatchRow

BATCHES: Final[Columns[BatchRow]] = {
    "created_at": lambda row: row.batch.created_at_ms,
    "expires_at": lambda row: row.batch.definition.expires_at_ms,
    "name": lambda row: row.batch.definition.name,
    "key_count": lambda row: row.counts.keys,
    "redeemed_count": lambda row: row.counts.redeemed,
    "revoked_count": lambda row: row.counts.revoked,
}
KEYS: Final[Columns[answers.KeyNow]] = {
    "created_at": lambda one: one.held.created_at_ms,
    "redeemed_at": lambda one: one.redemption and one.redemption.redeemed_at_ms,
    "redeemed_by_handle": lambda one: one.redemption and one.redemption.handle,
    "redemption_country": lambda one: one.redemption and one.redemption.country,
    "status": lambda one: one.status,
}
INVITES: Final[Columns[Invite]] = {
    "sent_at": lambda one: one.sent_at_ms,
    "opened_at": lambda one: one.opened_at_ms,
    "redeemed_at": lambda one: one.redeemed_at_ms,
}
HANDLES: Final[Columns[HandleRow]] = {
    "last_seen_at": lambda row: row.last_seen_at_ms,
    "claimed_at": lambda row: row.claimed_at_ms,
    "created_at": lambda row: row.created_at_ms,
    "handle": lambda row: row.handle.lower(),
    "session_count": lambda row: row.sessions,
    "total_play_time_ms": lambda row: row.active_ms,
    "distinct_countries": lambda row: row.countries,
}
_BATCH: Final[dict[str, Any]] = {
    "id": "ptb_press",
    "name": "Next Fest Press",
    "distribution_target": "steam",
    "fulfillment_source": "studio-uploaded",
    "redemption_mode": "invite",
    "identity_mode": "handle+email",
    "share_token": None,
    "key_count": 50,
    "redeemed_count": 31,
    "revoked_count": 2,
    "expires_at": 1784000000000,
    "created_at": 1778714850693,
}
_KEY: Final = {
    "id": "ptk_q3hxk5fy2d6m7sba",
    "status": "redeemed",
    "redeemed_at": 1779600000000,
    "redeemed_by_email": "alex@studio.gg",
    "redeemed_by_handle": "alex-press",
    "redemption_country": "DE",
    "redemption_user_agent": "Mozilla/5.0",
    "tester_invite_id": "tvi_7mzk2xq4wd5r3hna",
    "created_at": 1778714850693,
}
_INVITE: Final = {
    "id": "tvi_7mzk2xq4wd5r3hna",
    "email": "alex@studio.gg",
    "personal_note": "Loved your last devlog, would love your take.",
    "sent_at": 1778714850693,
    "opened_at": 1778715900000,
    "redeemed_at": 1779600000000,
}
_HANDLE: Final = {
    "id": "pth_d4vq6kzm3x2a5nws",
    "handle": "alex-press",
    "key_id": "ptk_q3hxk5fy2d6m7sba",
    "device_id": "device_e9c0abcd",
    "claimed_at": 1779600000000,
    "session_count": 12,
    "total_play_time_ms": 4_217_000,
    "last_seen_at": 1780100000000,
    "distinct_countries": 1,
    "created_at": 1779600000000,
}
_NAME: Final = {"id": "ptb_press", "name": "Next Fest Press"}


def _listed(name: str, row: dict[str, Any], total: int, **about: Any) -> dict[str, Any]:
    return {**about, name: [row], "hasMore": total > 1, "total": total}


ROUTES: Final = (
    read_route(
        "batches",
        "/batches/{game}",
        "List every key batch of a game. Newest first, unless `sort` says otherwise.",
        answers.Batches,
        _listed("batches", _BATCH, 1, game=GAME),
        accepted=parameters(tuple(BATCHES), "created_at", "desc"),
    ),
    read_route(
        "batch",
        "/batches/{game}/{batch_id}",
        "One key batch with its instructions.",
        answers.OneBatch,
        {"game": GAME, "batch": {**_BATCH, "instructions": "# Welcome\n\nThanks for testing."}},
    ),
    read_route(
        "batch_keys",
        "/batches/{game}/{batch_id}/keys",
        "Every key of a batch, without its code. In the order they were added, unless `sort` says otherwise.",
        answers.Keys,
        _listed("keys", _KEY, 50, batch=_NAME),
        accepted=parameters(tuple(KEYS), "created_at", "asc"),
    ),
    read_route(
        "batch_invites",
        "/batches/{game}/{batch_id}/invites",
        "Every 1:1 invite of a batch, without its link. Latest sent first, unless `sort` says otherwise.",
        answers.Invites,
        _listed("invites", _INVITE, 1, batch=_NAME),
        accepted=parameters(tuple(INVITES), "sent_at", "desc"),
    ),
    read_route(
        "handles",
        "/handles/{game}",
        "Every tester's handle that was ever linked to a device, with sums over its sessions. Latest seen "
        "first, unless `sort` says otherwise. A few seconds old (`X-Data-Age-Ms`).",
        answers.Handles,
        _listed("handles", _HANDLE, 1, game=GAME),
        accepted=parameters(tuple(HANDLES), "last_seen_at", "desc"),
    ),
)
