"""Refusals with S5's codes. 404 and 409 are remembered by key; 403, 422 and 503 are not."""

from __future__ import annotations

from typing import Literal

from schemas.envelope import CommandRejected
from schemas.fleet.limits import RETRY_AFTER_S
from schemas.fleet.refusals import INVALID, NO_CAPACITY, NOT_FOUND, QUOTA_EXCEEDED, REASONS, Reason

Quota = Literal["active_servers", "builds", "compute_size", "ttl"]


def quota(limit: Quota, message: str) -> CommandRejected:
    """403: the plan allows no more."""
    return CommandRejected(status=403, code=QUOTA_EXCEEDED, message=message, details={"limit": limit})


def not_found(what: str) -> CommandRejected:
    """404: unknown, or another project's, all alike."""
    return CommandRejected(status=404, code=NOT_FOUND, message=f"{what} not found")


def conflict(reason: Reason) -> CommandRejected:
    """409."""
    return CommandRejected(status=409, code=reason, message=REASONS[reason])


def invalid(field: str, message: str) -> CommandRejected:
    """422."""
    return CommandRejected(status=422, code=INVALID, message=message, field=field)


def no_capacity(region: str) -> CommandRejected:
    """503: room may come free."""
    return CommandRejected(
        status=503,
        code=NO_CAPACITY,
        message=f"No host in {region} has room for this server now",
        details={"retryAfter": RETRY_AFTER_S},
    )
