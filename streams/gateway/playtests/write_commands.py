"""Which command a write becomes, where path and body say all of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import UNSET

from schemas.codec import Message
from schemas.playtests import bodies, names
from schemas.playtests import commands as ask
from schemas.playtests.access import Caller
from schemas.playtests.requests import not_found, path_id
from schemas.playtests.views import Rating

Made = Callable[[Mapping[str, str], Any, Caller], Message]


def operation_of(name: str, path: Mapping[str, str]) -> str:
    """The operation's name with its path ids: with it an idempotency key names one command. NOTE: stored."""
    return "/".join([name, *path.values()])


def aggregate_of(studio_id: str, path: Mapping[str, str], playtester_id: str) -> str:
    """What a command is about: an order, by its id or by that of one of its slots or applications.

    Raises `Refused` (404) for an id that can be none of ours.
    """
    if "playtestId" in path:
        return names.order_aggregate(studio_id, path_id(path["playtestId"]))
    kinds: tuple[tuple[str, names.Kind], ...] = (("slotId", "slot"), ("applicationId", "application"))
    for name, kind in kinds:
        if name in path:
            place = names.place_of(kind, path_id(path[name]))
            if place is None:
                raise not_found()
            return names.order_aggregate(studio_id, place[0])
    if playtester_id:
        return names.playtester_aggregate(studio_id, playtester_id)
    return names.account_aggregate(studio_id)


def command_of(kind: type[Message], path: Mapping[str, str], body: Any, caller: Caller) -> Message:
    """The command of every write but order, change, claim, apply and submit."""
    return _MADE[kind](path, body, caller)


def _on(kind: Callable[..., Message], field: str, name: str) -> Made:
    return lambda path, _body, _caller: kind(**{field: path[name]})


def _own(kind: Callable[..., Message], field: str, name: str) -> Made:
    return lambda path, _body, caller: kind(**{field: path[name], "playtester_id": caller.playtester_id})


def _accept(path: Mapping[str, str], body: bodies.AcceptBody, _: Caller) -> Message:
    rating = None if body.rating is UNSET else Rating(score=body.rating, comment=body.comment)
    return ask.AcceptSlot(slot_id=path["slotId"], rating=rating)


def _reject(path: Mapping[str, str], body: bodies.RejectBody, _: Caller) -> Message:
    return ask.RejectSlot(slot_id=path["slotId"], reason=body.reason, allow_retry=body.allow_retry)


def _rate(path: Mapping[str, str], body: bodies.RatingBody, _: Caller) -> Message:
    return ask.RateSlot(slot_id=path["slotId"], rating=Rating(score=body.score, comment=body.comment))


def _reject_application(path: Mapping[str, str], body: bodies.RejectApplicationBody, _: Caller) -> Message:
    return ask.RejectApplication(application_id=path["applicationId"], custom_message=body.custom_message)


def _block(path: Mapping[str, str], body: bodies.BlockBody, caller: Caller) -> Message:
    return ask.BlockSlot(
        slot_id=path["slotId"],
        playtester_id=caller.playtester_id,
        reason_code=body.reason_code,
        notes=body.notes,
    )


def _profile(_: Mapping[str, str], body: bodies.ProfileBody, caller: Caller) -> Message:
    return ask.ChangePlaytester(
        playtester_id=caller.playtester_id,
        display_name=body.display_name,
        gaming_experience=body.gaming_experience,
    )


def _top_up(_: Mapping[str, str], body: bodies.CreditBody, _caller: Caller) -> Message:
    return ask.OpenPayment(amount_cents=body.amount_cents, provider=PROVIDER, order_id=body.playtest_id)


PROVIDER: Final = "external"
"""There is one: that of the deployment's adapter."""
_MADE: Final[dict[type[Message], Made]] = {
    ask.PayPlaytest: _on(ask.PayPlaytest, "order_id", "playtestId"),
    ask.CancelPlaytest: _on(ask.CancelPlaytest, "order_id", "playtestId"),
    ask.ApproveTrial: _on(ask.ApproveTrial, "order_id", "playtestId"),
    ask.DeclineTrial: _on(ask.DeclineTrial, "order_id", "playtestId"),
    ask.AcceptSlot: _accept,
    ask.RejectSlot: _reject,
    ask.UnblockSlot: _on(ask.UnblockSlot, "slot_id", "slotId"),
    ask.CancelSlot: _on(ask.CancelSlot, "slot_id", "slotId"),
    ask.RateSlot: _rate,
    ask.ApproveApplication: _on(ask.ApproveApplication, "application_id", "applicationId"),
    ask.RejectApplication: _reject_application,
    ask.WithdrawApplication: _own(ask.WithdrawApplication, "application_id", "applicationId"),
    ask.OpenPayment: _top_up,
    ask.ChangePlaytester: _profile,
    ask.ClaimSlot: _own(ask.ClaimSlot, "order_id", "playtestId"),
    ask.AbandonSlot: _own(ask.AbandonSlot, "slot_id", "slotId"),
    ask.BlockSlot: _block,
}
