"""S3's rate limits: which buckets one call is counted in. Pure.

The contract's are for each (key, player): a caller who makes names up never meets them. Behind them are one
for the source address and one for the key, so high that honest games don't meet them: a game's players share
its SDK key, a school's or a mobile network's players share an address. A definition can give each of them;
where it doesn't they follow from its `sdkReadPerMinute` and `sdkWritePerMinute`, and are none where that is
null.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas.edge.cors import RawHeaders
from schemas.edge.limits import MINUTE_MS
from schemas.edge.ports import Counted, Limits, Verdict
from schemas.edge.proxy import counted_address

PLAYERS_PER_ADDRESS: Final = 120
"""So many players at their full rate, or ten times as many at a tenth of it: 36,000 writes a minute."""
PLAYERS_PER_KEY: Final = 4_000
"""1,200,000 writes a minute: 100,000 players with a write every 5 s."""
REGISTERING_PER_ADDRESS: Final = 2
"""600 registrations a minute, which is once for each player: several classes of a school at once."""
BURST_MS: Final = 10_000
"""Of these shared limits a burst of ten seconds' worth is let through at once."""

STREAMS_PER_ADDRESS: Final = 1_000
"""A school whose every pupil watches the board."""
STREAMS_PER_GAME: Final = 2_500
"""Half of what a process takes."""

Kind = Literal["read", "write"]


def sdk_calls(
    limits: Limits,
    kind: Kind,
    *,
    game_id: str,
    key_id: str,
    ip: str,
    player: str = "",
    register: bool = False,
) -> list[Counted]:
    """The buckets of a call with an SDK key; the contract's own first, where the game has one.

    A path without a player counts for the source address instead.
    """
    address = counted_address(ip)
    if kind == "read":
        base = limits.sdk_read_per_minute
        by_address, by_key = limits.sdk_read_address_per_minute, limits.sdk_read_key_per_minute
    else:
        base = limits.sdk_write_per_minute
        by_address, by_key = limits.sdk_write_address_per_minute, limits.sdk_write_key_per_minute
    found = []
    if base is not None:
        subject, scope = (f"player:{player}", "player") if player else (f"ip:{address}", "address")
        found.append(Counted(f"sdk_{kind}:{key_id}:{subject}", base, MINUTE_MS, scope))
    if register:
        per_minute = _or_share(limits.sdk_register_address_per_minute, base, REGISTERING_PER_ADDRESS)
        if per_minute is not None:
            found.append(Counted(f"sdk_register:{game_id}:{address}", per_minute, MINUTE_MS, "address"))
    for given, players, bucket, scope in (
        (by_address, PLAYERS_PER_ADDRESS, f"sdk_{kind}:{game_id}:{address}", "address"),
        (by_key, PLAYERS_PER_KEY, f"sdk_{kind}:{key_id}", "key"),
    ):
        per_minute = _or_share(given, base, players)
        if per_minute is not None:
            found.append(Counted(bucket, per_minute * BURST_MS / MINUTE_MS, BURST_MS, scope))
    return found


def server_calls(limits: Limits, *, key_id: str) -> list[Counted]:
    """The bucket of a call with a server key, reads and writes together."""
    base = limits.server_api_per_minute
    return [] if base is None else [Counted(f"server_api:{key_id}", base, MINUTE_MS, "key")]


def stream_limits(limits: Limits) -> tuple[int | None, int | None]:
    """How many streams an address, and a game, may hold open on a process; None where reads have no limit."""

    def of(given: int | msgspec.UnsetType | None, default: int) -> int | None:
        if given is not msgspec.UNSET:
            return given
        return None if limits.sdk_read_per_minute is None else default

    return of(limits.streams_address_max, STREAMS_PER_ADDRESS), of(limits.streams_game_max, STREAMS_PER_GAME)


def rate_limit_headers(verdict: Verdict, met: Counted) -> RawHeaders:
    """RateLimit-Limit, -Remaining and -Reset (seconds from now) of a bucket."""
    return (
        (b"ratelimit-limit", b"%d" % max(1, int(met.limit))),
        (b"ratelimit-remaining", b"%d" % verdict.remaining),
        (b"ratelimit-reset", b"%d" % (-(-verdict.reset_ms // 1000))),
    )


def _or_share(given: float | msgspec.UnsetType | None, base: float | None, players: int) -> float | None:
    if given is not msgspec.UNSET:
        return given
    return None if base is None else base * players
