"""Times, sizes and counts of playtests, from the reference and the contract. Times are milliseconds."""

from __future__ import annotations

from typing import Final

HOUR_MS: Final = 60 * 60 * 1000
DAY_MS: Final = 24 * HOUR_MS

SUBMIT_ALONE_MS: Final = 24 * HOUR_MS
"""From a claim with one player, and for every retry."""
SUBMIT_TOGETHER_MS: Final = 72 * HOUR_MS
"""From a claim with several players, and from every approved application."""
REVIEW_MS: Final = 7 * DAY_MS
"""From activation: how long an order with manual selection takes and reviews applications."""
BLOCKED_MS: Final = 7 * DAY_MS
"""How long a blocked slot waits for its owner."""

QUANTITY_MAX: Final = 100
PLAYERS_MAX: Final = 8
DURATIONS_MINUTES: Final = (30, 60, 120, 180)
TRIAL_MINUTES: Final = 30
KEYS_PER_SEAT_MAX: Final = 3
"""`keysForTesters` holds a key for each seat and as many spares as make it three times the quantity."""
KEY_CHARACTERS_MAX: Final = 255
NOTES_CHARACTERS_MAX: Final = 5000
QUALIFICATIONS_CHARACTERS_MAX: Final = 2000
REJECTION_CHARACTERS_MAX: Final = 5000
CUSTOM_MESSAGE_CHARACTERS_MAX: Final = 1500
RATING_COMMENT_CHARACTERS_MAX: Final = 1000
DISPLAY_NAME_CHARACTERS_MAX: Final = 40
GAMING_EXPERIENCE_CHARACTERS_MAX: Final = 500
POOL_MAX: Final = 2000
"""Applications to one order, in any status."""
PAYMENT_CENTS_MIN: Final = 2000
PAYMENT_CENTS_MAX: Final = 1_000_000
BALANCE_CENTS_MAX: Final = 10**15
"""Of a studio or a playtester: cents that a float holds exactly, so that JSON does."""
VIDEO_BYTES_MAX: Final = 20 * 1024**3

BATCHES_PER_GAME_MAX: Final = 100
KEYS_PER_BATCH_MAX: Final = 10_000
CODES_PER_COMMAND_MAX: Final = 400
"""Sealed codes of 255 characters take about 220 KiB; a command record holds 256."""
INVITES_PER_COMMAND_MAX: Final = 50
INSTRUCTIONS_CHARACTERS_MAX: Final = 5000
