from __future__ import annotations

import msgspec
import pytest

from api.dashboard.funnel import FunnelChoice, declared_funnels, read_choice
from api.dashboard.funnel_answers import DeclaredFunnel
from api.dashboard.parameters import BadParameter
from schemas.edge.ports import Game, Limits
from schemas.studio.definitions import load_definitions

FILE = """
studio: {name: A, slug: a}
games:
  - slug: g
    name: G
    funnels:
      - {key: first, name: First, steps: [a, b], windowMinutes: 60}
      - {key: second, name: Second, steps: [b, c, d]}
"""


def declared() -> list[DeclaredFunnel]:
    definition = load_definitions(FILE).games[0].settings.definition
    game = Game(id="g", studio_id="s", slug="g", name="G", created_at_ms=0, limits=Limits())
    return declared_funnels(msgspec.structs.replace(game, definition=definition))


@pytest.mark.parametrize(
    ("query", "choice"),
    [
        ({}, FunnelChoice("declared", "first", ("a", "b"), 60)),
        ({"funnel": "second"}, FunnelChoice("declared", "second", ("b", "c", "d"), 1440)),
        ({"funnel": "first", "window": "5"}, FunnelChoice("declared", "first", ("a", "b"), 5)),
        ({"steps": '["x","y"]'}, FunnelChoice("picked", None, ("x", "y"), 1440)),
        ({"steps": "[]"}, FunnelChoice("observed", None, None, 1440)),
    ],
)
def test_a_funnel_is_declared_picked_or_observed(query: dict[str, str], choice: FunnelChoice) -> None:
    assert read_choice(query, declared()) == choice


def test_without_a_declared_one_steps_are_observed() -> None:
    assert read_choice({}, []) == FunnelChoice("observed", None, None, 1440)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"funnel": "third"}, "funnel"),
        ({"steps": '["x"]'}, "steps"),
        ({"steps": '["x","x"]'}, "steps"),
        ({"steps": "x"}, "steps"),
        ({"steps": '["x",""]'}, "steps"),
        ({"window": "0"}, "window"),
        ({"window": "129601"}, "window"),
    ],
)
def test_what_cannot_be_read_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(BadParameter) as refused:
        read_choice(query, declared())
    assert refused.value.name == field
