"""Every Redis key of playtests, relative: each is prefixed by `playtests~2:<generation>:`.

Rows are MessagePack. A list is a sorted set of equal scores, so that Redis orders it by its members, which
begin with `place`: a page begins anywhere at the cost of a look-up, however long the list is.

Orders: `order:<order>` hash (`order` -> Order, `progress` -> Progress) · `keys:<order>` hash number -> sealed
game key · lists: `orders:<studio>/<game>`, `active:<studio>`, `offered:<studio>` (active, approved, with an
open slot), `trials` (to be approved) · `used-trials:<studio>` hash game -> order.

Slots: `slot-rows:<what an order's ids share>` hash slot -> Slot, a map that events put their entries into
(`operations.merge_field`) · lists: `slots:<order>`, `status:<studio>/<status>`,
`own-slots:<studio>/<playtester>`.

Applications: `pool:<order>` hash application -> ApplicationState · `texts:<studio>/<playtester>` hash
application -> sealed text · list `own-applications:<studio>/<playtester>`.

Playtesters, by `<studio>/<playtester>`: `playtester:…` hash (`row`) · sets `joined:…` of orders, `played:…`
and `accepted:…` of games · `earnings:…` hash number -> LedgerRow · `notices:…` list whose members hold the
row · `payouts:<studio>` list, `payout:<payout>` hash (`row`) · `owed:<studio>` sorted set playtester ->
balance.

Accounts: `account:<studio>` hash (`balance`) · `ledger:<studio>` hash number -> LedgerRow, the newest
LEDGER_HEAD, as of earnings · `payments:<studio>` list, `payment:<payment>` hash (`row`).

Persons: `forgotten:<studio>` set of the pseudonyms of those who are forgotten.

Batches, by `<studio>/<game>`: `batches:…` hash batch -> Batch · `batch-counts:…` hash batch -> BatchCounts ·
`devices:…` hash device -> Link; by `<studio>/<game>/<batch>`: `batch-keys:…` hash number -> KeyState ·
`batch-invites:…` hash invite -> Invite · `codes:<studio>` hash fingerprint -> (game, batch, number) ·
`redeem-links`, `claims` hash of a token's hash -> RedeemLink.

Time: `dues` sorted set of `due_member` -> when.
"""

from __future__ import annotations

from typing import Final

from projections.redis.stores import stored_name
from schemas.playtests import names
from schemas.playtests.batch_events import BatchEvent
from schemas.playtests.ports import DueKind

NOUN: Final = "playtests"
LAYOUT: Final = 2
"""Of keys and values (`projections.redis.layout`): one more with each change of what is here or in a row.

NOTE: stored. 1 was a hash for each slot, with a field for each part of it.
"""
STORED: Final = stored_name(NOUN, LAYOUT)
DUES: Final = "dues"
TRIALS: Final = "trials"
LINKS: Final = "redeem-links"
CLAIMS: Final = "claims"
SLOT_ROWS: Final = "slot-rows:"
PLACE_CHARACTERS: Final = 15
"""Of a place, before the id."""
_TIME_DIGITS: Final = PLACE_CHARACTERS - 1


def place(at_ms: int, identifier: str) -> str:
    """A row's member in a list: lists are ordered by (time, id)."""
    return f"{at_ms:0{_TIME_DIGITS}d}:{identifier}"


def order_key(order_id: str) -> str:
    """An order's row."""
    return f"order:{order_id}"


def slot_rows(slot_id: str) -> str:
    """The rows of a slot's order: most of what is asked together is of one."""
    return SLOT_ROWS + slot_id[: names.SHARED_CHARACTERS]


def pool_key(order_id: str) -> str:
    """An order's applications."""
    return f"pool:{order_id}"


def status_key(studio_id: str, status: str) -> str:
    """A studio's slots of a status."""
    return f"status:{studio_id}/{status}"


def of_playtester(kind: str, studio_id: str, playtester_id: str) -> str:
    """What is kept of one of a studio's panel."""
    return f"{kind}:{studio_id}/{playtester_id}"


def forgotten_key(studio_id: str) -> str:
    """Whom a studio has forgotten."""
    return f"forgotten:{studio_id}"


def of_game(studio_id: str, game_id: str) -> str:
    """What a game's hashes are named by."""
    return f"{studio_id}/{game_id}"


def of_batch(kind: str, studio_id: str, game_id: str, batch_id: str) -> str:
    """What is kept of one batch."""
    return f"{kind}:{studio_id}/{game_id}/{batch_id}"


def batch_keys(event: BatchEvent) -> str:
    """The keys of an event's batch."""
    return of_batch("batch-keys", event.studio_id, event.game_id, event.batch_id)


def batch_invites(event: BatchEvent) -> str:
    """The invites of an event's batch."""
    return of_batch("batch-invites", event.studio_id, event.game_id, event.batch_id)


def due_member(kind: DueKind, studio_id: str, identifier: str, game_id: str) -> str:
    """What waits for time, as a `DueRow`. No id before the game's has a slash."""
    return f"{kind}/{studio_id}/{identifier}/{game_id}"
