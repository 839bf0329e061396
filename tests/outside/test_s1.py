"""S1 ingest and its reads from outside."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.outside.world import Json, World, eventually, iso, now, trajectory, unique, unix_ms

pytestmark = pytest.mark.stack


def batch(game: str, session: str, events: list[Json], **fields: object) -> Json:
    body: Json = {
        "gameId": game,
        "sessionId": session,
        "deviceId": "device_1",
        "source": "unity-telemetry",
        "metadata": {"gameVersion": "0.4.9", "environment": "production", "platform": "Win64"},
        "events": events,
    }
    body.update(fields)
    return {name: value for name, value in body.items() if value is not ...}


def at(start: datetime, seconds: float) -> int:
    return unix_ms(start + timedelta(seconds=seconds))


def session_of(world: World, session: str, status: str | None = None) -> Json:
    answer = eventually(
        lambda: world.read(f"/api/v1/sessions/{session}"),
        lambda response: (
            response.status_code == 200 and (status is None or response.json()["session"]["status"] == status)
        ),
    )
    found: Json = answer.json()
    return found


def test_a_session_from_first_event_to_insights(world: World) -> None:
    session = unique("sess_")
    start = now() - timedelta(minutes=10)
    events = [
        {"name": "room_entered", "t": at(start, 0), "room": "hall"},
        {"name": "level_started", "t": at(start, 5), "props": {"level": "act1"}},
        {"name": "player_death", "t": at(start, 10), "room": "hall"},
        {"name": "player_death", "t": at(start, 20), "room": "hall"},
        {"name": "player_death", "t": at(start, 30), "room": "hall"},
        {"name": "crash", "t": at(start, 50), "props": {"why": "null"}},
        {"name": "level_completed", "t": at(start, 200), "props": {"level": "act1"}},
    ]
    response = world.ingest(
        batch("relay", session, events, title="First run", testerHandle="RedFox", ended=False)
    )
    assert (response.status_code, response.json()) == (202, {"ok": True, "accepted": 7})
    assert session_of(world, session)["session"]["status"] == "pending"
    assert (
        world.ingest(batch("relay", session, [{"name": "bye", "t": at(start, 210)}], ended=True)).status_code
        == 202
    )
    found = session_of(world, session, "analyzed")
    row = found["session"]
    assert (row["gameId"], row["title"], row["testerHandle"]) == (
        world.game("relay")["id"],
        "First run",
        "RedFox",
    )
    assert row["source"] == "unity-telemetry"
    assert row["recordedAt"] == at(start, 0)
    assert row["duration"] == 210
    assert row["metadata"]["gameVersion"] == "0.4.9"
    assert row["eventCounts"]["player_death"] == 3
    kinds = {insight["type"]: insight for insight in found["insights"]}
    assert {"difficulty-spike", "pacing-issue", "bug-report", "session-summary"} <= kinds.keys()
    assert kinds["bug-report"]["sentiment"] == "negative"
    assert kinds["session-summary"]["sentiment"] == "neutral"
    assert kinds["session-summary"]["createdAt"] == at(start, 210)
    assert all(insight["id"].startswith("ins_") and insight["evidence"] for insight in found["insights"])


def test_a_repeat_counts_once(world: World) -> None:
    session = unique("sess_")
    start = now() - timedelta(minutes=5)
    events = [{"name": "tick", "t": at(start, n), "seq": n} for n in range(5)]
    events += [{"name": "same", "t": at(start, 9)}, {"name": "same", "t": at(start, 9)}]
    sent = batch("relay", session, events)
    for _ in range(3):
        assert world.ingest(sent).json() == {"ok": True, "accepted": 7}
    assert world.ingest(sent | {"ended": True}).status_code == 202
    counts = session_of(world, session, "analyzed")["session"]["eventCounts"]
    assert counts == {"tick": 5, "same": 2}
    rows = world.rows("SELECT count() AS n FROM events WHERE session_id = {s:String}", s=session)
    assert int(rows[0]["n"]) == 7


@pytest.mark.parametrize(
    "fields",
    [
        {"gameId": ...},
        {"sessionId": ""},
        {"sessionId": "x" * 129},
        {"deviceId": 7},
        {"source": "carrier-pigeon"},
        {"events": [{"name": "", "t": 1778714850793}]},
        {"events": [{"name": "a"}]},
        {"events": [{"name": "a", "t": "soon"}]},
        {"events": [{"name": "a", "t": 1}]},
        {"events": [{"name": "player_pos", "t": 1778714850793, "x": "left"}]},
        {"events": [{"name": "a", "t": 1778714850793}] * 1001},
        {"events": "none"},
        {"metadata": []},
        {"ended": "yes"},
    ],
)
def test_a_bad_batch_is_400_and_changes_nothing(world: World, fields: dict[str, Any]) -> None:
    session = unique("sess_")
    good = [{"name": "a", "t": unix_ms(now())}]
    response = world.ingest(
        batch("relay", session, good) | {k: v for k, v in fields.items() if v is not ...}
        if ... not in fields.values()
        else batch("relay", session, good, **fields)
    )
    assert response.status_code == 400, response.text
    assert response.json()["error"]


def test_ingest_keys(world: World) -> None:
    sent = batch("relay", unique("sess_"), [{"name": "a", "t": unix_ms(now())}])
    assert world.http.post("/api/telemetry", json=sent).json() == {"error": "Missing bearer token"}
    wrong = world.ingest(sent, key="pl_ik_nonsense")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "Invalid key")
    management = world.ingest(sent, key=world.keys["pl_mgmt"])
    assert (management.status_code, management.json()["requiredScope"]) == (403, "ingest")
    theirs = world.ingest(sent, key=world.other["keys"]["pl_ik"])
    assert theirs.status_code in {400, 404}
    read = world.read("/api/v1/games", key=world.keys["pl_ik"])
    assert (read.status_code, read.json()["requiredScope"]) == (403, "management")


def test_the_heatmap_equals_a_brute_force_count(world: World) -> None:
    build = unique("heat-")
    rng = random.Random(7)
    points = [(rng.gauss(0, 40), rng.gauss(5, 3), 1.0) for _ in range(3000)]  # the default plan: x and y
    for start in range(0, 3000, 1000):
        sent = trajectory(
            world.game("relay")["id"], points[start : start + 1000], build_id=build, level_id="arena"
        )
        assert world.send(sent).status_code == 200
    ask = lambda: world.read("/api/v1/heatmaps/relay", build=build)  # noqa: E731
    answer = eventually(ask, lambda r: r.status_code == 200 and r.json()["eventCount"] == 3000).json()
    (room,) = answer["rooms"]
    assert (room["room"], room["cellsX"], room["cellsY"], room["totalEvents"]) == ("arena", 32, 18, 3000)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    bounds = {"xMin": min(xs), "xMax": max(xs), "yMin": min(ys), "yMax": max(ys)}
    assert room["bounds"] == pytest.approx(bounds)
    counts: dict[tuple[int, int], int] = {}
    for x, y, _ in points:
        cell = (
            min(31, math.floor(32 * (x - bounds["xMin"]) / (bounds["xMax"] - bounds["xMin"]))),
            min(17, math.floor(18 * (y - bounds["yMin"]) / (bounds["yMax"] - bounds["yMin"]))),
        )
        counts[cell] = counts.get(cell, 0) + 1
    most = max(counts.values())
    order = sorted(counts, key=lambda cell: (-counts[cell], cell[1], cell[0]))
    expected = [
        {"x": x, "y": y, "intensity": round(math.log1p(counts[x, y]) / math.log1p(most), 4)} for x, y in order
    ]
    assert room["cells"] == expected


def test_builds_testers_events_and_games(world: World) -> None:
    build, device = unique("b-"), unique("device_")
    start = now() - timedelta(minutes=30)
    for n in range(3):
        events = [{"name": "click", "t": at(start, s)} for s in (0, 10, 60)]
        sent = batch(
            "relay", unique("sess_"), events, deviceId=device, ended=True, metadata={"gameVersion": build}
        )
        assert world.ingest(sent).status_code == 202, n
    answer = eventually(
        lambda: world.read(f"/api/v1/builds/relay/{build}"),
        lambda r: r.status_code == 200 and r.json()["rollup"]["sessionCount"] == 3,
    ).json()
    assert answer["summary"] is None
    assert answer["rollup"]["uniqueDevices"] == 1
    assert answer["rollup"]["firstSeen"] == at(start, 0)
    assert answer["rollup"]["stats"] == {
        "totalWallSec": 180,
        "totalActiveSec": 30,
        "avgWallSec": 60,
        "avgActiveSec": 10,
        "medianWallSec": 60,
        "medianActiveSec": 10,
        "engagementRate": 0.17,
    }
    # A batch's tables acknowledge one by one: each read waits for its own.
    tester = eventually(
        lambda: world.read(f"/api/v1/testers/relay/{device}"),
        lambda r: r.status_code == 200 and r.json()["rollup"]["sessionCount"] == 3,
    ).json()
    assert tester["rollup"]["lastBuild"] == build
    assert len(tester["sessions"]) == 3
    aggregate = eventually(
        lambda: world.read("/api/v1/events/relay", build=build).json(), lambda body: body["total"] == 9
    )
    assert (aggregate["sessionCount"], aggregate["total"], aggregate["byName"]) == (3, 9, {"click": 9})
    assert aggregate["top"] == [["click", 9]]
    games = world.read("/api/v1/games").json()["games"]
    assert {game["slug"] for game in games} == {"doom", "relay"}
    one = world.read("/api/v1/games/relay").json()
    assert one["counts"]["sessionCount"] >= 3
    listed = world.read("/api/v1/sessions", game="relay", build=build, limit=2).json()
    assert (len(listed["items"]), listed["hasMore"], listed["total"]) == (2, True, 3)
    insights = world.read("/api/v1/insights", game="relay", build=build, type="session-summary")
    assert insights.status_code == 200


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/v1/sessions", {"limit": 0}),
        ("/api/v1/sessions", {"limit": "x"}),
        ("/api/v1/sessions", {"offset": -1}),
        ("/api/v1/sessions", {"env": "BadEnv"}),
        ("/api/v1/sessions", {"status": "done"}),
        ("/api/v1/sessions", {"source": "smoke"}),
        ("/api/v1/sessions", {"q": ""}),
        ("/api/v1/sessions", {"from": 5, "to": 4}),
        ("/api/v1/insights", {"type": "feeling"}),
        ("/api/v1/insights", {"sentiment": "blue"}),
        ("/api/v1/events/relay", {"from": -1}),
        ("/api/v1/heatmaps/relay", {"env": "BadEnv"}),
        ("/api/v1/builds/relay/0.4.9", {"env": "BadEnv"}),
    ],
)
def test_bad_parameters_are_400_with_issues(world: World, path: str, params: dict[str, Any]) -> None:
    response = world.read(path, **params)
    assert response.status_code == 400, response.text
    assert response.json()["error"]
    assert response.json()["issues"][0]["path"]


def test_what_a_tenant_may_not_see(world: World) -> None:
    session = unique("sess_")
    start = now() - timedelta(minutes=1)
    assert world.ingest(batch("relay", session, [{"name": "a", "t": at(start, 0)}])).status_code == 202
    session_of(world, session)
    theirs = world.other["keys"]["pl_mgmt"]
    for path in (
        f"/api/v1/sessions/{session}",
        "/api/v1/games/relay",
        f"/api/v1/games/{world.game('relay')['id']}",
        "/api/v1/heatmaps/relay",
        "/api/v1/events/relay",
        "/api/v1/builds/relay/0.4.9",
        "/api/v1/testers/relay/device_1",
    ):
        mine, unknown = (
            world.read(path, key=theirs),
            world.read(path.replace("relay", "nothing").replace(session, "sess_x")),
        )
        assert mine.status_code == 404, path
        assert mine.json() == unknown.json() or path.endswith(str(world.game("relay")["id"]))
    for path in ("/api/v1/sessions", "/api/v1/insights"):
        assert world.read(path, key=theirs, game="relay").status_code == 404
    assert session not in str(world.read("/api/v1/sessions", key=theirs).json())
    missing = world.http.get("/api/v1/games")
    assert (missing.status_code, missing.json()) == (401, {"error": "Missing bearer token"})
    assert world.read("/api/v1/games", key="pl_mgmt_no").json() == {"error": "Invalid key"}


def test_feedback_counts_once_and_shows_with_its_session(world: World) -> None:
    session = unique("sess_")
    moment = unix_ms(now())
    doom = world.game("doom")["id"]
    assert world.ingest(batch("doom", session, [{"name": "a", "t": moment}])).status_code == 202
    sent = {
        "gameId": doom,
        "sessionId": session,
        "deviceId": "device_1",
        "formId": "ff_session",
        "submissionId": unique("sub_"),
        "answers": [{"fieldId": "q1", "value": 5}, {"fieldId": "q2", "value": "All of it"}],
    }
    for _ in range(2):
        assert world.ingest(sent, path="/api/telemetry/feedback").status_code == 201
    found = eventually(
        lambda: world.read(f"/api/v1/sessions/{session}").json(), lambda body: "All of it" in str(body)
    )
    assert str(found).count("All of it") == 1
    bad = sent | {"answers": [{"fieldId": "q1", "value": 9}]}
    assert world.ingest(bad, path="/api/telemetry/feedback").status_code == 400
    assert world.ingest(sent | {"formId": "ff_none"}, path="/api/telemetry/feedback").status_code in {
        400,
        404,
    }


def test_trajectories_and_funnel_steps_count_under_their_names(world: World) -> None:
    build = unique("count-")
    relay = world.game("relay")["id"]
    session = unique("s4-")
    step = {
        "funnel_step_name": "Tutorial_Start",
        "app_id": relay,
        "build_id": build,
        "player_id": "p",
        "session_id": session,
        "level_id": None,
        "timestamp": iso(now()),
    }
    moving = trajectory(
        relay, [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0)], build_id=build, session_id=session, player_id="p"
    )
    assert world.send([step, moving]).status_code == 200
    answer = eventually(
        lambda: world.read("/api/v1/events/relay", build=build).json(), lambda body: body["total"] == 3
    )
    assert answer["byName"] == {"Tutorial_Start": 1, "player_pos": 2}
    assert answer["sessionCount"] == 1
    (row,) = eventually(
        lambda: world.read("/api/v1/sessions", game="relay", build=build).json()["items"],
        lambda items: len(items) == 1,
    )
    assert row["source"] == "python-telemetry"
    assert row["id"].startswith("sess_")
    assert world.read(f"/api/v1/sessions/{row['id']}").status_code == 200


def test_builds_compared_and_a_testers_journey(world: World) -> None:
    before, after, device, handle = unique("b-"), unique("b-"), unique("device_"), unique("Fox")
    start = now() - timedelta(minutes=30)
    tries = [{"name": "level_failed", "t": at(start, s), "room": "Act 2 / Door"} for s in range(0, 50, 10)]
    for number, (build, events) in enumerate(((before, tries), (before, tries), (after, tries[:2]))):
        sent = batch(
            "relay",
            unique("sess_"),
            events,
            deviceId=device,
            ended=True,
            metadata={"gameVersion": build},
            **({"testerHandle": handle} if number == 1 else {}),
        )
        assert world.ingest(sent).status_code == 202
    compared = eventually(
        lambda: world.read("/api/v1/builds/compare", game="relay", a=before, b=after),
        lambda answer: (
            answer.status_code == 200
            and [answer.json()[side]["sessionCount"] for side in ("buildA", "buildB")] == [2, 1]
            and answer.json()["diff"]["changes"] != []  # sessions are there before what is found in them
        ),
    ).json()
    assert [compared[side]["testersInBatch"] for side in ("buildA", "buildB")] == [1, 1]
    assert compared["diff"]["changes"] == [
        {
            "kind": "resolved",
            "tag": "act-2-door-stuck",
            "deltaPct": -100,
            "pctA": 100,
            "pctB": 0,
            "testersA": 1,
            "testersB": 0,
        }
    ]
    for tester in (handle, device):
        told = eventually(
            lambda: world.read(f"/api/v1/testers/relay/{tester}/journey").json()["journey"],  # noqa: B023 - now
            lambda journey: sum(bool(entry["topFriction"]) for entry in journey["entries"]) == 2,
        )
        assert (told["totalSessions"], told["tester"]["handle"]) == (3, handle)
        assert told["summary"].startswith(
            "3 sessions by 1 tester, 2 minutes active. Friction: act-2-door-stuck"
        )
        tops = [entry["topFriction"] and entry["topFriction"]["tag"] for entry in told["entries"]]
        assert sorted(map(str, tops)) == ["None", "act-2-door-stuck", "act-2-door-stuck"]
    listed = world.read("/api/v1/games/doom/prompts").json()["forms"]
    assert "ff_session" in {form["id"] for form in listed}
