"""What is personal of studios: Discord threads, and what was asked of AI about a tester."""

from __future__ import annotations

from typing import Final

from schemas.persons import Personal, PersonalKey

PERSONAL: Final = Personal(
    impersonal_tables={"studio_games": "definitions, which a studio writes"},
    keys=(PersonalKey(key="ai-texts:{studio}", field="tester-summary/{game}/*/{player}"),),
    impersonal_keys=frozenset(
        {
            *("studios", "studio-slugs", "games", "games-of", "game-slugs", "credentials", "keys-of"),
            *("experiments", "experiments-of", "experiment-digests", "ai-keys", "ai-pending", "ai-started"),
            *("ai-answers", "ai-vectors", "ai-months"),
        }
    ),
    fields=frozenset(
        {"author", "text", "tester_handle", "device_id", "title", "tester_id", "subject", "input", "output"}
    ),
    impersonal_fields={"messages": "each with its `author` and `text`"},
)
"""A key of a playtester (`tester_id`) is the operator's: `questlog keys revoke` ends it. Answers of AI about
several testers call them t1, t2; a summary of one is under its device."""
