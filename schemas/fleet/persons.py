"""What is personal of the fleet: nothing by itself. A server prints, and is given, what its game decides."""

from __future__ import annotations

from typing import Final

from schemas.persons import Personal

_GAME: Final = "what a game prints or keeps of its server is the game's: write no ids of players there"

PERSONAL: Final = Personal(
    impersonal_tables={
        "fleet_servers": _GAME,
        "fleet_transitions": "what happened to servers",
        "fleet_builds": "a studio's builds",
        "fleet_hosts": "machines",
        "fleet_events": _GAME,
        "fleet_logs": f"{_GAME}; kept for 7 days",
        "fleet_log_ends": "how far output was read",
        "fleet_metrics": "what servers use",
        "fleet_build_logs": "what was said of builds",
    },
    impersonal_fields={"address": "of a host", "message": "why a server is refused"},
    impersonal_keys=frozenset(
        {
            *("server", "servers", "match", "stops", "build", "builds", "uploads", "lobby", "settings"),
            *("hosts", "dues"),
        }
    ),
)
