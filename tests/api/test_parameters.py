"""Query parameters: what is refused, in zod's words, and what is silently set right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.telemetry import parameters
from schemas.edge import zod_query
from schemas.edge.parameters import Parameter
from schemas.edge.zod import Issue

if TYPE_CHECKING:
    from tests.api.world import World


def issues(accepted: tuple[Parameter, ...], **query: str) -> list[dict[str, Any]]:
    with pytest.raises(zod_query.Invalid) as refused:
        zod_query.read(accepted, {name.rstrip("_"): value for name, value in query.items()})
    found: list[dict[str, Any]] = msgspec.to_builtins(refused.value.issues)
    return found


def test_defaults() -> None:
    values = zod_query.read(parameters.SESSIONS, {"unknown": "ignored"})
    assert (values["limit"], values["offset"], values["game"]) == (20, 0, None)


@pytest.mark.parametrize(
    ("text", "expected"), [("1", 1), ("100", 100), ("500", 100), ("1e30", 100), ("5.0", 5)]
)
def test_limit_is_clamped(text: str, expected: int) -> None:
    assert zod_query.read(parameters.SESSIONS, {"limit": text})["limit"] == expected


def test_numbers_in_zods_words() -> None:
    too_small = {
        "code": "too_small",
        "minimum": 1,
        "type": "number",
        "inclusive": True,
        "exact": False,
        "message": "Number must be greater than or equal to 1",
        "path": ["limit"],
    }
    assert issues(parameters.SESSIONS, limit="0") == [too_small]
    assert issues(parameters.SESSIONS, limit="-3") == [too_small]
    assert issues(parameters.SESSIONS, limit="1.5") == [
        {
            "code": "invalid_type",
            "expected": "integer",
            "received": "float",
            "message": "Expected integer, received float",
            "path": ["limit"],
        }
    ]
    for no_number in ("ten", "", " 7", "\u0663", "1_0"):
        assert issues(parameters.SESSIONS, limit=no_number) == [
            {
                "code": "invalid_type",
                "expected": "number",
                "received": "nan",
                "message": "Expected number, received nan",
                "path": ["limit"],
            }
        ]
    (negative,) = issues(parameters.SESSIONS, offset="-1")
    assert negative["message"] == "Number must be greater than or equal to 0"


def test_texts_in_zods_words() -> None:
    (long,) = issues(parameters.SESSIONS, game="x" * 121)
    assert long == {
        "code": "too_big",
        "maximum": 120,
        "type": "string",
        "inclusive": True,
        "exact": False,
        "message": "String must contain at most 120 character(s)",
        "path": ["game"],
    }
    (empty,) = issues(parameters.SESSIONS, q="")
    assert empty["message"] == "String must contain at least 1 character(s)"
    assert issues(parameters.HEATMAPS, env="BadEnv") == [
        {"validation": "regex", "code": "invalid_string", "message": "Invalid", "path": ["env"]}
    ]
    assert issues(parameters.HEATMAPS, env="prod\n")
    assert [issue["path"] for issue in issues(parameters.SESSIONS, env="A" * 65)] == [["env"], ["env"]]
    assert zod_query.read(parameters.HEATMAPS, {"build": ""})["build"] is None


def test_choices_in_zods_words() -> None:
    (issue,) = issues(parameters.INSIGHTS, sentiment="happy")
    assert issue == {
        "received": "happy",
        "code": "invalid_enum_value",
        "options": ["positive", "neutral", "negative"],
        "path": ["sentiment"],
        "message": "Invalid enum value. Expected 'positive' | 'neutral' | 'negative', received 'happy'",
    }


def test_bounds_must_not_cross() -> None:
    (issue,) = issues(parameters.EVENTS, from_="5", to="4")
    assert (issue["code"], issue["path"]) == ("custom", ["from"])
    assert zod_query.read(parameters.EVENTS, {"from": "5", "to": "5"})["from"] == 5


def test_every_fault_is_named_at_once() -> None:
    found = issues(parameters.SESSIONS, limit="0", status="done", env="A", offset="x")
    assert sorted(issue["path"][0] for issue in found) == ["env", "limit", "offset", "status"]


@given(st.dictionaries(st.sampled_from([p.name for p in parameters.SESSIONS]), st.text(max_size=250)))
def test_any_text_is_read_or_refused_with_issues(query: dict[str, str]) -> None:
    values: dict[str, Any] = {"limit": 1, "offset": 0}
    refused: list[Issue] = []
    try:
        values = zod_query.read(parameters.SESSIONS, query)
    except zod_query.Invalid as invalid:
        refused = invalid.issues
    assert all(issue.code and issue.path and issue.message for issue in refused)
    assert 1 <= values["limit"] <= 100
    assert values["offset"] >= 0


@pytest.mark.stack
async def test_a_bad_request_names_its_issues(world: World) -> None:
    response = await world.read("/api/v1/sessions", limit=0, status="done")
    assert response.status_code == 400
    assert response.json()["error"] == "Invalid query parameters"
    assert [issue["path"] for issue in response.json()["issues"]] == [["status"], ["limit"]]


@pytest.mark.stack
async def test_odd_texts_reach_the_store_whole(world: World) -> None:
    odd = "a'b\\c\t\n\0\"{x:String}%ü🙂"
    await world.sessions({"build_id": odd, "title": odd})
    for params in ({"build": odd}, {"q": odd[:5]}):
        assert (await world.read("/api/v1/sessions", **params)).json()["total"] == 1, params
