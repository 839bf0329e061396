"""What S5's writes make of a command's outcome."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from schemas.edge.errors import Refused
from schemas.edge.zod import custom
from schemas.envelope import Outcome
from schemas.fleet.limits import RETRY_AFTER_S
from schemas.fleet.requests import not_found
from schemas.fleet.validation import refuse
from streams.gateway.refusals import refusal_in

AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)


def raise_refusal(outcome: Outcome) -> None:
    """Raise `Refused` where the outcome is none of success."""
    refusal = refusal_in(outcome)
    if refusal is None:
        return
    if refusal.status == 404:
        raise not_found()
    if refusal.status == 422:
        refuse([custom([refusal.field] if refusal.field else [], refusal.message)])
    headers = ((b"retry-after", b"%d" % RETRY_AFTER_S),) if refusal.status == 503 else ()
    details = {"limit": refusal.details["limit"]} if "limit" in refusal.details else {}
    raise Refused(refusal.status, refusal.message, code=refusal.code, headers=headers, **details)


def answer_of(kind: type[AnswerT], outcome: Outcome) -> AnswerT:
    """The outcome's body."""
    return msgspec.msgpack.decode(outcome.body, type=kind)


def answer_if_any(kind: type[AnswerT], outcome: Outcome) -> AnswerT | None:
    """The outcome's body where it is of this kind; None where nothing was changed."""
    fields = msgspec.msgpack.decode(outcome.body)
    return msgspec.convert(fields, kind) if fields else None
