"""What is personal of playtests: the panel, who was invited, handles and devices, recordings."""

from __future__ import annotations

from typing import Final

from schemas.persons import Identity, Personal, PersonalKey, PersonalObjects, PersonalTable

_PLAYTESTER: Final[dict[str, Identity]] = {"playtester_id": "playtester"}

PERSONAL: Final = Personal(
    tables={
        "playtest_slots": PersonalTable(ids=_PLAYTESTER, fields=("rejection_reason",)),
        "playtest_applications": PersonalTable(ids=_PLAYTESTER),
        "playtest_ledger": PersonalTable(ids=_PLAYTESTER, fields=("reason",)),
        "playtest_orders": PersonalTable(ids={"targeted_playtester_id": "playtester"}),
        "playtest_keys": PersonalTable(ids={"handle": "handle"}, fields=("country",)),
        "tester_links": PersonalTable(ids={"device_id": "player", "handle": "handle"}),
    },
    impersonal_tables={
        "playtest_events": "written without what speaks of a person; playtesters' ids are as those of slots"
    },
    keys=(
        PersonalKey(key="playtester:{studio}/{playtester}"),
        PersonalKey(key="texts:{studio}/{playtester}"),
        PersonalKey(key="notices:{studio}/{playtester}"),
        *(
            PersonalKey(key=f"{kind}:{{studio}}/{{playtester}}")
            for kind in ("earnings", "joined", "played", "accepted", "own-slots", "own-applications")
        ),
        PersonalKey(key="owed:{studio}", field="{playtester}"),
        PersonalKey(key="devices:{studio}/{game}", field="{player}"),
        PersonalKey(key="batch-keys:{studio}/{game}/*", value="handle"),
    ),
    impersonal_keys=frozenset(
        {
            *("order", "keys", "orders", "active", "offered", "trials", "used-trials", "slot-rows", "slots"),
            *("status", "pool", "payouts", "payout", "account", "ledger", "payments", "payment", "batches"),
            *("batch-counts", "batch-invites", "codes", "redeem-links", "claims", "dues", "forgotten"),
        }
    ),
    objects=(
        PersonalObjects(folder="submissions/{studio}/{id}", table="playtest_slots", column="id"),
        PersonalObjects(folder="transcripts/{studio}/{id}", table="playtest_slots", column="id"),
    ),
    fields=frozenset(
        {
            *("playtester_id", "targeted_playtester_id", "display_name", "gaming_experience"),
            *("qualifications_response", "applicant", "playtester", "handle", "handles", "email"),
            *("email_fingerprint", "email_fingerprints", "old_email_fingerprints", "personal_note"),
            *("user_agent", "country"),
            *("device_id", "notes", "comment", "custom_message", "reason", "key_takeaways"),
            *("video_key", "public_key", "external_id"),
        }
    ),
    impersonal_fields={
        "player_count": "how many play together",
        "notes_for_testers": "the studio's words to all testers",
        "targeting_type": "whom an order is for, as a kind",
        "past_playtester_scope": "likewise",
    },
)
"""Slots, applications (`slot-rows:*`, `pool:*`) and e-mails (`batch-invites:*`, sealed) are found by ids of
their own: the tables name the slots, and an e-mail is forgotten by `questlog playtests forget --email`."""
