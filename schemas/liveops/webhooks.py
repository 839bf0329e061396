"""What webhooks may be told of live-ops."""

from __future__ import annotations

from typing import Literal

WebhookType = Literal["attempt.completed", "grant.created", "grant.claimed", "leaderboard.finalized"]
