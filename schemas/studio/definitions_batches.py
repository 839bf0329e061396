"""The `batches` section of a game's definition: keys that a studio hands out to testers.

Source: the playtests contract, "Key batches".
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from schemas.playtests.batch_views import (
    DistributionTarget,
    FulfillmentSource,
    IdentityMode,
    RedemptionMode,
)
from schemas.playtests.limits import BATCHES_PER_GAME_MAX, INSTRUCTIONS_CHARACTERS_MAX
from schemas.studio.definitions_events import Name, Section, Time

BATCHES_MAX: Final = BATCHES_PER_GAME_MAX


class BatchSection(Section, frozen=True, kw_only=True):
    """One entry of `batches`. Source, redemption mode and identity mode stay as they were first."""

    id: Annotated[
        str,
        Meta(
            pattern=r"^ptb_[A-Za-z0-9_-]{1,60}\Z",
            description="`ptb_` and 1 to 60 of letters, digits, `_` and `-`",
        ),
    ]
    name: Name
    distribution_target: DistributionTarget = "other"
    fulfillment_source: FulfillmentSource = "studio-uploaded"
    redemption_mode: RedemptionMode = "invite"
    identity_mode: IdentityMode = "handle+email"
    expires_at: Time | None = None
    instructions: Annotated[str, Meta(max_length=INSTRUCTIONS_CHARACTERS_MAX)] | None = None


FIXED: Final = ("fulfillmentSource", "redemptionMode", "identityMode")
"""What never changes of a batch."""
