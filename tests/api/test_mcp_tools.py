"""Tools as names of reads: which there are, and the request that a call is."""

from __future__ import annotations

import jsonschema_rs
import pytest

from api.mcp.tools import BY_NAME, TOOLS, InvalidArguments
from tests.documented import documented

LISTED = (
    "list_games",
    "get_game",
    "list_sessions",
    "get_session",
    "query_insights",
    "get_build_summary",
    "compare_builds",
    "suggest_fixes",
    "get_tester_summary",
    "get_tester_journey",
    "list_tester_archetypes",
    "get_heatmap",
    "get_event_stats",
    "list_playtest_batches",
    "get_playtest_batch",
    "list_playtest_keys",
    "list_tester_invites",
    "list_playtest_handles",
    "list_game_feedback_forms",
    "list_game_experiments",
    "get_experiment_comparison",
)


def test_the_tools_are_the_contract_s_in_its_order() -> None:
    assert tuple(tool.name for tool in TOOLS) == LISTED


def test_every_read_of_the_management_api_is_one_tool() -> None:
    reads = {
        template
        for method, template in documented().operations()
        if method == "GET"
        and template.startswith("/api/v1/")
        and not template.startswith(("/api/v1/playtests", "/api/v1/billing", "/api/v1/playtest-"))
        and not template.endswith("/playtests")
    }
    assert sorted(tool.route.template for tool in TOOLS) == sorted(reads)


def test_what_asks_an_ai_is_not_read_only() -> None:
    assert [tool.name for tool in TOOLS if not tool.read_only] == ["suggest_fixes", "list_tester_archetypes"]


def test_arguments_are_described_and_required_as_rest_s_parameters() -> None:
    schema = BY_NAME["compare_builds"].input_schema()
    assert list(schema["properties"]) == ["game", "version_a", "version_b", "env"]
    assert schema["required"] == ["game", "version_a", "version_b"]
    assert BY_NAME["get_tester_journey"].input_schema()["required"] == ["game", "device_id"]
    assert BY_NAME["get_experiment_comparison"].input_schema()["required"] == ["experiment_id"]
    assert BY_NAME["list_sessions"].input_schema()["properties"]["limit"]["default"] == 20
    for tool in TOOLS:
        schema = tool.input_schema()
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
        assert all(one["description"] for one in schema["properties"].values()), tool.name


@pytest.mark.parametrize(
    ("tool", "arguments", "path", "query"),
    [
        ("list_games", {}, "/api/v1/games", ""),
        ("get_game", {"id": "doom"}, "/api/v1/games/doom", ""),
        ("get_game", {"game": "doom"}, "/api/v1/games/doom", ""),
        ("get_session", {"id": "sess_1"}, "/api/v1/sessions/sess_1", ""),
        (
            "get_build_summary",
            {"game": "a", "version": "r/1 ü?#"},
            "/api/v1/builds/a/r%2F1%20%C3%BC%3F%23",
            "",
        ),
        ("get_tester_journey", {"game": "a", "deviceId": "d"}, "/api/v1/testers/a/d/journey", ""),
        ("get_game", {"id": "../v1/games"}, "/api/v1/games/..%2Fv1%2Fgames", ""),
        (
            "compare_builds",
            {"game": "a", "version_a": "1", "b": "2"},
            "/api/v1/builds/compare",
            "a=1&b=2&game=a",
        ),
        (
            "suggest_fixes",
            {"game": "a", "build": "1"},
            "/api/v1/builds/compare/suggestions",
            "build=1&game=a",
        ),
        (
            "list_sessions",
            {"limit": 5, "offset": 1.0, "q": None, "other": [1]},
            "/api/v1/sessions",
            "limit=5&offset=1",
        ),
        ("list_sessions", {"q": "a&b=ü"}, "/api/v1/sessions", "q=a%26b%3D%C3%BC"),
        ("get_experiment_comparison", {"id": "exp_1"}, "/api/v1/experiments/exp_1/comparison", ""),
    ],
)
def test_a_call_is_a_request(tool: str, arguments: dict[str, object], path: str, query: str) -> None:
    asked, parameters = BY_NAME[tool].request(arguments)
    assert (asked, sorted(parameters.split("&"))) == (path, sorted(query.split("&")))


@pytest.mark.parametrize("arguments", [{}, {"game": None, "device_id": "d"}, {"game": "", "device_id": "d"}])
def test_a_path_without_a_name_makes_no_request(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidArguments) as invalid:
        BY_NAME["get_tester_summary"].request(arguments)
    assert [issue.path for issue in invalid.value.issues][-1] in (["game"], ["device_id"])


def test_a_list_is_no_value() -> None:
    with pytest.raises(InvalidArguments) as invalid:
        BY_NAME["list_sessions"].request({"q": ["a"]})
    (issue,) = invalid.value.issues
    assert (issue.path, issue.code, issue.received) == (["q"], "invalid_type", "array")
