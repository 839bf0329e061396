"""Refusals with S3's codes. 404 and 409 are remembered by key, 400 and 429 are not."""

from __future__ import annotations

from schemas.envelope import CommandRejected


def invalid(message: str, field: str | None = None) -> CommandRejected:
    """400."""
    return CommandRejected(status=400, code="validation_failed", message=message, field=field)


def not_found(message: str) -> CommandRejected:
    """404."""
    return CommandRejected(status=404, code="not_found", message=message)


def conflict(reason: str, message: str, **details: str | float) -> CommandRejected:
    """409; `reason` goes into the details."""
    return CommandRejected(
        status=409, code="conflict", message=message, details={"reason": reason, **details}
    )


def cap_reached(cap: int, retry_after_ms: int) -> CommandRejected:
    """429: no attempt is left in this window."""
    return CommandRejected(
        status=429,
        code="attempt_cap_reached",
        message=f"all {cap} attempts of this window are used",
        details={"attemptCap": cap, "retryAfterMs": retry_after_ms},
    )
