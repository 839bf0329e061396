"""Names, columns and keys of playtests' tables in ClickHouse. Their DDL: `0014_playtests.sql`."""

from __future__ import annotations

from typing import Any, Final

ORDERS: Final = "playtest_orders"
SLOTS: Final = "playtest_slots"
APPLICATIONS: Final = "playtest_applications"
LEDGER: Final = "playtest_ledger"
KEYS: Final = "playtest_keys"
LINKS: Final = "tester_links"
EVENTS_TABLE: Final = "playtest_events"

KEYED: Final[dict[str, tuple[str, ...]]] = {
    ORDERS: ("studio_id", "id"),
    SLOTS: ("studio_id", "id"),
    APPLICATIONS: ("studio_id", "id"),
    KEYS: ("studio_id", "game_id", "batch_id", "id"),
    LINKS: ("studio_id", "game_id", "handle"),
}
"""The tables with a row for each thing, and the columns that name it; `_offset` is their version."""

FRESH: Final[dict[str, dict[str, Any]]] = {
    ORDERS: {
        **dict.fromkeys(
            (
                *("game_id", "status", "trial", "visibility", "selection_mode", "targeting_type"),
                *("past_playtester_scope", "targeted_playtester_id"),
            ),
            "",
        ),
        **dict.fromkeys(
            ("quantity", "duration_minutes", "player_count", "cost_per_slot_cents", "payout_cents"), 0
        ),
        **dict.fromkeys(("created_at", "activated_at", "applications_expire_at", "ended_at")),
        **dict.fromkeys(
            (
                *("paid_cents", "held_cents", "paid_out_cents", "fee_cents", "credited_cents"),
                *("slots_open", "slots_reserved", "slots_submitted", "slots_accepted", "slots_rejected"),
                *("slots_expired", "slots_blocked", "slots_cancelled", "slots_publishing"),
            ),
            0,
        ),
    },
    SLOTS: {
        **dict.fromkeys(("game_id", "playtest_id"), ""),
        "number": 0,
        **dict.fromkeys(("status", "playtester_id", "previous_slot_id"), ""),
        **dict.fromkeys(
            (
                *("created_at", "deadline_at", "reserved_at", "submitted_at", "ended_at", "video_bytes"),
                "rating",
            )
        ),
        **dict.fromkeys(
            ("rejection_reason", "blocked_reason", "transcript_status", "transcript_version"), ""
        ),
        **dict.fromkeys(("earned_cents", "credited_cents"), 0),
    },
    APPLICATIONS: {
        **dict.fromkeys(("game_id", "playtest_id", "playtester_id", "status"), ""),
        **dict.fromkeys(("created_at", "reviewed_at")),
        "assigned_slot_id": "",
    },
    KEYS: {
        "number": 0,
        "status": "",
        "created_at": None,
        "invite_id": "",
        "redeemed_at": None,
        "handle": "",
        "country": "",
    },
    LINKS: {"device_id": "", "claimed_at": None, "unlinked_at": None, "batch_id": "", "key_id": ""},
}
"""The other columns of these tables, and what a thing's row says of each before anything was said."""

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    LEDGER: (
        *("studio_id", "playtester_id", "number", "id", "type", "amount_cents", "balance_cents"),
        *("playtest_id", "slot_id", "payment_id", "payout_id", "reason", "at"),
    ),
    EVENTS_TABLE: (
        *("studio_id", "game_id", "playtest_id", "event", "command_id", "data", "at"),
        *("_partition", "_offset", "_index"),
    ),
    **{table: (*key, *FRESH[table], "_offset") for table, key in KEYED.items()},
}
