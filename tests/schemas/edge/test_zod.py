"""The same fault has the same issue, in a body and in a query."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from api.telemetry import parameters
from schemas.edge import zod_query
from schemas.telemetry.s1 import validate_batch
from schemas.telemetry.s1_batch import InvalidBatch

BATCH = {"gameId": "g", "sessionId": "s", "deviceId": "d", "events": []}
EVENT = {"name": "n", "t": 1_778_714_850_693}
NOW_MS = 1_779_000_000_000


def in_body(**fields: Any) -> dict[str, Any]:
    with pytest.raises(InvalidBatch) as refused:
        validate_batch(json.dumps(BATCH | fields).encode(), NOW_MS)
    found: dict[str, Any] = msgspec.to_builtins(refused.value.issues[0])
    return found


def in_query(**query: str) -> dict[str, Any]:
    with pytest.raises(zod_query.Invalid) as refused:
        zod_query.read(parameters.SESSIONS, query)
    found: dict[str, Any] = msgspec.to_builtins(refused.value.issues[0])
    return found


def test_a_length_is_the_same_issue() -> None:
    for text, code in (("", "too_small"), ("x" * 121, "too_big")):
        body, query = in_body(gameId=text), in_query(game=text)
        assert body == query | {"path": ["gameId"]}
        assert query["code"] == code


def test_a_pattern_is_the_same_issue() -> None:
    assert in_body(metadata={"environment": "A b"}) == in_query(env="A b") | {
        "path": ["metadata", "environment"]
    }


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"sessionId": 5}, ["sessionId"], "Expected string, received integer"),
        ({"title": 5}, ["title"], "Expected string, received integer"),
        ({"events": {}}, ["events"], "Expected array, received object"),
        ({"events": [5]}, ["events", 0], "Expected object, received integer"),
        ({"events": [EVENT | {"props": []}]}, ["events", 0, "props"], "Expected object, received array"),
        ({"events": [EVENT | {"x": "1"}]}, ["events", 0, "x"], "Expected number, received string"),
    ],
)
def test_a_wrong_type_says_what_was_expected(fields: Any, path: list[Any], message: str) -> None:
    issue = in_body(**fields)
    assert (issue["code"], issue["path"], issue["message"]) == ("invalid_type", path, message)
    assert issue["message"] == f"Expected {issue['expected']}, received {issue['received']}"


def test_a_missing_field_is_required() -> None:
    issue = in_body(events=[{"name": "n"}])
    assert (issue["code"], issue["path"], issue["message"]) == (
        "invalid_type",
        ["events", 0, "t"],
        "Required",
    )


def test_a_word_that_is_none_of_the_known_ones() -> None:
    assert in_body(source="steam")["code"] == in_query(source="steam")["code"] == "invalid_enum_value"
    assert in_body(source="steam")["received"] == "steam"
