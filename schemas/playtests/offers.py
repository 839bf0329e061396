"""Whether an order is offered to a playtester, and whether they are eligible for it. Pure.

Source: the playtests contract, "Ordering" and "Playtesters": an order for another, unpaid or unapproved
doesn't exist for a playtester (404); for a mismatch of `new` or `past` it is there, unlisted (409).
"""

from __future__ import annotations

from schemas.playtests.ports import Participation
from schemas.playtests.views import Order


def exists_for(order: Order, studio_id: str, playtester_id: str) -> bool:
    """Whether a playtester of a studio's panel may know of an order."""
    return (
        order.studio_id == studio_id
        and order.activated_at_ms is not None
        and order.trial in {"none", "approved"}
        and order.targeted_playtester_id in {None, playtester_id}
    )


def eligible(order: Order, known: Participation) -> bool:
    """Whether what a playtester took part in fits an order's targeting."""
    if order.targeting_type == "new":
        return order.game_id not in known.games
    return order.targeting_type is None or order.game_id in known.accepted_games
