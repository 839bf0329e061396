"""What is personal of live-ops: a player's wallet, attempts, ranks, and whatever a game says of them."""

from __future__ import annotations

from typing import Final

from schemas.persons import Identity, Personal, PersonalKey, PersonalTable

_PLAYER: Final[dict[str, Identity]] = {"external_id": "player"}

PERSONAL: Final = Personal(
    tables={
        "liveops_ledger": PersonalTable(ids=_PLAYER, fields=("reason",)),
        "liveops_final_entries": PersonalTable(ids=_PLAYER),
        "liveops_scores": PersonalTable(ids=_PLAYER),
        "liveops_events": PersonalTable(ids=_PLAYER, fields=("data",)),
    },
    impersonal_tables={"liveops_economy": "sums over all players"},
    keys=(
        PersonalKey(key="player:{game}/{player}"),
        PersonalKey(key="wallet:{game}/{player}"),
        PersonalKey(key="items:{game}/{player}"),
        PersonalKey(key="grants:{game}/{player}"),
        PersonalKey(key="ledger:{game}/{player}"),
        PersonalKey(key="run:{game}/{player}/*/*"),
        PersonalKey(key="members:*", field=":{player}", game_in="board:*"),
        PersonalKey(key="lobby:*", field="p:{player}", game_in="lobby:*"),
    ),
    impersonal_keys=frozenset(
        {"board", "entries", "stream", "windows", "window", "closed", "boards", "lobbies", "forgotten"}
    ),
    fields=frozenset({"external_id", "player_context", "reason", "secret_hash", "previous_secret_hash"}),
    impersonal_fields={
        "players": "how many there are; of a lobby the members, each with its `external_id`",
        "is_personal_best": "a comparison",
    },
)
"""`entries:*` hold an id as part of a place, which `members:*` names; `stream:*` forgets after 10 minutes."""
