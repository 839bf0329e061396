"""All that is wrong with a file is told at once: what can't be read, its shape, and what it means."""

from __future__ import annotations

import pytest

from schemas.studio.definitions import load_definitions
from schemas.studio.yaml_source import DefinitionInvalid

HEAD = """\
studio: {name: Red Fox, slug: redfox, plann: studio}
games:
  - slug: voidrunner
    slug: voidwalker
    name: Void Runner
    catalog:
      currencies: [{economyKey: gold, name: Gold}, {economyKey: gold, name: Gold again}]
"""
EVENT = """\
      - eventKey: weekly
        name: Weekly
        mode: {mode}
        window: {{every: week}}
        metrics: {{frags: {{}}}}
        scoreFormula: "{formula}"
        rewards: [{{trigger: "rank <= 3", entries: [{{type: currency, key: {currency}, quantity: 5}}]}}]
"""


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DefinitionInvalid) as caught:
        load_definitions(text)
    return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]


def event(mode: str = "global", formula: str = "frags", currency: str = "gold") -> str:
    return EVENT.format(mode=mode, formula=formula, currency=currency)


def test_what_cannot_be_read_the_shape_and_the_meaning_are_told_together() -> None:
    found = problems(
        HEAD + "    events:\n" + event(formula="frags +* 2", currency="silver") + event(mode="globl")
    )
    assert [(line, field) for line, field, _ in found] == [
        (1, "studio.plann"),
        (4, "games[0].slug"),
        (7, "games[0].catalog.currencies[1].economyKey"),
        (14, "games[0].events[0].scoreFormula"),
        (15, "games[0].events[0].rewards[0].entries[0].key"),
        (16, "games[0].events[1].eventKey"),
        (18, "games[0].events[1].mode"),
    ]
    told = {field: message for _, field, message in found}
    assert told["games[0].slug"] == "is given twice"
    assert told["games[0].events[0].rewards[0].entries[0].key"] == "the catalog has no currency silver"
    assert told["games[0].events[1].eventKey"] == "weekly is given twice"


def test_what_a_part_of_a_wrong_shape_would_mean_is_not_guessed() -> None:
    text = HEAD + "    events:\n" + event(mode="globl", formula="frags +* 2", currency="silver")
    assert [field for _, field, _ in problems(text) if field.startswith("games[0].events")] == [
        "games[0].events[0].mode"
    ]


def test_a_key_given_twice_hides_no_problem_of_meaning() -> None:
    text = HEAD.replace(", plann: studio", "") + "    events:\n" + event(currency="silver")
    assert [field for _, field, _ in problems(text)] == [
        "games[0].slug",
        "games[0].catalog.currencies[1].economyKey",
        "games[0].events[0].rewards[0].entries[0].key",
    ]


@pytest.mark.parametrize(
    "wrong", ["games: 1", "games: [1, {slug: 1, events: [1]}]", "games: {events: []}", "a: 1"]
)
def test_any_shape_is_told_of(wrong: str) -> None:
    assert problems(f"studio: {{name: A, slug: a}}\n{wrong}\n")


@pytest.mark.parametrize(
    ("given", "meant"), [("descending", "desc"), ("DESC", "desc"), ("ascending", "asc"), ("Asc", "asc")]
)
def test_an_order_that_is_written_out_or_in_capitals_is_recognised(given: str, meant: str) -> None:
    lines = event().replace("        metrics", f"        order: {given}\n        metrics")
    told = {field: message for _, field, message in problems(HEAD + "    events:\n" + lines)}
    assert f"did you mean {meant}?" in told["games[0].events[0].order"]
