"""S4 from outside, sentence by sentence of its reference and of the telemetry contract."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import httpx
import msgpack
import pytest

from tests.outside.world import World, burst, eventually, gameplay, iso, now, trajectory, unique

pytestmark = pytest.mark.stack


@pytest.fixture
def app_id(world: World) -> str:
    return str(world.game("relay")["id"])


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json()["error"])


def test_a_single_event_is_queued_and_queryable(world: World, app_id: str) -> None:
    name = unique("Jump_")
    response = world.send(gameplay(app_id, event_name=name, session_id=unique("s")))
    assert (response.status_code, response.json()) == (200, {"status": "queued"})
    rows = eventually(
        lambda: world.rows("SELECT * FROM events WHERE event_name = {name:String}", name=name),
        lambda rows: len(rows) == 1,
    )
    assert rows[0]["game_id"] == app_id
    assert rows[0]["room"] == "Level_1"
    assert (rows[0]["x"], rows[0]["y"], rows[0]["z"]) == (10.5, 0, -5.2)
    assert (
        json.loads(rows[0]["properties"])["weapon"] == "Sword"
        or json.loads(rows[0]["properties"])["custom_data"]
    )


@pytest.mark.parametrize("path", ["/api/events", "/api/player", "/api/funnel", "/api/realtime"])
def test_any_kind_on_any_alias(world: World, app_id: str, path: str) -> None:
    step = unique("Step_")
    player = unique("player_")
    batch = [
        gameplay(app_id, event_name=unique("E_"), player_id=player),
        {
            "funnel_step_name": step,
            "app_id": app_id,
            "build_id": "1",
            "player_id": player,
            "session_id": "s",
            "level_id": "Training_Grounds",
            "timestamp": iso(now()),
        },
        {
            "event_name": "Create_Player",
            "app_id": app_id,
            "build_id": "1",
            "player_id": player,
            "region": "EU-West",
            "hardware": {"gpu": "RTX 4090"},
            "timestamp": iso(now()),
        },
        trajectory(app_id, [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)], player_id=player),
    ]
    assert world.send(batch, path=path).status_code == 200
    # A batch's tables acknowledge one by one; only its position says that all of them have.
    counts = (
        "SELECT (SELECT count() FROM funnel_steps WHERE step_name = {step:String}) AS steps,"
        " (SELECT count() FROM positions WHERE player_id = {player:String}) AS points,"
        " (SELECT count() FROM players FINAL WHERE player_id = {player:String}) AS players,"
        " (SELECT count() FROM performance WHERE player_id = {player:String}) AS trajectories"
    )
    wanted = {"steps": 1, "points": 2, "players": 1, "trajectories": 1}
    eventually(
        lambda: world.rows(counts, step=step, player=player)[0],
        lambda row: {name: int(n) for name, n in row.items()} == wanted,
    )
    where = "WHERE player_id = {player:String}"
    assert world.rows(f"SELECT fps_mean, fps_low_1 FROM performance {where}", player=player) == [
        {"fps_mean": 60, "fps_low_1": 30}
    ]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"event_name": ...}, None),
        ({"event_name": 7}, "event_name"),
        ({"app_id": ...}, "app_id"),
        ({"build_id": None}, "build_id"),
        ({"player_id": ["a"]}, "player_id"),
        ({"session_id": ...}, "session_id"),
        ({"position": [1.0]}, "position"),
        ({"position": [1.0, float("nan")]}, "position"),
        ({"position": [1.0, 2.0, float("inf")]}, "position"),
        ({"position": "here"}, "position"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "timestamp"),
        ({"timestamp": iso(now() + timedelta(days=2))}, "timestamp"),
        ({"timestamp": 12}, "timestamp"),
        ({"timestamp": ...}, "timestamp"),
    ],
)
def test_a_bad_item_is_named_and_the_batch_refused_whole(
    world: World, app_id: str, fields: dict[str, Any], field: str | None
) -> None:
    name = unique("Whole_")
    good = gameplay(app_id, event_name=name)
    response = world.send([good, good, gameplay(app_id, **fields), good])
    assert error_of(response) == (400, "invalid_payload")
    assert response.json()["index"] == 2
    if field is not None:
        assert response.json()["field"] == field
    assert response.json()["message"]
    assert (
        int(world.rows("SELECT count() AS n FROM events WHERE event_name = {name:String}", name=name)[0]["n"])
        == 0
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"positions": [1.0, 2.0]}, "positions"),
        ({"positions": [1.0, 2.0, "x"]}, "positions"),
        ({"positions": [0.0] * 30_003}, "positions"),
        ({"positions": [float("nan")] * 3}, "positions"),
        (
            {"timestamp_start": iso(now()), "timestamp_end": iso(now() - timedelta(seconds=5))},
            "timestamp_end",
        ),
    ],
)
def test_a_bad_trajectory_is_named(world: World, app_id: str, fields: dict[str, Any], field: str) -> None:
    response = world.send([trajectory(app_id, [(0.0, 0.0, 0.0)], **fields)])
    assert error_of(response) == (400, "invalid_payload")
    assert response.json()["index"] == 0
    assert response.json()["field"] in {field, "timestamp_start"}


def test_optional_fields_may_be_missing_or_nil(world: World, app_id: str) -> None:
    nothing = dict.fromkeys(("position", "custom_data", "input_method", "level_id"))
    assert world.send(gameplay(app_id, **nothing)).status_code == 200
    missing: dict[str, Any] = dict.fromkeys(("position", "custom_data", "input_method", "level_id"), ...)
    assert world.send(gameplay(app_id, **missing)).status_code == 200
    assert (
        world.send(
            trajectory(app_id, [(0.0, 0.0, 0.0)], fps=None, status=None, input_method=None)
        ).status_code
        == 200
    )


def test_extra_fields_are_kept(world: World, app_id: str) -> None:
    name = unique("Extra_")
    assert (
        world.send(gameplay(app_id, event_name=name, mood="calm", depth={"a": [1, {"b": 2}]})).status_code
        == 200
    )
    rows = eventually(
        lambda: world.rows("SELECT properties FROM events WHERE event_name = {name:String}", name=name),
        lambda rows: len(rows) == 1,
    )
    properties = json.loads(rows[0]["properties"])
    assert properties["ammo"] == 10
    assert properties["_extra"] == {"mood": "calm", "depth": {"a": [1, {"b": 2}]}}


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x91",
        msgpack.packb([]),
        msgpack.packb({}),
        msgpack.packb("text"),
        msgpack.packb([1, 2]),
        msgpack.packb([[]]),
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 100_000,
        b"{}",
    ],
)
def test_what_is_not_a_payload_is_400(world: World, body: bytes) -> None:
    assert error_of(world.send(body)) == (400, "invalid_payload")


def test_limits_inside_a_payload(world: World, app_id: str) -> None:
    assert error_of(world.send(gameplay(app_id, custom_data=deep(17)))) == (400, "invalid_payload")
    assert world.send(gameplay(app_id, custom_data=deep(10))).status_code == 200
    assert error_of(world.send(gameplay(app_id, custom_data={str(i): i for i in range(257)}))) == (
        400,
        "invalid_payload",
    )
    assert error_of(world.send(gameplay(app_id, custom_data=msgpack.ExtType(5, b"abc")))) == (
        400,
        "invalid_payload",
    )
    assert error_of(world.send(gameplay(app_id, surprise=msgpack.Timestamp(1, 0)))) == (
        400,
        "invalid_payload",
    )
    assert error_of(world.send([gameplay(app_id)] * 10_001)) == (400, "invalid_payload")
    assert world.send(gameplay(app_id, custom_data={"big": 2**64 - 1, "small": -(2**63)})).status_code == 200


def test_invalid_text_is_400(world: World, app_id: str) -> None:
    packed = msgpack.packb(gameplay(app_id, event_name="ABCDEFGH"))
    for bad in (b"\xed\xa0\x80ABCDE", b"\xff\xfeABCDEF"):
        assert error_of(world.send(packed.replace(b"ABCDEFGH", bad))) == (400, "invalid_payload")


def test_bodies_over_the_limit_are_413(world: World, app_id: str) -> None:
    assert error_of(world.send(b"\x00" * (4 * 1024 * 1024 + 1))) == (413, "payload_too_large")
    bomb = gzip.compress(b"\x00" * (64 * 1024 * 1024))
    assert error_of(world.send(bomb, content_encoding="gzip")) == (413, "payload_too_large")
    packed = gzip.compress(msgpack.packb([gameplay(app_id)] * 3))
    assert world.send(packed, content_encoding="gzip").status_code == 200
    assert error_of(world.send(b"not gzip", content_encoding="gzip")) == (400, "invalid_payload")


def test_json_is_415_and_any_other_type_is_read(world: World, app_id: str) -> None:
    event = gameplay(app_id)
    for content_type in (
        "application/json",
        "application/json; charset=utf-8",
        "text/json",
        "application/vnd.api+json",
    ):
        assert error_of(world.send(event, content_type=content_type)) == (415, "unsupported_media_type")
    for content_type in ("application/octet-stream", "application/x-msgpack", ""):
        assert world.send(event, content_type=content_type).status_code == 200


def test_keys(world: World, app_id: str) -> None:
    event = gameplay(app_id)
    body = msgpack.packb(event)
    post = world.http.post
    assert error_of(post("/api/events", content=body)) == (401, "unauthorized")
    assert error_of(post("/api/events", content=body, headers={"x-public-token": "nonsense"})) == (
        401,
        "unauthorized",
    )
    legacy = post("/api/events", content=body, headers={"x-api-key": world.keys["relay_public_token"]})
    assert legacy.status_code == 200
    for kind in ("secret_api_key", "pl_mgmt", "pl_ik", "pf"):
        assert error_of(post("/api/events", content=body, headers={"x-api-key": world.keys[kind]})) == (
            401,
            "unauthorized",
        )
    doom = gameplay(str(world.game("doom")["id"]))
    assert error_of(world.send([event, doom])) == (403, "app_scope_mismatch")
    theirs = gameplay(str(world.other["games"][0]["id"]))
    assert error_of(world.send(theirs)) == (403, "app_scope_mismatch")


def test_unknown_paths_and_methods(world: World) -> None:
    assert error_of(world.http.get("/api/nothing")) == (404, "not_found")
    assert error_of(world.http.get("/api/events")) == (405, "method_not_allowed")
    assert "POST" in world.http.get("/api/events").headers["allow"]


def test_a_browser_may_ask_first(world: World) -> None:
    response = world.http.options(
        "/api/events",
        headers={
            "origin": "https://game.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-public-token,content-type",
        },
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] in {"*", "https://game.example"}
    assert "x-public-token" in response.headers["access-control-allow-headers"].lower()


def test_sql_and_models_and_export(world: World) -> None:
    secret = {"x-api-key": world.keys["secret_api_key"]}
    assert error_of(world.http.post("/api/sql/select", headers=secret)) == (501, "sql_unavailable")
    assert error_of(world.http.post("/api/sql/select")) == (401, "unauthorized")
    upload = {"model_file": ("e1m1.glb", b"glTF" * 1000, "model/gltf-binary")}
    fields = {"app_name": "Freedoom", "level_name": "E1M1"}
    response = world.http.post("/api/models", headers=secret, data=fields, files=upload)
    assert response.status_code == 201
    body = response.json()
    assert {"id", "app_id", "app_name", "level_name", "size", "sha256"} <= body.keys()
    assert (body["app_name"], body["level_name"], body["size"]) == ("Freedoom", "E1M1", 4000)
    bearer = {"authorization": f"Bearer {world.keys['secret_api_key']}"}
    assert world.http.post("/api/models", headers=bearer, data=fields, files=upload).status_code == 201
    public = {"x-api-key": world.keys["public_token"]}
    assert world.http.post("/api/models", headers=public, data=fields, files=upload).status_code == 403
    assert world.http.post("/api/models", data=fields, files=upload).status_code == 401
    other = {"another_file": upload["model_file"]}
    assert world.http.post("/api/models", headers=secret, data=fields, files=other).status_code == 400
    first = world.http.post("/api/export")
    assert first.status_code == 202
    assert first.json()["status"] == "exporting"
    assert world.http.post("/api/export").json()["export_id"] == first.json()["export_id"]


def test_the_default_rate_limit(world: World) -> None:
    event = gameplay(str(world.other["games"][0]["id"]))
    answers = burst(100, lambda: world.send(event, token=world.other["keys"]["public_token"]))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, "100 requests in a burst stay within 10 a second"
    assert refused[0].json()["error"] == "rate_limited"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert {answer.status_code for answer in answers} == {200, 429}
