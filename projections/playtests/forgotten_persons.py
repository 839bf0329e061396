"""What becomes of a forgotten person, as operations: states and money under the pseudonym, all else goes."""

from __future__ import annotations

from typing import Final

from projections.playtests import keys
from projections.playtests.accounts import known
from projections.playtests.context import Context, Step, encode
from projections.playtests.slots import without_texts
from projections.redis.operations import add_member, delete, delete_score, merge_field, set_field
from schemas.codec import Message
from schemas.playtests.person_messages import PersonForgotten

_OWN: Final = (
    *("playtester", "texts", "notices", "earnings", "joined", "played", "accepted"),
    *("own-slots", "own-applications"),
)
"""What only they read, and the row that the pseudonym's takes the place of."""


def _forgotten(context: Context, event: PersonForgotten) -> None:
    context.add(
        add_member(keys.forgotten_key(event.studio_id), event.pseudonym),
        *(delete(keys.of_playtester(kind, event.studio_id, event.playtester_id)) for kind in _OWN),
        delete_score(f"owed:{event.studio_id}", event.playtester_id),
    )
    if event.playtester is not None:
        known(context, event.playtester)
    for payout in event.payouts:
        context.add(set_field(f"payout:{payout.id}", "row", encode(payout)))
    for slot in event.slots:
        without_texts(context, event.studio_id, slot)
    renamed = encode({"playtester_id": event.pseudonym})
    for application in event.applications:
        context.add(merge_field(keys.pool_key(application.order_id), application.id, renamed))
    for order in event.orders:
        context.ordered[order.id] = order


STEPS: Final[dict[type[Message], Step]] = {PersonForgotten: _forgotten}
