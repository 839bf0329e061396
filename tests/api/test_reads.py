"""Reads over rows put in directly: shapes, order, pages, filters, walls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.api.world import MINUTE, NOW_MS, time64

if TYPE_CHECKING:
    from tests.api.world import World

pytestmark = pytest.mark.stack


async def test_games_are_the_studios_own(world: World) -> None:
    answer = (await world.read("/api/v1/games")).json()
    doom = world.directory.doom
    assert [game["slug"] for game in answer["games"]] == ["doom", "relay"]
    assert answer["games"][0] == {
        "id": doom.id,
        "userId": doom.studio_id,
        "name": "Doom",
        "slug": "doom",
        "createdAt": NOW_MS,
    }


async def test_a_game_by_id_or_slug_with_counts(world: World) -> None:
    empty = (await world.read("/api/v1/games/relay")).json()
    assert empty["counts"] == {"sessionCount": 0, "buildCount": 0, "testerCount": 0}
    await world.sessions(
        {"build_id": "1", "player_id": "a"},
        {"build_id": "2", "player_id": "a"},
        {"build_id": "", "player_id": "b"},
    )
    by_slug = (await world.read("/api/v1/games/doom")).json()
    by_id = (await world.read(f"/api/v1/games/{world.directory.doom.id}")).json()
    assert by_slug == by_id
    assert by_slug["counts"] == {"sessionCount": 3, "buildCount": 2, "testerCount": 2}


async def test_sessions_are_sorted_paged_and_counted(world: World) -> None:
    await world.sessions(
        *({"session_id": f"sess_{n}", "events": [(NOW_MS + n // 2 * MINUTE, "a")]} for n in range(6))
    )
    first = (await world.read("/api/v1/sessions", limit=4)).json()
    assert [item["id"] for item in first["items"]] == ["sess_4", "sess_5", "sess_2", "sess_3"]
    assert (first["hasMore"], first["total"]) == (True, 6)
    second = (await world.read("/api/v1/sessions", limit=4, offset=4)).json()
    assert [item["id"] for item in second["items"]] == ["sess_0", "sess_1"]
    assert (second["hasMore"], second["total"]) == (False, 6)
    beyond = (await world.read("/api/v1/sessions", limit=500, offset=100)).json()
    assert beyond == {"items": [], "hasMore": False, "total": 6}
    huge = (await world.read("/api/v1/sessions", offset=10**30)).json()
    assert huge == {"items": [], "hasMore": False, "total": 6}


async def test_a_sessions_row(world: World) -> None:
    await world.sessions(
        {
            "session_id": "sess_row",
            "title": "First run",
            "tester_handle": "RedFox",
            "started_at": time64(NOW_MS - 5_000),
            "metadata": '{"gameVersion":"0.4.9","mood":"good"}',
            "events": [(NOW_MS, "a"), (NOW_MS + 30_000, "a"), (NOW_MS + 90_400, "b")],
        }
    )
    (item,) = (await world.read("/api/v1/sessions")).json()["items"]
    assert item == {
        "id": "sess_row",
        "gameId": world.directory.doom.id,
        "userId": world.directory.studio_id,
        "title": "First run",
        "source": "unity-telemetry",
        "status": "processing",
        "recordedAt": NOW_MS - 5_000,
        "duration": 90,
        "deviceId": "device_1",
        "testerHandle": "RedFox",
        "transcript": None,
        "metadata": {
            "gameVersion": "0.4.9",
            "mood": "good",
            "environment": "production",
            "platform": "Win64",
        },
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"a", "b", "c"}),
        ({"game": "doom"}, {"a", "b"}),
        ({"build": "2.0"}, {"b"}),
        ({"env": "demo"}, {"b"}),
        ({"status": "pending"}, {"b"}),
        ({"status": "processing"}, {"c"}),
        ({"status": "analyzed"}, {"a"}),
        ({"status": "failed"}, set()),
        ({"source": "godot-telemetry"}, {"c"}),
        ({"q": "FÜCHS"}, {"a"}),
        ({"q": "redfo"}, {"b"}),
        ({"q": "100%_"}, set()),
        ({"from_": NOW_MS + MINUTE}, {"b", "c"}),
        ({"to": NOW_MS + MINUTE}, {"a", "b"}),
        ({"from_": NOW_MS + MINUTE, "to": NOW_MS + MINUTE}, {"b"}),
        ({"from_": 10**25}, set()),
    ],
)
async def test_session_filters(world: World, params: dict[str, Any], expected: set[str]) -> None:
    await world.sessions(
        {"session_id": "sess_a", "title": "Der Füchsin Lauf", "events": [(NOW_MS, "x")]},
        {
            "session_id": "sess_b",
            "tester_handle": "RedFox",
            "build_id": "2.0",
            "environment": "demo",
            "closed": 0,
            "events": [(NOW_MS + MINUTE, "x")],
        },
        {
            "session_id": "sess_c",
            "game": world.directory.relay,
            "source": "godot-telemetry",
            "events": [(NOW_MS + 2 * MINUTE, "x")],
        },
    )
    await world.insights({"session_id": "sess_a"})
    answer = (await world.read("/api/v1/sessions", **params)).json()
    assert {item["id"].removeprefix("sess_") for item in answer["items"]} == expected
    assert answer["total"] == len(expected)


async def test_one_session_with_insights_and_feedback(world: World) -> None:
    doom = world.directory.doom
    await world.sessions({"session_id": "sess_one", "country": "DE"})
    await world.insights(
        {
            "session_id": "sess_one",
            "insight_id": "ins_1",
            "type": "stuck-point",
            "sentiment": "negative",
            "place": "Act 2, <b>door</b>",
            "tag": "act-2-b-door-b-stuck",
        },
        {"session_id": "sess_one", "insight_id": "ins_gone", "removed": 1},
    )
    answers = [{"fieldId": "q1", "value": 4}, {"fieldId": "q2", "value": 'a "b"\n\\ü'}]
    await world.insert(
        "feedback",
        [
            {
                "studio_id": doom.studio_id,
                "game_id": doom.id,
                "form_id": "ff_1",
                "submission_id": "sub_1",
                "session_id": "sess_one",
                "player_id": "device_1",
                "answers": msgspec.json.encode(answers).decode(),
                "arrived_at": time64(NOW_MS),
                "_rank": 1,
            }
        ],
    )
    found = (await world.read("/api/v1/sessions/sess_one")).json()
    session = found["session"]
    assert (session["duration"], session["activeSec"], session["engagementRate"]) == (10, 10, 1.0)
    assert (session["country"], session["region"], session["eventCounts"]) == ("DE", None, {"click": 2})
    assert session["feedback"] == [
        {"formId": "ff_1", "submissionId": "sub_1", "submittedAt": NOW_MS, "answers": answers}
    ]
    assert found["insights"] == [
        {
            "id": "ins_1",
            "sessionId": "sess_one",
            "gameId": doom.id,
            "deviceId": "device_1",
            "type": "stuck-point",
            "sentiment": "negative",
            "confidence": 0.5,
            "evidence": "It went on.",
            "eventIds": ["0-1-0"],
            "place": "Act 2, <b>door</b>",
            "tag": "act-2-b-door-b-stuck",
            "createdAt": NOW_MS,
        }
    ]


async def test_the_same_given_id_in_two_games(world: World) -> None:
    await world.sessions(
        {"session_id": "sess_same", "first_arrived_at": time64(NOW_MS + 1)},
        {
            "session_id": "sess_same",
            "game": world.directory.relay,
            "first_arrived_at": time64(NOW_MS),
        },
        {"session_id": "bare"},
    )
    await world.insights({"session_id": "sess_same"}, {"session_id": "bare"})
    items = (await world.read("/api/v1/sessions")).json()["items"]
    shown = {item["id"]: item["gameId"] for item in items}
    assert len(shown) == 3
    assert shown["sess_same"] == world.directory.relay.id
    assert all(public.startswith("sess_") for public in shown)
    for public, game in shown.items():
        one = (await world.read(f"/api/v1/sessions/{public}")).json()["session"]
        assert (one["id"], one["gameId"]) == (public, game)
    insights = (await world.read("/api/v1/insights")).json()["items"]
    assert {item["sessionId"] for item in insights} == set(shown) - {"sess_same"}
    assert (await world.read("/api/v1/sessions/bare")).status_code == 404


async def test_insights_are_sorted_filtered_and_paged(world: World) -> None:
    await world.sessions({"session_id": "sess_i"})
    await world.insights(
        *(
            {
                "session_id": "sess_i",
                "insight_id": f"ins_{n}",
                "type": "stuck-point" if n % 2 else "session-summary",
                "sentiment": "negative" if n % 2 else "neutral",
                "build_id": f"b{n // 2}",
                "created_at": time64(NOW_MS + n // 2 * MINUTE),
            }
            for n in range(4)
        )
    )
    page = (await world.read("/api/v1/insights", limit=3)).json()
    assert [item["id"] for item in page["items"]] == ["ins_2", "ins_3", "ins_0"]
    assert (page["hasMore"], page["total"]) == (True, 4)

    async def ids(**params: Any) -> list[str]:
        return [item["id"] for item in (await world.read("/api/v1/insights", **params)).json()["items"]]

    assert await ids(type="stuck-point") == ["ins_3", "ins_1"]
    assert await ids(sentiment="neutral", build="b1") == ["ins_2"]
    assert await ids(game="relay") == []
    assert await ids(from_=NOW_MS + 1) == ["ins_2", "ins_3"]
    assert await ids(to=NOW_MS) == ["ins_0", "ins_1"]


async def test_what_filters_compare_is_what_is_shown(world: World) -> None:
    """A session that named its build and environment first and others later."""
    await world.sessions(
        {
            "session_id": "sess_moved",
            "build_id": "1.0",
            "environment": "demo",
            "metadata": '{"gameVersion":"2.0","environment":"production","mood":"good"}',
        },
        {"session_id": "sess_null", "build_id": "1.0", "metadata": '{"gameVersion":null}'},
    )
    shown = {"gameVersion": "1.0", "environment": "demo", "platform": "Win64", "mood": "good"}
    for params in ({"build": "1.0", "env": "demo"}, {"env": "demo"}):
        (item,) = (await world.read("/api/v1/sessions", **params)).json()["items"]
        assert (item["id"], item["metadata"]) == ("sess_moved", shown)
    assert (await world.read("/api/v1/sessions", build="2.0")).json()["total"] == 0
    one = (await world.read("/api/v1/sessions/sess_moved")).json()["session"]
    assert one["metadata"] == shown
    other = (await world.read("/api/v1/sessions/sess_null")).json()["session"]
    assert other["metadata"]["gameVersion"] == "1.0"


async def test_a_heatmap_is_of_sessions_as_all_reads_are(world: World) -> None:
    doom = world.directory.doom
    points = [(0.0, 0.0, "1"), (0.0, 0.0, "1"), (10.0, 5.0, "2")]
    latest = '{"gameVersion": "2", "environment": "demo"}'
    await world.sessions(
        {"session_id": "sess_walk", "build_id": "1", "environment": "demo", "metadata": latest}
    )
    await world.insert(
        "positions",
        [
            {
                "studio_id": doom.studio_id,
                "game_id": doom.id,
                "session_id": "sess_walk",
                "build_id": build,
                "environment": "demo",
                "source": "unity-telemetry",
                "room": "hall",
                "x": x,
                "y": y,
                "z": 0.0,
                "_offset": 7,
                "_index": n,
            }
            for n, (x, y, build) in enumerate(points)
        ],
    )
    response = await world.read("/api/v1/heatmaps/doom", build="1", env="demo")
    assert (await world.read("/api/v1/sessions", game="doom", build="1", env="demo")).json()["total"] == 1
    answer = response.json()
    assert int(response.headers["x-data-age-ms"]) < 3000
    assert answer["eventCount"] == 3
    assert answer["game"]["slug"] == "doom"
    assert answer["rooms"] == [
        {
            "room": "hall",
            "cellsX": 32,
            "cellsY": 18,
            "cells": [{"x": 0, "y": 0, "intensity": 1.0}, {"x": 31, "y": 17, "intensity": 0.6309}],
            "totalEvents": 3,
            "bounds": {"xMin": 0.0, "xMax": 10.0, "yMin": 0.0, "yMax": 5.0},
        }
    ]
    empty = (await world.read("/api/v1/heatmaps/doom", build="2")).json()
    assert (empty["rooms"], empty["eventCount"]) == ([], 0)


async def test_nothing_of_another_studio(world: World) -> None:
    await world.sessions({"session_id": "sess_mine", "player_id": "d"})
    await world.insights({"session_id": "sess_mine"})
    theirs = world.directory.other_management
    for path in ("/api/v1/sessions", "/api/v1/insights"):
        assert (await world.read(path, key=theirs)).json() == {"items": [], "hasMore": False, "total": 0}
        assert (await world.read(path, key=theirs, game="doom")).status_code == 404
    for path in (
        "/api/v1/sessions/sess_mine",
        "/api/v1/games/doom",
        f"/api/v1/games/{world.directory.doom.id}",
        "/api/v1/builds/doom/0.4.9",
        "/api/v1/testers/doom/d",
        "/api/v1/heatmaps/doom",
        "/api/v1/events/doom",
    ):
        mine = await world.read(path, key=theirs)
        unknown = await world.read(path.replace("doom", "no").replace("sess_mine", "sess_no"), key=theirs)
        assert (mine.status_code, mine.json()) == (404, unknown.json())
