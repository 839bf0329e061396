"""Codes of what deciders refuse, with what is said of each. Source: contract/fleet.md."""

from __future__ import annotations

from typing import Final, Literal

Reason = Literal[
    "stopped", "unclaimed", "wrong_status", "nothing_uploaded", "fenced", "too_many_hosts", "unknown_host"
]
"""Of 409: the answer's `code`. The last three are told to hosts alone."""

NOT_FOUND: Final = "not_found"
"""404."""
QUOTA_EXCEEDED: Final = "quota_exceeded"
"""403; `details.limit` names what is used up: `active_servers`, `builds`, `compute_size` or `ttl`."""
NO_CAPACITY: Final = "no_capacity"
"""503; `details.retryAfter` are seconds."""
INVALID: Final = "invalid"
"""422; `field` names the one that is wrong."""

REASONS: Final[dict[Reason, str]] = {
    "stopped": "The server is stopped.",
    "unclaimed": "The server waits in its pool: no start has claimed it.",
    "wrong_status": "The build's status forbids it.",
    "nothing_uploaded": "Nothing has been uploaded for this build.",
    "fenced": "Another agent serves this host by now, or the host was declared lost.",
    "too_many_hosts": "The partition has as many hosts as it takes.",
    "unknown_host": "No agent has joined for this host.",
}
