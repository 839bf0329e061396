"""Refusals with S2's codes; the code of a 409 is its reason. 404 and 409 are remembered by key, no others."""

from __future__ import annotations

from schemas.envelope import CommandRejected
from schemas.playtests.batch_refusals import BATCH_REASONS, GONE, BatchReason
from schemas.playtests.refusals import (
    BAD_REQUEST,
    NOT_FOUND,
    PAYMENT_REQUIRED,
    REASONS,
    VALIDATION_ERROR,
    Reason,
)


def wrong_mode(message: str) -> CommandRejected:
    """400: the order has the other selection mode."""
    return CommandRejected(status=400, code=BAD_REQUEST, message=message)


def too_little_credit(balance_cents: int, required_cents: int) -> CommandRejected:
    """402."""
    return CommandRejected(
        status=402,
        code=PAYMENT_REQUIRED,
        message=f"{required_cents} cents are needed; the balance is {balance_cents}.",
        details={"balanceCents": balance_cents, "requiredCents": required_cents},
    )


def not_found(what: str) -> CommandRejected:
    """404: unknown, another's, or not offered, all alike."""
    return CommandRejected(status=404, code=NOT_FOUND, message=f"There is no such {what}.")


def conflict(reason: Reason) -> CommandRejected:
    """409."""
    return CommandRejected(status=409, code=reason, message=REASONS[reason], details={"reason": reason})


def batch_conflict(reason: BatchReason) -> CommandRejected:
    """409 of a key batch."""
    return CommandRejected(status=409, code=reason, message=BATCH_REASONS[reason], details={"reason": reason})


def gone(what: str) -> CommandRejected:
    """410: closed, expired or revoked."""
    return CommandRejected(status=410, code=GONE, message=f"The {what} can't be used any more.")


def invalid(field: str, message: str) -> CommandRejected:
    """422."""
    return CommandRejected(status=422, code=VALIDATION_ERROR, message=message, field=field)
