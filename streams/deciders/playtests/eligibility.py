"""Who may have a slot of an order."""

from __future__ import annotations

from schemas.envelope import CommandRejected
from streams.deciders.playtests.refusals import conflict, not_found
from streams.deciders.playtests.state import OrderState, StudioState


def is_past_playtester(studio: StudioState, playtester_id: str, game_id: str) -> bool:
    """Whether a submission of theirs was accepted for the game; never of a person who was forgotten."""
    known = studio.playtesters.get(playtester_id)
    return known is not None and not known.forgotten and known.games.get(game_id, 0) > 0


def not_offered(known: OrderState | None, playtester_id: str) -> CommandRejected | None:
    """404 for an order that its playtester is not to know of: never paid, unapproved, for another."""
    if known is None:
        return not_found("playtest")
    order = known.order
    if order.activated_at_ms is None or order.trial in {"pending", "declined"}:
        return not_found("playtest")
    if order.targeted_playtester_id not in {None, playtester_id}:
        return not_found("playtest")
    return None


def not_eligible(studio: StudioState, known: OrderState, playtester_id: str) -> CommandRejected | None:
    """409: never had a slot of the game for `new`, has an accepted submission for it for `past`."""
    panel = studio.playtesters.get(playtester_id)
    if panel is not None and panel.forgotten:
        return conflict("not_eligible")
    match known.order.targeting_type:
        case "new" if panel is not None and known.order.game_id in panel.games:
            return conflict("not_eligible")
        case "past" if not is_past_playtester(studio, playtester_id, known.order.game_id):
            return conflict("not_eligible")
    return None
