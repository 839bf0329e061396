"""The write side on a running stack: the reference's sample, S1's limits, models, exports, the documents."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.outside.world import World, burst, eventually, gameplay, now, unique, unix_ms

pytestmark = pytest.mark.stack

SAMPLE = """
import msgpack
import requests
from datetime import datetime, timezone

url = "http://localhost:4000/api/events"
headers = {
    "x-public-token": "YOUR_PUBLIC_TOKEN",
    "Content-Type": "application/msgpack"
}

event = {
    "event_name": "Player_Jump",
    "app_id": "72ab8f81-ef36-4712-a046-399a62b9afaa",
    "build_id": "Win64_Shipping_1.0.2",
    "player_id": "player_uuid",
    "session_id": "session_uuid",
    "level_id": "Level_1",
    "position": [10.5, 0.0, -5.2],
    "custom_data": {"weapon": "Sword", "ammo": 10},
    "input_method": "Gamepad",
    "timestamp": datetime.now(timezone.utc).isoformat()
}

body = msgpack.packb(event, use_bin_type=True)
response = requests.post(url, data=body, headers=headers, timeout=10)
print(response.status_code, response.text)
"""
"""As the S4 reference prints it. Only the address and the token are put in."""


def test_the_reference_s_python_sample_runs_as_printed(world: World) -> None:
    program = SAMPLE.replace("http://localhost:4000", world.demo["base_url"])
    program = program.replace("YOUR_PUBLIC_TOKEN", world.keys["public_token"])
    ran = subprocess.run(  # noqa: S603 - the reference's own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout == '200 {"status":"queued"}\n'


def batch(game: str, **fields: object) -> dict[str, Any]:
    return {
        "gameId": game,
        "sessionId": unique("sess_"),
        "deviceId": "device_1",
        "source": "unity-telemetry",
        "events": [{"name": "a", "t": unix_ms(now())}],
    } | fields


def test_s1_keys_and_words(world: World) -> None:
    mine = batch("relay")
    theirs = world.other["keys"]["pl_ik"]
    for key, status, error in (
        ("pl_ik_nobody", 401, "Invalid key"),
        (world.keys["secret_api_key"], 401, "Invalid key"),
        (theirs, 404, "unknown game"),
    ):
        answer = world.ingest(mine, key=key)
        assert (answer.status_code, answer.json()) == (status, {"error": error})
    scope = world.ingest(mine, key=world.keys["pl_mgmt"])
    assert (scope.status_code, scope.json()["requiredScope"]) == (403, "ingest")
    by_id = world.ingest(batch(str(world.game("doom")["id"])), key=theirs)
    assert (by_id.status_code, by_id.json()) == (404, {"error": "unknown game"})


def test_s1_takes_120_requests_a_minute_from_an_address(world: World) -> None:
    game = str(world.other["games"][0]["slug"])
    key = world.other["keys"]["pl_ik"]
    answers = burst(200, lambda: world.ingest(batch(game), key=key))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {202, 429}
    assert refused[0].json()["error"] == "Rate limit exceeded"
    assert refused[0].json()["scope"] == "ip"
    assert 0 < refused[0].json()["retryAfterMs"] <= 60_000
    assert world.ingest(batch("relay")).status_code == 202


def test_an_export_lands_in_the_game_s_objects(world: World, questlog_stack: Any) -> None:
    name = unique("Exported_")
    relay = str(world.game("relay")["id"])
    assert world.send(gameplay(relay, event_name=name)).status_code == 200
    folder = Path(questlog_stack.home) / "objects" / "games" / relay / "exports"

    def exported() -> list[dict[str, Any]]:
        # Another test may have begun this minute's export before this event came: then the next one holds it.
        assert world.http.post("/api/export").status_code == 202
        files = folder.glob("*/telemetry-*.ndjson")
        lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [line for line in lines if line["item"].get("event_name") == name]

    lines = eventually(exported, lambda lines: len(lines) == 1, within_s=100)
    assert lines[0]["kind"] == "gameplay"


def test_a_model_is_listed_and_kept(world: World, questlog_stack: Any) -> None:
    content = unique("model").encode() * 50_000
    answer = world.http.post(
        "/api/models",
        headers={"x-api-key": world.keys["secret_api_key"]},
        data={"app_name": "Freedoom", "level_name": unique("E1M")},
        files={"model_file": ("m.glb", content)},
    )
    model = answer.json()
    assert (answer.status_code, model["sha256"]) == (201, hashlib.sha256(content).hexdigest())
    kept = Path(questlog_stack.home) / "objects" / "games" / model["app_id"] / "models" / model["id"]
    assert kept.read_bytes() == content
    rows = eventually(
        lambda: world.rows("SELECT * FROM models WHERE model_id = {id:String}", id=model["id"]),
        lambda rows: len(rows) == 1,
    )
    assert (rows[0]["level_name"], int(rows[0]["size"])) == (model["level_name"], len(content))


@pytest.mark.parametrize("name", ["s4", "s1-ingest"])
def test_the_write_surfaces_are_documented(world: World, name: str) -> None:
    document = world.http.get(f"/docs/{name}/openapi.json")
    assert document.status_code == 200
    assert document.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/v1/nothing", {"error"}),
        ("/api/nothing", {"error", "message"}),
        ("/api/telemetry/nothing", {"error"}),
        ("/sdk/v1/nothing", {"error"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_404_in_its_surface_s_shape(
    world: World, method: str, path: str, shape: set[str]
) -> None:
    answer = world.http.request(method, path)
    assert (answer.status_code, set(answer.json())) == (404, shape)
