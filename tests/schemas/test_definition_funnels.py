from __future__ import annotations

import msgspec
import pytest

from schemas.studio.definitions import load_definitions
from schemas.studio.games import changed_fields
from schemas.studio.yaml_source import DefinitionInvalid

FILE = """studio: {name: A, slug: a}
games:
  - slug: g
    name: G
    funnels:
      - {key: first, name: First, steps: [a, b], windowMinutes: 60}
"""


def test_funnels_travel_with_their_defaults_and_are_left_out_where_there_are_none() -> None:
    settings = load_definitions(FILE.replace(", windowMinutes: 60", "")).games[0].settings
    funnel = {"key": "first", "name": "First", "steps": ["a", "b"], "windowMinutes": 1440}
    assert settings.definition["funnels"] == [funnel]
    without = load_definitions(FILE[: FILE.index("    funnels")]).games[0].settings
    assert "funnels" not in without.definition
    assert changed_fields(without, settings) == ["funnels[first]"]
    assert msgspec.json.decode(msgspec.json.encode(settings.definition)) == settings.definition


def test_annotations_travel_in_utc() -> None:
    said = FILE + "    annotations: [{at: 2026-01-05T02:00:00+02:00, text: Demo night}]\n"
    settings = load_definitions(said).games[0].settings
    assert settings.definition["annotations"] == [{"at": "2026-01-05T00:00:00Z", "text": "Demo night"}]
    assert changed_fields(load_definitions(FILE).games[0].settings, settings) == ["annotations"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("[a, b]", "[a]", "games[0].funnels[0].steps"),
        ("[a, b]", "[a, b, a]", "games[0].funnels[0].steps[2]"),
        ("windowMinutes: 60", "windowMinutes: 0", "games[0].funnels[0].windowMinutes"),
        ("      - {key: first", "      - {key: first, name: x, steps: [a, b]}\n      - {key: first",
         "games[0].funnels[1].key"),
    ],
)  # fmt: skip
def test_a_funnel_that_cannot_be_is_told_with_its_field(old: str, new: str, field: str) -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        load_definitions(FILE.replace(old, new))
    assert [problem.field for problem in caught.value.problems] == [field]
