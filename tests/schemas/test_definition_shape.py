from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.studio.definition_schema import definition_schema
from schemas.studio.definitions import PROBLEMS_MAX, DefinitionFile, load_definitions
from schemas.studio.yaml_source import DefinitionInvalid, read_yaml

DEMO = Path(__file__).parents[2] / "deploy" / "lab" / "demo" / "demo.yaml"

MANY = """\
studo: {name: X}
studio: {name: "", slug: X Y, plan: gold, color: red}
games:
  - name: 12
    slug: a
    event: []
    limits: {ingestPerSecond: fast, streamsGameMax: 1.5}
    events:
      - {eventKey: e, name: E, mode: globl, window: {every: week, form: 2026-01-05}, metrics: {9x: {}}, scoreFormula: "1.0"}
      - {eventKey: f, name: F, mode: global, window: {from: soon}, metrics: {}, scoreFormula: "1.0", keep: bst}
    webhooks: {id: main}
"""  # noqa: E501 - one event a line


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DefinitionInvalid) as caught:
        load_definitions(text)
    return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]


def test_every_problem_of_shape_is_told_at_once() -> None:
    found = {(line, field): message for line, field, message in problems(MANY)}
    wanted = {
        (1, "studo"): "is not a field that is known here; did you mean studio? (studio, games)",
        (2, "studio.name"): "must have 1 or more characters",
        (
            2,
            "studio.slug",
        ): "must be 1 to 64 of lower-case letters, digits and `-`, neither first nor last a `-`, not `X Y`",
        (2, "studio.plan"): "`gold` is not one of the choices (free, indie, studio)",
        (2, "studio.color"): "is not a field that is known here (slug, name, plan, playtestPricing, ai)",
        (4, "games[0].name"): "must be text, not `12`: a text that looks like this needs quotes",
        (7, "games[0].limits.ingestPerSecond"): "must be a number or null, not `fast`",
        (7, "games[0].limits.streamsGameMax"): "must be a whole number or null, not `1.5`",
        (9, "games[0].events[0].mode"): "`globl` is not one of the choices; did you mean global?"
        " (global, grouped, segmented)",
        (
            9,
            "games[0].events[0].metrics.9x",
        ): "must be 1 to 64 of letters, digits and `_`, the first no digit, not `9x`",
        (10, "games[0].events[1].metrics"): "must have 1 or more entries",
        (
            10,
            "games[0].events[1].window.from",
        ): "must be a time such as 2026-01-05T00:00:00Z; without a zone it is UTC, not `soon`",
        (
            10,
            "games[0].events[1].keep",
        ): "`bst` is not one of the choices; did you mean best? (best, last, sum)",
        (11, "games[0].webhooks"): "must be a list, not a mapping of fields",
    }
    assert {place: found.get(place) for place in wanted} == wanted
    others = {place: message for place, message in found.items() if place not in wanted}
    assert set(others) == {(6, "games[0].event"), (9, "games[0].events[0].window.form")}
    assert all("did you mean" in message for message in others.values())


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ('ingestPerSecond: "10"', 'must be a number or null, not the text `"10"`: leave the quotes out'),
        ('streamsGameMax: "10"', 'must be a whole number or null, not the text `"10"`: leave the quotes out'),
        ('streamsGameMax: "1.5"', "must be a whole number or null, not `1.5`"),
        ('ingestPerSecond: "true"', "must be a number or null, not `true`"),
        ('ingestPerSecond: "1e999"', "must be a number or null, not `1e999`"),
    ],
)
def test_quotes_that_make_a_text_of_a_number_are_told(limits: str, said: str) -> None:
    text = f"studio: {{name: X, slug: x}}\ngames:\n  - {{slug: g, name: G, limits: {{{limits}}}}}\n"
    assert [message for *_, message in problems(text)] == [said]


def test_a_field_that_is_the_end_of_a_longer_name_is_told_that() -> None:
    text = "studio: {name: X, slug: x}\ngames:\n  - {slug: g, name: G, events: [{key: weekly}]}\n"
    said = {field: message for _, field, message in problems(text)}
    assert said["games[0].events[0].key"].startswith(
        "is not a field that is known here; did you mean eventKey? ("
    )


def test_a_file_of_problems_tells_the_first_hundred() -> None:
    games = "".join(f"  - {{slug: g{number}, name: 5, colour: red}}\n" for number in range(99))
    assert len(problems("studio: {name: X, slug: x}\ngames:\n" + games)) == PROBLEMS_MAX


def test_no_message_holds_a_regular_expression() -> None:
    assert [message for *_, message in problems(MANY) if "regex" in message or "\\Z" in message] == []


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


def test_the_schema_is_one_that_editors_read() -> None:
    schema = definition_schema()
    Draft202012Validator.check_schema(schema)
    patterns = [part for part in parts(schema) if isinstance(part.get("pattern"), str)]
    assert len(patterns) > 5
    assert [part for part in patterns if "description" not in part or "\\Z" in part["pattern"]] == []


def test_the_schema_takes_what_the_reader_takes() -> None:
    validator = Draft202012Validator(definition_schema())
    for text in yaml_documents():
        data = read_yaml(text).data
        msgspec.convert(data, DefinitionFile)
        assert [error.message for error in validator.iter_errors(data)] == []


def yaml_documents() -> list[str]:
    from tests.schemas.test_definitions import CONTRACT, WEBHOOK  # noqa: PLC0415 - texts, not tests
    from tests.schemas.test_definitions_experiments import FILE  # noqa: PLC0415 - likewise

    return [DEMO.read_text(encoding="utf-8"), CONTRACT + WEBHOOK, FILE]


@pytest.mark.parametrize("text", yaml_documents(), ids=["demo", "contract", "experiments"])
def test_one_changed_value_is_refused_by_both_or_by_neither(text: str) -> None:
    validator = Draft202012Validator(msgspec.json.schema(DefinitionFile))
    data = yaml.safe_load(yaml.safe_dump(read_yaml(text).data))
    tried = 0
    for holder, key in places(data):
        kept = holder[key]
        for other in (None, True, -1, 1.5, "x y", "", [], {}, [1], {"a": 1}):
            holder[key] = other
            refused = bool([*validator.iter_errors(data)])
            why = unreadable(data)
            # A time is text to the plain schema; the format that says more is checked with the problems.
            assert refused == bool(why) or "datetime" in why, (key, other, why)
            tried += 1
        holder[key] = kept
    assert tried >= 90


def unreadable(data: Any) -> str:
    try:
        msgspec.convert(data, DefinitionFile)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a scalar, one for each name."""
    seen: set[object] = set()

    def visit(part: Any) -> Iterator[tuple[Any, Any]]:
        for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
            if isinstance(value, dict | list):
                yield from visit(value)
            elif key not in seen:
                seen.add(key)
                yield part, key

    yield from visit(data)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n  b: 1\n\tc: 2", 3, "a tab indents this line"),
        ("a:\n\tb: 1", 2, "a tab indents this line"),
        ("a:\n  b: 1\n c: 2", 3, "is indented by 1 space, which fits nothing above it"),
        ("a:\n  b: 1\n   c: 2", 3, "is indented deeper (3 spaces) than the line before it (2 spaces)"),
        ("a: b: c", 1, "has a second `: `"),
        ("a\nb: 1", 2, "lacks its `:`"),
        ("x: 1\na: [1, 2\nb: 3", 2, "the `[` that begins here is not closed"),
        ("x: 1\na: {b: 1\nc: 2", 2, "the `{` that begins here is not closed"),
        ("x: 1\na: 'b\nc: 2\n", 2, "the quotation mark that begins here is not closed"),
        ("x: 1\na: @b", 2, "`@` can't begin a value: put the value in quotation marks"),
        ("a: - x", 1, "begins a line of its own"),
        ("- a\nb: 1", 2, "is indented by 0 spaces"),
    ],
)
def test_what_is_no_yaml_is_explained_at_the_line_to_change(text: str, line: int, message: str) -> None:
    ((found, field, said),) = problems(text)
    assert (found, field) == (line, "")
    assert message in said
