"""Which command a write becomes, where path and body say all of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import UNSET

from schemas.codec import Message
from schemas.playtests import account_commands, bodies, names, order_commands, slot_commands
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
    return slot_commands.AcceptSlot(slot_id=path["slotId"], rating=rating)


def _reject(path: Mapping[str, str], body: bodies.RejectBody, _: Caller) -> Message:
    return slot_commands.RejectSlot(slot_id=path["slotId"], reason=body.reason, allow_retry=body.allow_retry)


def _rate(path: Mapping[str, str], body: bodies.RatingBody, _: Caller) -> Message:
    return slot_commands.RateSlot(
        slot_id=path["slotId"], rating=Rating(score=body.score, comment=body.comment)
    )


def _reject_application(path: Mapping[str, str], body: bodies.RejectApplicationBody, _: Caller) -> Message:
    return order_commands.RejectApplication(
        application_id=path["applicationId"], custom_message=body.custom_message
    )


def _block(path: Mapping[str, str], body: bodies.BlockBody, caller: Caller) -> Message:
    return slot_commands.BlockSlot(
        slot_id=path["slotId"],
        playtester_id=caller.playtester_id,
        reason_code=body.reason_code,
        notes=body.notes,
    )


def _profile(_: Mapping[str, str], body: bodies.ProfileBody, caller: Caller) -> Message:
    return account_commands.ChangePlaytester(
        playtester_id=caller.playtester_id,
        display_name=body.display_name,
        gaming_experience=body.gaming_experience,
    )


def _top_up(_: Mapping[str, str], body: bodies.CreditBody, _caller: Caller) -> Message:
    return account_commands.OpenPayment(
        amount_cents=body.amount_cents, provider=PROVIDER, order_id=body.playtest_id
    )


PROVIDER: Final = "external"
"""There is one: that of the deployment's adapter."""
_MADE: Final[dict[type[Message], Made]] = {
    order_commands.PayPlaytest: _on(order_commands.PayPlaytest, "order_id", "playtestId"),
    order_commands.CancelPlaytest: _on(order_commands.CancelPlaytest, "order_id", "playtestId"),
    order_commands.ApproveTrial: _on(order_commands.ApproveTrial, "order_id", "playtestId"),
    order_commands.DeclineTrial: _on(order_commands.DeclineTrial, "order_id", "playtestId"),
    slot_commands.AcceptSlot: _accept,
    slot_commands.RejectSlot: _reject,
    slot_commands.UnblockSlot: _on(slot_commands.UnblockSlot, "slot_id", "slotId"),
    slot_commands.CancelSlot: _on(slot_commands.CancelSlot, "slot_id", "slotId"),
    slot_commands.RateSlot: _rate,
    order_commands.ApproveApplication: _on(
        order_commands.ApproveApplication, "application_id", "applicationId"
    ),
    order_commands.RejectApplication: _reject_application,
    order_commands.WithdrawApplication: _own(
        order_commands.WithdrawApplication, "application_id", "applicationId"
    ),
    account_commands.OpenPayment: _top_up,
    account_commands.ChangePlaytester: _profile,
    slot_commands.ClaimSlot: _own(slot_commands.ClaimSlot, "order_id", "playtestId"),
    slot_commands.AbandonSlot: _own(slot_commands.AbandonSlot, "slot_id", "slotId"),
    slot_commands.BlockSlot: _block,
}
