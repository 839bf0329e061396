from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from streams.gateway.app import ROUTES
from streams.gateway.http import Message
from tests.schemas.telemetry.s4_samples import GAMEPLAY, pack
from tests.streams.gateway.world import World


@pytest.mark.parametrize(
    ("method", "path", "answers"),
    [
        *[(method, route.template, True) for route in ROUTES for method in ("POST", "GET", "OPTIONS")],
        ("OPTIONS", "/sdk/v1/ping", True),
        ("GET", "/api/nothing", True),
        ("GET", "/api/telemetry/experiments", True),
        ("GET", "/api/v1/games", False),
        ("POST", "/api/v1/games", False),
        ("GET", "/api/v1/games/doom/playtests", False),
        ("GET", "/", False),
        ("GET", "/dashboard/analytics", False),
        ("GET", "/docs", False),
        ("GET", "/healthz", False),
    ],
)
def test_what_the_gateway_answers(method: str, path: str, answers: bool) -> None:  # noqa: FBT001 - a table's column
    assert World().app.answers({"method": method, "path": path}) is answers


async def test_what_was_served_is_counted() -> None:
    world = World()
    registry = CollectorRegistry()
    registry.register(world.app.metrics)
    token = [("x-public-token", "token")]
    for body in (pack([GAMEPLAY] * 3), pack(GAMEPLAY), b""):
        await world.call("/api/events", body, headers=token)
    await world.call("/api/whatever/else")
    world.log.away = True
    await world.call("/api/events", pack(GAMEPLAY), headers=token)
    shown = generate_latest(registry).decode()
    for line in (
        'questlog_gateway_requests_total{route="/api/events",status="200"} 2.0',
        'questlog_gateway_requests_total{route="/api/events",status="400"} 1.0',
        'questlog_gateway_requests_total{route="/api/events",status="503"} 1.0',
        'questlog_gateway_requests_total{route="other",status="404"} 1.0',
        'questlog_gateway_items_total{surface="s4"} 4.0',
        'questlog_gateway_request_seconds_count{route="/api/events"} 4.0',
        "questlog_gateway_record_parts_count 3.0",
        "questlog_gateway_unacknowledged_total 1.0",
    ):
        assert line in shown.splitlines()


async def test_a_failure_of_ours_is_500_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.directory.credential = None  # type: ignore[assignment,method-assign]  # any bug at all
    answer = await world.call("/api/events", pack(GAMEPLAY), headers=[("x-public-token", "token")])
    assert (answer.status, answer.json()) == (500, {"error": "internal", "message": "internal error"})
    one = await world.call("/api/telemetry", b"{}", headers=[("authorization", "Bearer x")])
    assert (one.status, one.json()) == (500, {"error": "Internal error"})
    assert "Traceback" not in answer.body.decode()
    assert len([record for record in caplog.records if record.exc_info]) == 2


async def test_a_websocket_is_closed() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await World().app({"type": "websocket", "path": "/api/events"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000}]
