"""Prices of the definition file: defaults, what they come to, and what `apply` refuses."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from schemas.edge.ports import Studio
from schemas.playtests.pricing import DEFAULT_PRICING, PlaytestPricing
from schemas.studio.definitions import load_definitions
from schemas.studio.yaml_source import DefinitionInvalid


def studio(pricing: str) -> str:
    return f"studio: {{slug: x, name: X, playtestPricing: {pricing}}}"


@pytest.mark.parametrize(
    ("minutes", "players", "cost", "payout"),
    [
        (30, 1, 1500, 500),
        (60, 1, 2000, 1000),
        (60, 3, 5000, 3000),
        (120, 2, 6000, 4000),
        (180, 8, 33000, 24000),
    ],
)
def test_the_default_prices(minutes: int, players: int, cost: int, payout: int) -> None:
    assert DEFAULT_PRICING.cost_cents(minutes, players) == cost
    assert DEFAULT_PRICING.payout_cents(minutes, players) == payout


def test_a_file_gives_some_prices_and_the_rest_are_the_defaults() -> None:
    command = load_definitions(studio("{payoutPerHour: 999, 60: [1000, 999]}"))
    assert command.playtest_pricing == PlaytestPricing(payout_per_hour=999, minutes_60=(1000, 999))
    assert PlaytestPricing(payout_per_hour=999).payout_cents(30, 1) == 499


@pytest.mark.parametrize("pricing", ["{}", "{payoutPerHour: 1000, 30: [1500, 1000]}"])
def test_the_default_prices_are_no_definition(pricing: str) -> None:
    assert load_definitions(studio(pricing)).playtest_pricing is UNSET
    assert Studio(id="s", slug="x", name="X", plan="free", created_at_ms=0).pricing == DEFAULT_PRICING


@pytest.mark.parametrize(
    ("pricing", "problem"),
    [
        ("{payoutPerHour: 3000}", "studio.playtestPricing.60: 1 players cost 2000 and would be paid 3000"),
        ("{60: [1000, 500]}", "studio.playtestPricing.60: 2 players cost 1500 and would be paid 2000"),
        ("{60: [1000]}", "studio.playtestPricing.60: must have 2 or more entries"),
        ("{60: [1000, -1]}", "studio.playtestPricing.60[1]: must be 0 or more, not `-1`"),
        ("{60: [1000, 1.5]}", "studio.playtestPricing.60[1]: must be a whole number, not `1.5`"),
        ("{45: [1000, 500]}", "studio.playtestPricing.45: is not a field that is known here"),
    ],
)
def test_a_bad_price_is_refused_with_its_field(pricing: str, problem: str) -> None:
    with pytest.raises(DefinitionInvalid, match=problem.replace("[", r"\[").replace("]", r"\]")):
        load_definitions(studio(pricing))
