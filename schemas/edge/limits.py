"""The numbers of both HTTP edges: rate limits and sizes, and the names of their buckets.

Source: contract/telemetry.md, contract/common.md. A bucket's name says what shares it; the tenant is part
of it. S3's are in `sdk_limits`. Wherever an address is counted, IPv6 counts by its /64.
"""

from __future__ import annotations

from typing import Final

from schemas.edge.ports import Game
from schemas.edge.proxy import counted_address

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60_000

PLAN_PER_MINUTE: Final = {"free": 60, "indie": 300, "studio": 1200}
"""Management reads for each key and minute, by the studio's plan."""
AI_READS_PER_MINUTE: Final = 10
"""Reads of S1 that ask an AI, for each management key, beside the plan's limit."""
READS_PER_MINUTE_IP: Final = 3000
"""S1's bucket for each source IP, before authentication."""
UNKNOWN_KEYS_PER_SECOND: Final = 10.0
"""Unknown credentials for each source IP: what is left of guessing."""
S1_DEFAULT_PER_MINUTE: Final = 120.0
"""S1 ingest for each source IP, where the request names no game of the studio."""
EXPORT_EVERY_MS: Final = MINUTE_MS
MODEL_BYTES_MAX: Final = 256 * 1024 * 1024
BODY_READ_TIMEOUT_S: Final = 30.0
"""A request's body must be here by then, however slowly it comes."""
BODIES_IN_FLIGHT_BYTES: Final = 128 * 1024 * 1024
"""Bodies that are not answered yet, in one process: half of it for a key, a quarter for an address."""
UPLOADS_IN_FLIGHT_BYTES: Final = 240 * 1024 * 1024
"""What writers of uploads to signed addresses hold in one process, a quarter of it for an address: to S3 12
uploads at a time and 3 of an address, to a folder 480 and 120."""
UPLOAD_BYTES_PER_SECOND_MIN: Final = 16 * 1024
"""An upload whose sender is slower than this, all in all, is ended."""
UNSENT_BYTES: Final = 128 * 1024 * 1024
"""Answers whose readers have not taken them yet, in one process: a quarter of it for an address."""
CONNECTIONS_PER_ADDRESS: Final = 2048
RETRY_AFTER_UNAVAILABLE_S: Final = 2
"""Retry-After of a 503."""


def s4_bucket(game: Game, ip: str) -> str:
    """S4: requests of one source IP for one game."""
    return f"s4:{game.id}:{counted_address(ip)}"


def s1_bucket(studio_id: str, game: Game | None, ip: str) -> str:
    """S1 ingest: requests of one source IP for one game, or for none that the studio has."""
    return f"s1:{studio_id}:{game.id if game else '-'}:{counted_address(ip)}"


def assignment_bucket(studio_id: str, game: Game | None, ip: str) -> str:
    """S1's assignments: requests of one source IP for one game, or for none that the studio has."""
    return f"s1:assignments:{studio_id}:{game.id if game else '-'}:{counted_address(ip)}"


def unknown_bucket(ip: str) -> str:
    """Requests of one source IP with unknown credentials."""
    return f"unknown:{counted_address(ip)}"


def read_bucket(ip: str) -> str:
    """S1's reads: all requests of one source IP, before authentication."""
    return f"read:ip:{counted_address(ip)}"


def read_key_bucket(key_id: str) -> str:
    """S1's Management API: all calls of one management key, by REST, MCP or a Discord bot."""
    return f"read:key:{key_id}"


def dashboard_address_bucket(ip: str) -> str:
    """The dashboard's data: calls of one source IP."""
    return f"dashboard:data:ip:{counted_address(ip)}"


def dashboard_key_bucket(key_id: str) -> str:
    """The dashboard's data: calls of all sessions of one key."""
    return f"dashboard:data:key:{key_id}"


def dashboard_action_bucket(key_id: str) -> str:
    """What a key's sessions write."""
    return f"dashboard:action:{key_id}"


def sign_in_bucket(ip: str) -> str:
    """The dashboard: attempts of one source IP to sign in."""
    return f"dashboard:sign-in:{counted_address(ip)}"
