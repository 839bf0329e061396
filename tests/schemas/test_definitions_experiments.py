from __future__ import annotations

import pytest

from schemas.studio.definitions import load_definitions
from schemas.studio.games import changed_fields
from schemas.studio.yaml_source import DefinitionInvalid

FILE = """\
studio: {name: Demo Studio, slug: demo}
games:
  - slug: doom
    name: Freedoom
    audiences: [{id: aud_beta, name: Beta cohort, minBuild: "0.5.0"}]  # maxBuild, builds: [], deviceIds: []
    experiments:
      - {id: exp_tutorial_v2, name: Tutorial test, audienceId: aud_beta, coverage: 100, pins: {dev_qa: treatment},
         variants: [{key: control, name: Control, allocation: 50}, {key: treatment, name: Treatment, allocation: 50}]}
"""  # noqa: E501 - the analytics contract's example
CONTROL, TREATMENT = "{key: control, name: Control, allocation: 50}", "Treatment, allocation: 50}"


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DefinitionInvalid) as caught:
        load_definitions(text)
    return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]


def test_the_contracts_example_travels_with_its_defaults() -> None:
    (game,) = load_definitions(FILE).games
    (experiment,) = game.settings.definition["experiments"]
    assert (experiment["salt"], experiment["coverage"]) == ("exp_tutorial_v2", 100)
    assert [variant["allocation"] for variant in experiment["variants"]] == [50, 50]
    (audience,) = game.settings.definition["audiences"]
    assert (audience["minBuild"], audience["builds"]) == ("0.5.0", [])
    same = FILE.replace("coverage: 100", "salt: exp_tutorial_v2")
    assert load_definitions(same) == load_definitions(FILE)


def test_a_game_without_experiments_is_the_definition_it_was() -> None:
    (game,) = load_definitions(FILE[: FILE.index("    audiences")]).games
    assert game.settings.definition.keys() == {"catalog", "events"}


def test_what_changed_is_named_by_id() -> None:
    (before,) = load_definitions(FILE).games
    (after,) = load_definitions(FILE.replace("Tutorial test", "Tutorial")).games
    assert changed_fields(before.settings, after.settings) == ["experiments[exp_tutorial_v2]"]


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "message"),
    [
        ("id: exp_tutorial_v2", "id: tutorial", 7, "experiments[0].id", "`exp_` and"),
        ("id: aud_beta", "id: beta", 5, "audiences[0].id", "`aud_` and"),
        ('minBuild: "0.5.0"', "minBuild: nightly", 5, "audiences[0].minBuild", "begin with a number"),
        ('minBuild: "0.5.0"', 'minBuild: "2", maxBuild: "1"', 5, "audiences[0].maxBuild", "before minBuild"),
        ('minBuild: "0.5.0"', "color: red", 5, "audiences[0].color", "not a field"),
        ('minBuild: "0.5.0"', r'deviceIds: ["a\0"]', 5, "audiences[0].deviceIds[0]", "U+0000"),
        ("audienceId: aud_beta", "audienceId: aud_x", 7, "experiments[0].audienceId", "no audience aud_x"),
        (
            "coverage: 100",
            "coverage: 100.5",
            7,
            "experiments[0].coverage",
            "must be 100 or less, not `100.5`",
        ),
        ("coverage: 100", "coverage: 33.333", 7, "experiments[0].coverage", "2 decimals"),
        ("coverage: 100", "coverage: -1", 7, "experiments[0].coverage", "must be 0 or more, not `-1`"),
        ("coverage: 100", "salt: a b", 7, "experiments[0].salt", "without spaces"),
        ("dev_qa: treatment", "dev_qa: blue", 7, "experiments[0].pins.dev_qa", "not one of the variants"),
        ("key: control", "key: con trol", 8, "experiments[0].variants[0].key", "1 to 40 of letters"),
        ("key: control", f"key: {'k' * 41}", 8, "experiments[0].variants[0].key", "1 to 40 of letters"),
        ("key: control", "key: none", 8, "experiments[0].variants[0].key", "without a winner"),
        ("key: control", "key: treatment", 8, "experiments[0].variants[1].key", "given twice"),
        (CONTROL + ", ", "", 8, "experiments[0].variants", "2 or more entries"),
        (TREATMENT, "Treatment, allocation: 49.99}", 8, "experiments[0].variants", "add up to 99.99"),
        (CONTROL, CONTROL.replace("50", "0"), 8, "experiments[0].variants[0].allocation", "above 0"),
        (CONTROL, CONTROL.replace("50", "50.001"), 8, "experiments[0].variants[0].allocation", "2 decimals"),
    ],
)
def test_a_bad_section_names_its_line_and_field(
    old: str, new: str, line: int, field: str, message: str
) -> None:
    assert old in FILE
    found = problems(FILE.replace(old, new, 1))
    assert (found[0][0], found[0][1]) == (line, f"games[0].{field}") or message in found[-1][2]
    assert any(
        (number, name) == (line, f"games[0].{field}") and message in why for number, name, why in found
    )


def test_allocations_of_two_decimals_add_up_exactly() -> None:
    two = "{key: a, name: A, allocation: 33.33}, {key: b, name: B, allocation: 33.33}"
    thirds = FILE.replace(CONTROL, two)
    thirds = thirds.replace(TREATMENT, "Treatment, allocation: 33.34}")
    (game,) = load_definitions(thirds).games
    assert len(game.settings.definition["experiments"][0]["variants"]) == 3


def test_an_id_is_given_once_in_a_file() -> None:
    second = FILE[FILE.index("  - slug") :].replace("slug: doom", "slug: two")
    ((line, field, message),) = problems(FILE + second)
    assert (line, field) == (13, "games[1].experiments[0].id")
    assert message == "exp_tutorial_v2 is also games[0].experiments[0].id"
    entry = FILE[FILE.index("      - {id: exp") :]
    assert problems(FILE + entry)[0][1] == "games[0].experiments[1].id"
