"""What a playtest costs and pays: the studio's prices, in its section of the definition file.

`playtestPricing: {payoutPerHour: 1000, 30: [1500, 1000], …}`: for each duration in minutes the first player's
price and that of every other, in cents (USD). Prices are pinned when a playtest is ordered.
Source: the playtests contract, "Ordering".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.playtests.limits import DURATIONS_MINUTES, PLAYERS_MAX

CENTS_MAX: Final = 10_000_000

Cents = Annotated[int, Meta(ge=0, le=CENTS_MAX)]
Price = tuple[Cents, Cents]
"""The first player's, and every other player's."""


class PlaytestPricing(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={
        "payout_per_hour": "payoutPerHour",
        "minutes_30": "30",
        "minutes_60": "60",
        "minutes_120": "120",
        "minutes_180": "180",
    },
):
    """A studio's prices. What is left out is the default's."""

    payout_per_hour: Cents = 1000
    """Of one player."""
    minutes_30: Price = (1500, 1000)
    minutes_60: Price = (2000, 1500)
    minutes_120: Price = (3500, 2500)
    minutes_180: Price = (5000, 4000)

    def cost_cents(self, duration_minutes: int, players: int) -> int:
        """What the studio pays for one slot."""
        first, other = self._price(duration_minutes)
        return first + (players - 1) * other

    def payout_cents(self, duration_minutes: int, players: int) -> int:
        """What the playtester gets of it, rounded down to a cent."""
        return self.payout_per_hour * duration_minutes * players // 60

    def _price(self, duration_minutes: int) -> Price:
        price: Price = getattr(self, f"minutes_{duration_minutes}")
        return price


DEFAULT_PRICING: Final = PlaytestPricing()


def pinned_pricing(pricing: PlaytestPricing) -> PlaytestPricing | UnsetType:
    """Prices as commands and events hold them: UNSET for the default, as before there were any."""
    return UNSET if pricing == DEFAULT_PRICING else pricing


def pricing_problems(pricing: PlaytestPricing) -> Iterator[tuple[str, str]]:
    """Durations whose payout would be above their cost, as (field, what is wrong). Pure."""
    for minutes in DURATIONS_MINUTES:
        for players in range(1, PLAYERS_MAX + 1):
            cost, payout = pricing.cost_cents(minutes, players), pricing.payout_cents(minutes, players)
            if payout > cost:
                yield str(minutes), f"{players} players cost {cost} and would be paid {payout}"
                break
