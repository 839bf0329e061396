"""Reads of builds, testers and counts of events over rows put in directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from projections.telemetry.queries import session_rollups
from tests.api.world import MINUTE, NOW_MS

if TYPE_CHECKING:
    from tests.api.world import World


pytestmark = pytest.mark.stack


async def test_a_build_rollup(world: World) -> None:
    await world.sessions(
        {"player_id": "a", "country": "US", "events": [(NOW_MS, "x"), (NOW_MS + 10_000, "x")]},
        {"player_id": "a", "country": "DE", "events": [(NOW_MS + MINUTE, "x"), (NOW_MS + 161_000, "x")]},
        {"player_id": "b", "environment": "demo", "events": [(NOW_MS - MINUTE, "x")]},
        {"player_id": "c", "build_id": "other"},
    )
    answer = (await world.read("/api/v1/builds/doom/0.4.9")).json()
    assert answer["rollup"] == {
        "version": "0.4.9",
        "sessionCount": 3,
        "uniqueDevices": 2,
        "firstSeen": NOW_MS - MINUTE,
        "lastSeen": NOW_MS + 161_000,
        "stats": {
            "totalWallSec": 111,
            "totalActiveSec": 10,
            "avgWallSec": 37,
            "avgActiveSec": 3,
            "medianWallSec": 10,
            "medianActiveSec": 0,
            "engagementRate": 0.09,
        },
        "sampleCountry": "DE",
    }
    assert answer["summary"] is None
    scoped = (await world.read("/api/v1/builds/doom/0.4.9", env="production")).json()["rollup"]
    assert (scoped["sessionCount"], scoped["stats"]["medianWallSec"]) == (2, 56)
    assert (await world.read("/api/v1/builds/doom/9.9")).status_code == 404
    assert (await world.read("/api/v1/builds/relay/0.4.9")).status_code == 404


async def test_a_build_or_tester_of_other_environments_only_is_known_and_has_nothing(world: World) -> None:
    await world.sessions({"player_id": "d", "environment": "demo", "country": "US"})
    stats = dict.fromkeys(
        (
            "totalWallSec",
            "totalActiveSec",
            "avgWallSec",
            "avgActiveSec",
            "medianWallSec",
            "medianActiveSec",
            "engagementRate",
        ),
        0,
    )
    build = (await world.read("/api/v1/builds/doom/0.4.9", env="production")).json()
    assert build["rollup"] == {
        "version": "0.4.9",
        "sessionCount": 0,
        "uniqueDevices": 0,
        "firstSeen": None,
        "lastSeen": None,
        "stats": stats,
        "sampleCountry": None,
    }
    tester = (await world.read("/api/v1/testers/doom/d", env="production")).json()
    assert tester["sessions"] == []
    assert tester["rollup"] == {
        "deviceId": "d",
        "sessionCount": 0,
        "firstSeen": None,
        "lastSeen": None,
        "stats": stats,
        "lastBuild": None,
        "country": None,
        "region": None,
        "city": None,
    }
    for path, what in (("builds/doom/0.5.0", "Build"), ("testers/doom/e", "Tester")):
        refused = await world.read(f"/api/v1/{path}", env="demo")
        assert (refused.status_code, refused.json()) == (404, {"error": f"{what} not found"})


async def test_a_testers_rollup_counts_every_session(world: World) -> None:
    doom = world.directory.doom
    await world.clickhouse.command(
        "INSERT INTO session_parts (studio_id, game_id, session_id, player_id, build_id, environment, "
        "first_event_at, last_event_at, spans, _version) "
        f"SELECT '{doom.studio_id}', '{doom.id}', 'sess_' || toString(number), 'many', toString(number), "
        f"'demo', fromUnixTimestamp64Milli(toInt64({NOW_MS} + number)), "
        f"fromUnixTimestamp64Milli(toInt64({NOW_MS} + 1000 + number)), "
        f"[(toInt64({NOW_MS} + number), toInt64({NOW_MS} + 1000 + number))], 1 FROM numbers(10001)"
    )
    rollup = await session_rollups.tester_rollup(world.queries, doom.studio_id, doom.id, "many", None)
    assert rollup is not None
    assert (rollup.sessions, rollup.first_seen, rollup.last_seen) == (10_001, NOW_MS, NOW_MS + 11_000)
    assert (rollup.stats.total_wall, rollup.last_build) == (10_001, "10000")


async def test_a_build_with_a_slash_in_its_name(world: World) -> None:
    await world.sessions({"build_id": "release/1.0"}, {"player_id": "a/b"})
    answer = await world.read("/api/v1/builds/doom/release%2F1.0")
    assert answer.json()["rollup"]["version"] == "release/1.0"
    assert (await world.read("/api/v1/builds/doom/release/1.0")).status_code == 404
    assert (await world.read("/api/v1/testers/doom/a%2fb")).json()["rollup"]["deviceId"] == "a/b"


async def test_a_tester_with_sessions(world: World) -> None:
    await world.sessions(
        {"session_id": "sess_1", "player_id": "d", "build_id": "1", "country": "US", "city": "Ames"},
        {
            "session_id": "sess_2",
            "player_id": "d",
            "build_id": "2",
            "events": [(NOW_MS + MINUTE, "x"), (NOW_MS + MINUTE + 500, "x")],
        },
        {"player_id": "someone else"},
    )
    answer = (await world.read("/api/v1/testers/doom/d")).json()
    rollup = answer["rollup"]
    assert [session["id"] for session in answer["sessions"]] == ["sess_2", "sess_1"]
    assert (rollup["deviceId"], rollup["sessionCount"], rollup["lastBuild"]) == ("d", 2, "2")
    assert (rollup["firstSeen"], rollup["lastSeen"]) == (NOW_MS, NOW_MS + MINUTE + 500)
    assert (rollup["country"], rollup["region"], rollup["city"]) == ("US", None, "Ames")
    assert rollup["stats"] == {
        "totalWallSec": 11,
        "totalActiveSec": 11,
        "avgWallSec": 5,
        "avgActiveSec": 5,
        "medianWallSec": 5,
        "medianActiveSec": 5,
        "engagementRate": 1.0,
    }
    assert (await world.read("/api/v1/testers/doom/nobody")).status_code == 404


async def test_event_counts_over_sessions(world: World) -> None:
    names = [(NOW_MS, f"name_{n:02}") for n in range(60)]
    await world.sessions(
        {"events": [*names, (NOW_MS, "click"), (NOW_MS, "click")]},
        {"build_id": "2", "environment": "demo", "events": [(NOW_MS + MINUTE, "click")]},
    )
    answer = (await world.read("/api/v1/events/doom")).json()
    assert (answer["sessionCount"], answer["total"], len(answer["byName"])) == (2, 63, 61)
    assert answer["top"][:2] == [["click", 3], ["name_00", 1]]
    assert len(answer["top"]) == 50
    filters: list[dict[str, Any]] = [{"build": "2"}, {"env": "demo"}, {"from_": NOW_MS + 1}]
    for params in filters:
        filtered = (await world.read("/api/v1/events/doom", **params)).json()
        assert (filtered["sessionCount"], filtered["byName"]) == (1, {"click": 1})
    nothing = (await world.read("/api/v1/events/relay")).json()
    assert (nothing["sessionCount"], nothing["total"], nothing["byName"], nothing["top"]) == (0, 0, {}, [])


async def test_event_counts_name_the_most_frequent_of_more_names_than_a_session_holds(world: World) -> None:
    """`zz_jump` sorts last, so the stored counts have it under `(other)`; the rows have all."""
    doom = world.directory.doom
    own = {"studio_id": doom.studio_id, "game_id": doom.id, "session_id": "sess_many"}
    stored = {f"a{number:04}": 1 for number in range(999)} | {"(other)": 254}
    times = [(NOW_MS, "a0000")]
    await world.sessions(
        {"session_id": "sess_many", "events": times, "event_counts": stored},
        {"events": [(NOW_MS, "a0000"), (NOW_MS, "elsewhere")]},
    )
    names = [f"a{number:04}" for number in range(1_200)] + ["zz_jump"] * 40
    await world.insert("events", [own | {"event_name": name, "_index": n} for n, name in enumerate(names)])
    await world.insert("positions", [own | {"x": 1.0, "y": 1.0, "_index": 5_000 + n} for n in range(10)])
    await world.insert("funnel_steps", [own | {"step_name": "start", "_index": 6_000 + n} for n in range(3)])
    answer = (await world.read("/api/v1/events/doom")).json()
    assert (answer["sessionCount"], answer["total"]) == (2, 1_255)
    assert answer["top"][:4] == [["zz_jump", 40], ["player_pos", 10], ["start", 3], ["a0000", 2]]
    assert len(answer["byName"]) == 1_001
    assert list(answer["byName"].items())[-1] == ("(other)", 1_255 - 55 - 996)
    assert sum(answer["byName"].values()) == answer["total"]
    filtered = (await world.read("/api/v1/events/doom", build="0.4.9")).json()
    assert filtered["byName"] == answer["byName"]
    detail = (await world.read("/api/v1/sessions/sess_many")).json()
    counts = detail["session"]["eventCounts"]
    assert (counts["zz_jump"], counts["player_pos"], counts["start"], counts["a0000"]) == (40, 10, 3, 1)
    assert (len(counts), sum(counts.values())) == (1_001, 1_253)


async def test_event_counts_stay_bounded_over_many_sessions(world: World) -> None:
    for some in range(3):
        names = [(NOW_MS, f"name_{some}_{number:03}") for number in range(700)]
        await world.sessions({"events": [*names, (NOW_MS, "zz"), (NOW_MS, "zz")]})
    answer = (await world.read("/api/v1/events/doom")).json()
    assert (answer["total"], len(answer["byName"]), answer["top"][0]) == (2_106, 1_001, ["zz", 6])
    assert answer["byName"]["(other)"] == 2_106 - 6 - 999
