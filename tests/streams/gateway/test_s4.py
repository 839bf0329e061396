from __future__ import annotations

import gzip
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.telemetry.record import EntryKind
from tests.schemas.telemetry import s4_samples as sample
from tests.schemas.telemetry.s4_samples import APP, GAMEPLAY, NOW, changed, pack, patient
from tests.streams.gateway.world import Answer, World

TOKEN: dict[str, Any] = {"x_public_token": "token"}
LIMITED: dict[str, Any] = {"x_public_token": "limited"}
ALIASES = ("/api/events", "/api/player", "/api/funnel", "/api/realtime")


async def send(world: World, content: object, path: str = "/api/events", **headers: Any) -> Answer:
    body = content if isinstance(content, bytes) else pack(content)
    given_headers: dict[str, Any] = {
        "x_public_token": "token",
        "content_type": "application/msgpack",
    } | headers
    return await world.call(path, body, **{name: value for name, value in given_headers.items() if value})


def error_of(answer: Answer) -> tuple[int, str]:
    assert answer.json()["message"]
    assert answer.headers["content-type"] == "application/json"
    return answer.status, answer.json()["error"]


@pytest.mark.parametrize("path", ALIASES)
async def test_all_kinds_on_all_aliases(path: str) -> None:
    world = World()
    body = pack(list(sample.SAMPLES))
    answer = await send(world, body, path)
    assert (answer.status, answer.json()) == (200, {"status": "queued"})
    (entry,) = world.log.entries
    assert (entry.kind, entry.body, entry.item_count) == (EntryKind.S4_ITEMS, body, 4)
    assert (entry.studio_id, entry.game_id, entry.received_at_ms) == ("studio_1", APP, NOW)
    assert entry.request_id == answer.headers["x-request-id"]


async def test_nothing_of_a_bad_batch_is_appended() -> None:
    world = World()
    answer = await send(world, [GAMEPLAY, changed(GAMEPLAY, position="here")])
    assert error_of(answer) == (400, "invalid_payload")
    assert (answer.json()["index"], answer.json()["field"]) == (1, "position")
    assert world.log.records == []


async def test_the_order_of_checks() -> None:
    world = World()
    wrong_app = pack(changed(GAMEPLAY, app_id="another"))
    json_type, long = "application/json", b"\x00" * (4 * 1024 * 1024 + 1)
    assert error_of(await send(world, long, content_type=json_type, x_public_token="")) == (
        401,
        "unauthorized",
    )
    world.limiter.taken["s4:game_limited:1.2.3.4"] = 10
    limited = await send(world, long, content_type=json_type, **LIMITED)
    assert error_of(limited) == (429, "rate_limited")
    assert int(limited.headers["retry-after"]) >= 1
    assert error_of(await send(world, long, content_type=json_type)) == (415, "unsupported_media_type")
    assert error_of(await send(world, long)) == (413, "payload_too_large")
    assert error_of(await send(world, b"\xc1")) == (400, "invalid_payload")
    assert error_of(await send(world, wrong_app)) == (403, "app_scope_mismatch")
    assert world.log.records == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "text/json",
        "application/vnd.api+json",
        "application/x-ndjson",
    ],
)
async def test_json_is_415(content_type: str) -> None:
    assert error_of(await send(World(), GAMEPLAY, content_type=content_type)) == (
        415,
        "unsupported_media_type",
    )


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "application/x-msgpack", "text/plain", ""]
)
async def test_any_other_type_is_read(content_type: str) -> None:
    assert (await send(World(), GAMEPLAY, content_type=content_type)).status == 200


async def test_keys() -> None:
    world = World()
    legacy: list[dict[str, Any]] = [{"x_api_key": "token"}, {"x_public_token": "", "x_api_key": "token"}]
    for headers in legacy:
        assert (await world.call("/api/events", pack(GAMEPLAY), **headers)).status == 200
    for key in ("secret", "pl_ik_1", "pl_mgmt_1", "wpg_sk_1", "nobody"):
        for header in ("x-api-key", "x-public-token"):
            answer = await world.call("/api/events", pack(GAMEPLAY), headers=[(header, key)])
            assert error_of(answer)[1] in {"unauthorized", "rate_limited"}
    assert error_of(await world.call("/api/events", pack(GAMEPLAY), authorization="Bearer token"))[0] == 401


async def test_unknown_tokens_share_a_small_bucket() -> None:
    world = World()
    statuses = [(await send(world, GAMEPLAY, x_public_token=f"guess{n}")).status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    elsewhere = await world.call(
        "/api/events", pack(GAMEPLAY), client="5.6.7.8", **(TOKEN | {"x_public_token": "no"})
    )
    assert elsewhere.status == 401
    assert (await send(world, GAMEPLAY)).status == 200


async def test_repeated_headers() -> None:
    world = World()
    twice = [("x-public-token", "token"), ("x-public-token", "secret")]
    assert error_of(await world.call("/api/events", pack(GAMEPLAY), headers=twice))[0] == 401
    same = [("x-public-token", "token")] * 2
    assert (await world.call("/api/events", pack(GAMEPLAY), headers=same)).status == 200
    types = [
        ("x-public-token", "token"),
        ("content-type", "application/json"),
        ("content-type", "application/msgpack"),
    ]
    assert error_of(await world.call("/api/events", pack(GAMEPLAY), headers=types))[0] == 415


async def test_the_body_is_read_in_pieces_and_stopped_at_the_limit() -> None:
    world = World()
    body = pack([GAMEPLAY] * 100)
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    assert (await world.call("/api/events", pieces, **TOKEN)).status == 200
    endless = itertools.repeat(b"\x00" * 1_000_000)
    answer = await world.call("/api/events", endless, **TOKEN)
    assert error_of(answer) == (413, "payload_too_large")
    assert answer.headers["connection"] == "close"
    assert answer.pieces == 5


async def test_gzip() -> None:
    world = World()
    body = pack([GAMEPLAY] * 3)
    packed = gzip.compress(body)
    assert (await send(world, packed, content_encoding="gzip")).status == 200
    assert (
        await send(world, gzip.compress(body[:50]) + gzip.compress(body[50:]), content_encoding="gzip")
    ).status == 200
    assert [entry.body for entry in world.log.entries] == [body, body]
    bomb = gzip.compress(b"\x00" * (64 * 1024 * 1024))
    assert error_of(await send(world, bomb, content_encoding="gzip")) == (413, "payload_too_large")
    for broken in (b"not gzip", packed[:-5], gzip.compress(b"") * 1001):
        assert error_of(await send(world, broken, content_encoding="gzip")) == (400, "invalid_payload")
    for encoding in ("br", "gzip, gzip"):
        assert error_of(await send(world, packed, content_encoding=encoding))[0] == 415


async def test_a_client_that_hangs_up_leaves_nothing() -> None:
    world = World()
    answer = await world.call("/api/events", [pack(GAMEPLAY)], hang_up=True, **TOKEN)
    assert answer.status == 0
    assert world.log.records == []


async def test_without_the_log_it_is_503() -> None:
    world = World()
    world.log.away = True
    answer = await send(world, GAMEPLAY)
    assert error_of(answer) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    world.log.away = False
    assert (await send(world, GAMEPLAY)).status == 200
    world.directory.away = True
    assert error_of(await send(world, GAMEPLAY)) == (503, "unavailable")


async def test_unknown_paths_and_methods() -> None:
    world = World()
    assert error_of(await world.call("/api/nothing")) == (404, "not_found")
    answer = await world.call("/api/events", method="GET")
    assert error_of(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]
    three = await world.call("/sdk/v1/nothing")
    assert (three.status, three.json()["error"]["code"]) == (404, "not_found")
    five = await world.call("/api/v3/nothing", method="GET")
    assert (five.status, five.json()["status"]) == (404, 404)


async def test_preflight_and_cors_headers() -> None:
    world = World()
    for path in (*ALIASES, "/api/telemetry", "/api/telemetry/feedback", "/sdk/v1/ping", "/api/v3/servers"):
        answer = await world.call(path, method="OPTIONS", origin="https://game.example")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-public-token" in answer.headers["access-control-allow-headers"].lower()
    assert (await world.call("/api/models", method="OPTIONS")).status == 405
    refused = await send(world, b"")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "Retry-After" in refused.headers["access-control-expose-headers"]


async def test_request_ids() -> None:
    world = World()
    first, second = [(await send(world, GAMEPLAY)).headers["x-request-id"] for _ in range(2)]
    assert first != second
    assert (await send(world, GAMEPLAY, x_request_id="mine-1")).headers["x-request-id"] == "mine-1"
    assert (await send(world, GAMEPLAY, x_request_id="a b")).headers["x-request-id"] != "a b"


async def test_sql_select_is_disabled() -> None:
    world = World()
    assert error_of(await world.call("/api/sql/select", x_api_key="secret")) == (501, "sql_unavailable")
    assert error_of(await world.call("/api/sql/select", authorization="Bearer secret"))[0] == 501
    assert error_of(await world.call("/api/sql/select")) == (401, "unauthorized")
    assert error_of(await world.call("/api/sql/select", x_api_key="token")) == (403, "forbidden")
    assert error_of(await world.call("/api/sql/select", x_api_key="pl_mgmt_1")) == (401, "unauthorized")


async def test_place_and_address_come_from_trusted_proxies_only() -> None:
    headers: dict[str, Any] = {
        "cf_ipcountry": "DE",
        "x_forwarded_for": "9.9.9.9",
        "x_public_token": "limited",
    }
    own = changed(GAMEPLAY, app_id="game_limited")
    direct, behind = World(), World(trusted_proxies=("1.2.3.0/24",))
    for world in (direct, behind):
        assert (await send(world, own, **headers)).status == 200
    assert (direct.log.entries[0].country, behind.log.entries[0].country) == (None, "DE")
    assert set(direct.limiter.taken) == {"s4:game_limited:1.2.3.4"}
    assert set(behind.limiter.taken) == {"s4:game_limited:9.9.9.9"}


@patient
@given(st.lists(sample.mutants(), max_size=3).map(pack) | st.binary(max_size=100))
async def test_whatever_comes_is_answered_in_shape(body: bytes) -> None:
    answer = await send(World(), body)
    assert answer.status in {200, 400, 403}
    if answer.status != 200:
        error_of(answer)


async def test_a_body_that_takes_long_counts_as_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    large = changed(GAMEPLAY, app_id="game_limited", custom_data="x" * 100_000)
    assert (await world.call("/api/events", pack(large), **LIMITED)).status == 200
    assert set(world.limiter.taken.values()) == {1}
    monkeypatch.setattr("streams.gateway.body_validation.CALL_CPU_S", 1e-9)
    for content, status in ((large, 200), (changed(large, event_name=5), 400)):
        world.limiter.taken.clear()
        answer = await world.call("/api/events", pack(content), **LIMITED)
        assert answer.status == status
        assert set(world.limiter.taken.values()) == {51}
