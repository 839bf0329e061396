"""Builds side by side, journeys and forms over HTTP: shapes, headers, refusals, texts as they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import pytest

from schemas.telemetry.friction import tag_of
from tests.api.world import NOW_MS, time64

if TYPE_CHECKING:
    from tests.api.world import World

pytestmark = pytest.mark.stack

MINUTE = 60_000
ODD = "<img src=x onerror=alert(1)>\"'&\n\u202eü🙂 https://evil.example"


async def analyzed(
    world: World, session: str, *found: tuple[str, str], device: str = "d1", **row: Any
) -> None:
    """A session of a minute with a summary and these findings, as (type, place)."""
    events = row.pop("events", [(NOW_MS, "a"), (NOW_MS + 20_000, "a"), (NOW_MS + MINUTE, "a")])
    times = [moment for moment, _ in events]
    await world.sessions(
        {"session_id": session, "player_id": device, "tester_handle": device, "events": events} | row
    )
    shared = {
        "session_id": session,
        "player_id": device,
        "build_id": row.get("build_id", "0.4.9"),
        "environment": row.get("environment", "production"),
        "created_at": time64(max(times)),
        "recorded_at": time64(min(times)),
        "wall_ms": max(times) - min(times),
        "active_ms": 20_000,
    }
    findings = [
        {"type": kind, "place": place, "tag": tag_of(kind, place), "evidence": f"{kind} at {place}"}
        for kind, place in (("session-summary", ""), *found)
    ]
    await world.insights(*(shared | finding for finding in findings))


async def compare(world: World, **params: Any) -> Any:
    return await world.read("/api/v1/builds/compare", **({"game": "doom", "a": "1", "b": "2"} | params))


async def test_two_builds_side_by_side(world: World) -> None:
    await analyzed(world, "sess_1", ("stuck-point", "Door"), ("bug-report", "Hall"), build_id="1")
    await analyzed(world, "sess_2", ("stuck-point", "DOOR!"), device="d2", build_id="1")
    await analyzed(world, "sess_3", ("stuck-point", "door"), ("praise", "door"), device="d3", build_id="2")
    await world.sessions({"build_id": "1", "player_id": "d9"})  # processing: not counted
    response = await compare(world)
    assert response.status_code == 200
    assert 0 <= int(response.headers["x-data-age-ms"]) <= 2_000
    answer = response.json()
    assert (answer["game"]["slug"], answer["environment"]) == ("doom", "production")
    assert answer["buildA"] == {
        "version": "1",
        "testersInBatch": 2,
        "sessionCount": 2,
        "firstSeen": NOW_MS,
        "lastSeen": NOW_MS + MINUTE,
        "stats": {
            "totalWallSec": 120,
            "totalActiveSec": 40,
            "avgWallSec": 60,
            "avgActiveSec": 20,
            "medianWallSec": 60,
            "medianActiveSec": 20,
            "engagementRate": 0.33,
        },
        "byTag": [
            {
                "tag": "door-stuck",
                "type": "stuck-point",
                "testersWithTag": 2,
                "pct": 100,
                "insightCount": 2,
                "exampleSummaries": answer["buildA"]["byTag"][0]["exampleSummaries"],
            },
            {
                "tag": "hall-bug",
                "type": "bug-report",
                "testersWithTag": 1,
                "pct": 50,
                "insightCount": 1,
                "exampleSummaries": ["bug-report at Hall"],
            },
        ],
    }
    examples = answer["buildA"]["byTag"][0]["exampleSummaries"]
    assert sorted(examples) == ["stuck-point at DOOR!", "stuck-point at Door"]
    assert answer["diff"] == {
        "buildA": {"version": "1", "testersInBatch": 2, "sessionCount": 2},
        "buildB": {"version": "2", "testersInBatch": 1, "sessionCount": 1},
        "changes": [
            {
                "kind": "resolved",
                "tag": "hall-bug",
                "deltaPct": -50,
                "pctA": 50,
                "pctB": 0,
                "testersA": 1,
                "testersB": 0,
            },
            {
                "kind": "carried_over",
                "tag": "door-stuck",
                "deltaPct": 0,
                "pctA": 100,
                "pctB": 100,
                "testersA": 2,
                "testersB": 1,
            },
        ],
        "totals": {"resolved": 1, "gotSmaller": 0, "carriedOver": 1, "gotLarger": 0, "introduced": 0},
        "lowSample": True,
    }
    same = (await compare(world, b="1")).json()["diff"]
    assert {change["kind"] for change in same["changes"]} == {"carried_over"}


async def test_environments_of_builds(world: World) -> None:
    await analyzed(world, "sess_1", ("bug-report", ""), build_id="1")
    await analyzed(world, "sess_2", ("bug-report", ""), build_id="2", environment="demo", device="d2")
    await world.sessions({"build_id": "2", "environment": "staging"})
    assert (await compare(world)).json() == {"error": "Build not found"}
    everywhere = (await compare(world, env="all")).json()
    assert everywhere["environment"] == "all"
    assert [everywhere[side]["sessionCount"] for side in ("buildA", "buildB")] == [1, 1]
    assert everywhere["buildA"]["byTag"][0]["tag"] == "bug-report"
    await world.sessions({"build_id": "1", "environment": "staging"})
    nothing = (await compare(world, env="staging")).json()
    for side in ("buildA", "buildB"):
        assert (nothing[side]["testersInBatch"], nothing[side]["firstSeen"], nothing[side]["byTag"]) == (
            0,
            None,
            [],
        )
        assert set(nothing[side]["stats"].values()) == {0}
    assert (nothing["diff"]["changes"], nothing["diff"]["lowSample"]) == ([], True)


async def test_what_a_comparison_refuses(world: World) -> None:
    required = {"code": "invalid_type", "message": "Required", "expected": "string", "received": "undefined"}
    bare = await world.read("/api/v1/builds/compare", env="A")
    assert bare.status_code == 400
    issues = bare.json()["issues"]
    assert issues[:3] == [required | {"path": [name]} for name in ("game", "a", "b")]
    assert issues[3]["path"] == ["env"]
    for params in ({"a": ""}, {"b": "x" * 201}, {"env": ""}, {"game": ""}):
        refused = await compare(world, **params)
        assert (refused.status_code, [one["path"] for one in refused.json()["issues"]]) == (400, [[*params]])
    assert (await compare(world, game="nothing")).json() == {"error": "Game not found"}
    theirs = world.directory.other_management
    refused = await world.read("/api/v1/builds/compare", key=theirs, game="doom", a="1", b="2")
    assert (refused.status_code, refused.json()) == (404, {"error": "Game not found"})
    assert (await world.read("/api/v1/builds/compare", key=world.directory.ingest)).status_code == 403


async def test_a_journey(world: World) -> None:
    for number in range(6):
        active = [(NOW_MS + number * MINUTE, "a"), (NOW_MS + number * MINUTE + 1_000 * (6 - number), "a")]
        await analyzed(
            world,
            f"sess_{number}",
            ("pacing-issue", ""),
            ("positive-moment", "roof"),
            title="Run" if number else "",
            tester_handle="RedFox" if number == 2 else "d1",
            build_id="" if number == 1 else "1",
            events=active,
        )
    told = (await world.read("/api/v1/testers/doom/RedFox/journey")).json()["journey"]
    assert told["tester"] == {"handle": "RedFox", "deviceId": "d1", "identityLabel": "RedFox"}
    assert told["game"] == {"id": world.directory.doom.id, "slug": "doom", "name": "Doom"}
    assert (told["totalSessions"], told["totalActiveSec"]) == (6, 21)
    assert told["engagementTrend"] == "declining"
    assert [entry["sessionId"] for entry in told["entries"]] == [f"sess_{number}" for number in range(6)]
    first, second = told["entries"][:2]
    assert (first["title"], first["build"], second["build"], second["title"]) == (None, "1", None, "Run")
    assert (first["duration"], first["activeSec"], first["engagementRate"]) == (6, 6, 1.0)
    assert first["topFriction"]["tag"] == "pacing-issue"
    assert first["topPraise"]["summary"] == "positive-moment at roof"
    assert {insight["type"] for insight in first["insights"]} == {
        "pacing-issue",
        "positive-moment",
        "session-summary",
    }
    assert told["summary"] == (
        "6 sessions by 1 tester, 0 minutes active. Friction: pacing-issue (1)."
        " Praise: roof-positive-moment (1)."
    )
    assert told["summarySource"] == "rules"
    device = (await world.read("/api/v1/testers/doom/d1/journey", env="production")).json()["journey"]
    assert device["entries"] == told["entries"]
    tester = (await world.read("/api/v1/testers/doom/d1")).json()
    assert tester["ruleSummary"]["narrative"] == told["summary"]


async def test_handles_and_devices_of_the_same_spelling(world: World) -> None:
    """`d2` is one tester's device and another's handle; `d1` has two handles and a session without one."""
    await analyzed(world, "sess_a", device="d1", tester_handle="d2")
    await analyzed(world, "sess_b", device="d1", tester_handle="Owl")
    await analyzed(world, "sess_c", device="d1")
    await analyzed(world, "sess_d", device="d2")
    await analyzed(world, "sess_e", device="d3", tester_handle=ODD)

    async def sessions(tester: str, **params: Any) -> list[str]:
        answer = await world.read(f"/api/v1/testers/doom/{quote(tester, safe='')}/journey", **params)
        return [entry["sessionId"] for entry in answer.json()["journey"]["entries"]]

    assert await sessions("d2") == ["sess_a", "sess_c"]
    assert await sessions("Owl") == ["sess_b", "sess_c"]
    assert await sessions("d1") == ["sess_a", "sess_b", "sess_c"]
    assert await sessions("d3") == await sessions(ODD) == ["sess_e"]


async def test_a_handle_that_was_linked_is_a_handle(world: World) -> None:
    doom = world.directory.doom
    await analyzed(world, "sess_before", device="d1", events=[(NOW_MS - MINUTE, "a")])
    await analyzed(world, "sess_after", device="d1", tester_handle="sent")
    await world.insert(
        "tester_links",
        [
            {
                "studio_id": doom.studio_id,
                "game_id": doom.id,
                "handle": "linked",
                "device_id": "d1",
                "claimed_at": time64(NOW_MS - 1),
                "unlinked_at": None,
            }
        ],
    )
    told = (await world.read("/api/v1/testers/doom/linked/journey")).json()["journey"]
    assert [entry["sessionId"] for entry in told["entries"]] == ["sess_before", "sess_after"]
    assert told["tester"]["handle"] == "linked"
    assert (await world.read("/api/v1/testers/doom/sent/journey")).status_code == 404


async def test_what_a_journey_refuses(world: World) -> None:
    for path, field in ((f"{'g' * 257}/d", "game"), (f"doom/{'d' * 257}", "deviceId")):
        refused = await world.read(f"/api/v1/testers/{path}/journey")
        assert (refused.status_code, refused.json()["issues"][0]["path"]) == (400, [field])
        assert refused.json()["issues"][0]["maximum"] == 256
    assert (await world.read("/api/v1/testers/no/d/journey")).json() == {"error": "Game not found"}
    assert (await world.read("/api/v1/testers/doom/nobody/journey")).json() == {"error": "Tester not found"}
    await analyzed(world, "sess_1", device="d1")
    assert (await world.read("/api/v1/testers/doom/d1/journey", env="demo")).status_code == 404
    assert (await world.read("/api/v1/testers/doom/d1/journey", env="De")).status_code == 400
    theirs = world.directory.other_management
    refused = await world.read("/api/v1/testers/doom/d1/journey", key=theirs)
    assert (refused.status_code, refused.json()) == (404, {"error": "Game not found"})


async def test_texts_come_out_as_they_went_in(world: World) -> None:
    await analyzed(world, "sess_odd", ("stuck-point", ODD), device=ODD, build_id="1", title=ODD)
    await analyzed(world, "sess_other", build_id="2")
    response = await compare(world)
    assert response.headers["content-type"] == "application/json"
    (tag,) = response.json()["buildA"]["byTag"]
    assert tag["exampleSummaries"] == [f"stuck-point at {ODD}"]
    assert tag["tag"] == "img-src-x-onerror-alert-1-ü-https-evil-example-stuck"
    (item,) = (await world.read("/api/v1/insights", type="stuck-point")).json()["items"]
    assert (item["place"], item["tag"], item["deviceId"]) == (ODD, tag["tag"], ODD)


async def test_forms_in_their_order_with_how_often_they_were_answered(world: World) -> None:
    doom = world.directory.doom
    fields: list[dict[str, Any]] = [
        {"id": "q1", "label": ODD, "kind": "rating-1-5", "required": True},
        {"id": "q2", "label": "Why?", "kind": "long-text"},
    ]
    forms = [
        {"id": "ff_z", "name": "Z", "fields": fields, "triggerHint": "after_session", "active": False},
        {"id": "ff_a", "name": "A", "fields": fields[1:]},
    ]
    world.directory.all_games[0] = msgspec.structs.replace(doom, feedback_forms=forms)
    own = {"studio_id": doom.studio_id, "game_id": doom.id, "form_id": "ff_z", "answers": "[]"}
    for submissions in (["s1", "s2"], ["s2", "s3"]):  # s2 came twice
        await world.insert("feedback", [own | {"submission_id": one, "_rank": 1} for one in submissions])
    answer = (await world.read("/api/v1/games/doom/prompts")).json()
    assert answer["forms"] == [
        {
            "id": "ff_z",
            "name": "Z",
            "fields": [fields[0], fields[1] | {"required": False}],
            "triggerHint": "after_session",
            "active": False,
            "responseCount": 3,
        },
        {
            "id": "ff_a",
            "name": "A",
            "fields": [fields[1] | {"required": False}],
            "triggerHint": None,
            "active": True,
            "responseCount": 0,
        },
    ]
    assert answer["game"]["slug"] == "doom"
    assert (await world.read("/api/v1/games/relay/prompts")).json()["forms"] == []
    refused = await world.read("/api/v1/games/doom/prompts", key=world.directory.other_management)
    assert (refused.status_code, refused.json()) == (404, {"error": "Game not found"})


async def test_suggestions_without_an_ai_key(world: World) -> None:
    await analyzed(world, "sess_1", build_id="1")
    await analyzed(world, "sess_2", build_id="2", environment="demo")

    async def ask(**params: Any) -> Any:
        return await world.read("/api/v1/builds/compare/suggestions", **({"game": "doom"} | params))

    refused = await ask(build="1")
    assert (refused.status_code, refused.json()) == (
        402,
        {"error": "Suggestions need a chat key of the studio's own", "ok": False, "requiresPremium": True},
    )
    assert (await ask(a="1", b="1")).status_code == 402
    for params in ({}, {"a": "1"}, {"build": "1", "b": "2"}, {"build": "1", "a": "1", "b": "2"}):
        wrong = await ask(**params)
        assert (wrong.status_code, [one["path"] for one in wrong.json()["issues"]]) == (400, [["build"]])
    assert [one["path"] for one in (await ask(build="1", env="all")).json()["issues"]] == [["env"]]
    assert (await ask(a="1", b="2")).json() == {"error": "Build not found"}


async def test_archetypes_without_an_ai_key_and_the_bucket_that_both_share(world: World) -> None:
    for number in range(3):
        await analyzed(world, f"sess_{number}", device=f"d{number // 2}")
    await analyzed(world, "sess_demo", device="d9", environment="demo")
    path = "/api/v1/testers/doom/archetypes"
    answer = (await world.read(path)).json()
    assert answer == {
        "archetypes": [],
        "testerCount": 2,
        "modelId": None,
        "reason": "requires_byo_key",
    }
    assert (await world.read(path, env="De")).status_code == 400
    assert (await world.read("/api/v1/testers/none/archetypes")).json() == {"error": "Game not found"}
    answered = 0
    while (await world.read(path)).status_code == 200:
        answered += 1  # 8 where the minute has not begun to refill the bucket
    assert 8 <= answered < 50
    limited = await world.read("/api/v1/builds/compare/suggestions", game="doom", build="0.4.9")
    assert (limited.status_code, limited.json()["scope"]) == (429, "key")
    assert (await world.read("/api/v1/games")).status_code == 200
