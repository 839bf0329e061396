"""A refusal, as deciders of studios make it."""

from __future__ import annotations

from schemas.envelope import CommandRejected


def refused(status: int, code: str, message: str, field: str | None = None) -> CommandRejected:
    """Nothing happens, for this reason; `field` is what was wrong."""
    return CommandRejected(status=status, code=code, message=message, field=field)
