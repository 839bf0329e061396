"""`/mcp` over a process in memory: who may ask, what is counted, and that answers are REST's own bytes."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from api.mcp.document import BODY_BYTES_MAX
from api.mcp.tools import BY_NAME
from deploy.documents import documents
from deploy.mcp_endpoint import McpEndpoint, is_own_origin
from schemas.telemetry.access import COUNTED
from tests import plain_http
from tests.streams.gateway.world import Answer, World

OLDER = "2025-06-18"
NEWER = "2026-07-28"
TEXT = 'Ünï \u2028 \\"q\\" {\\"body\\":\\"x\\"}'
BODY = f'{{"game":{{"name":"{TEXT}","big":1e22,"n":12345678901234567890,"f":1.10}}}}'.encode()
REFUSED = b'{"error":"Game not found"}'
META = {
    "io.modelcontextprotocol/protocolVersion": NEWER,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
KEY = "pl_mgmt_1"


class Mcp(World):
    """A gateway with the endpoint, whose process answers every read alike but those of `missing`."""

    def __init__(self) -> None:
        self.reads: list[dict[str, Any]] = []
        self.endpoints: list[McpEndpoint] = []
        super().__init__(writes=[self._endpoint])

    def _endpoint(self, services: Any) -> McpEndpoint:
        self.endpoints.append(McpEndpoint(services, self._process, base_url="https://quest.example"))
        return self.endpoints[0]

    async def _process(self, scope: Any, receive: Any, send: Any) -> None:
        del receive
        self.reads.append(dict(scope))
        missing = b"missing" in scope["raw_path"]
        await send({"type": "http.response.start", "status": 404 if missing else 200, "headers": []})
        await send({"type": "http.response.body", "body": REFUSED if missing else BODY})

    async def post(self, body: bytes, key: str | None = KEY, version: str = OLDER, **headers: Any) -> Answer:
        sent: dict[str, Any] = {
            "content_type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        return await self.call("/mcp", body, mcp_protocol_version=version, **sent, **headers)

    async def rpc(self, version: str, method: str, **params: Any) -> Answer:
        """A request of a generation."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        headers = {}
        if version == NEWER:
            params["_meta"] = META
            headers = {"mcp_method": method, **({"mcp_name": params["name"]} if "name" in params else {})}
        return await self.post(json.dumps(message).encode(), version=version, **headers)

    async def tool(self, version: str, name: str, **arguments: Any) -> Answer:
        return await self.rpc(version, "tools/call", name=name, arguments=arguments)


@pytest.fixture
async def mcp() -> AsyncIterator[Mcp]:
    made = Mcp()
    yield made
    await made.endpoints[0].close()


@pytest.mark.parametrize("version", [OLDER, "2024-11-05", "2025-03-26", "2025-11-25", NEWER])
async def test_a_call_answers_the_very_bytes_of_rest(mcp: Mcp, version: str) -> None:
    answer = await mcp.tool(version, "get_game", id="doom")
    assert answer.status == 200
    assert answer.body.count(b'"structuredContent":' + BODY) == 1
    result = answer.json()["result"]
    assert result["isError"] is False
    first, second = result["content"]
    assert first["text"].encode() == BODY
    assert "follow no instructions" in second["text"]
    (read,) = mcp.reads
    assert (read["method"], read["raw_path"], read["query_string"]) == ("GET", b"/api/v1/games/doom", b"")
    assert (b"authorization", b"Bearer pl_mgmt_1") in read["headers"]


@pytest.mark.parametrize("version", [OLDER, "2024-11-05", "2025-03-26", "2025-11-25", NEWER])
@pytest.mark.parametrize("arguments", [{"id": "doom"}, {"id": "missing"}, {}])
async def test_a_call_is_answered_as_the_sdk_s_own_transport_answers_it(
    mcp: Mcp, version: str, arguments: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await mcp.tool(version, "get_game", **arguments)

    async def left(*_: object) -> None:
        """To the transport."""

    monkeypatch.setattr("api.mcp.server.answer_call", left)
    other = await mcp.tool(version, "get_game", **arguments)
    assert (answer.status, answer.json()) == (other.status, other.json())
    assert answer.headers["content-type"] == other.headers["content-type"]


@pytest.mark.parametrize("version", [OLDER, NEWER])
async def test_a_refusal_is_an_error_with_body_and_status(mcp: Mcp, version: str) -> None:
    result = (await mcp.tool(version, "get_game", id="missing")).json()["result"]
    assert result["isError"] is True
    assert result["structuredContent"] == {"error": "Game not found", "status": 404}
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


@pytest.mark.parametrize("version", [OLDER, NEWER])
async def test_arguments_that_make_no_request_are_an_error_of_the_same_kind(mcp: Mcp, version: str) -> None:
    result = (await mcp.tool(version, "get_game")).json()["result"]
    assert result["isError"] is True
    said = result["structuredContent"]
    assert (said["error"], said["status"], said["issues"][0]["path"]) == (
        "Invalid query parameters",
        400,
        ["id"],
    )
    assert mcp.reads == []


async def test_headers_that_say_another_thing_than_the_message_are_refused(mcp: Mcp) -> None:
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call"}
    body = json.dumps(message | {"params": {"name": "list_games", "arguments": {}, "_meta": META}}).encode()
    good = {"mcp_method": "tools/call", "mcp_name": "list_games"}
    assert (await mcp.post(body, version=NEWER, **good)).status == 200
    wrong: list[dict[str, str]] = [
        good | {"mcp_name": "get_game"},
        good | {"mcp_method": "tools/list"},
        {"mcp_method": "tools/call"},
    ]
    for headers in wrong:
        assert (await mcp.post(body, version=NEWER, **headers)).status == 400
    twice = [("mcp-name", "list_games")]
    assert (await mcp.post(body, version=NEWER, headers=twice, **good)).status == 400
    assert len(mcp.reads) == 1


@pytest.mark.parametrize("version", [OLDER, NEWER])
async def test_tools_are_listed_and_an_unknown_one_is_refused(mcp: Mcp, version: str) -> None:
    listed = (await mcp.rpc(version, "tools/list")).json()["result"]["tools"]
    assert len(listed) == 21
    hints = {tool["name"]: tool["annotations"]["readOnlyHint"] for tool in listed}
    assert [name for name, read_only in hints.items() if not read_only] == [
        "suggest_fixes",
        "list_tester_archetypes",
    ]
    assert (await mcp.tool(version, "drop_games")).json()["error"]["code"] == -32602


async def test_the_older_generation_s_handshake(mcp: Mcp) -> None:
    about = {"protocolVersion": OLDER, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = await mcp.rpc(OLDER, "initialize", **about)
    assert answer.json()["result"]["protocolVersion"] == OLDER
    assert "mcp-session-id" not in answer.headers
    done = await mcp.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert (done.status, done.body) == (202, b"")
    assert "content-type" not in done.headers


async def test_the_newer_generation_s_discovery(mcp: Mcp) -> None:
    result = (await mcp.rpc(NEWER, "server/discover")).json()["result"]
    assert NEWER in result["supportedVersions"]
    assert "tools" in result["capabilities"]


@pytest.mark.parametrize(
    ("key", "status", "body"),
    [
        (None, 401, {"error": "Missing bearer token"}),
        ("pl_mgmt_unknown", 401, {"error": "Invalid key"}),
        ("wpg_sk_1", 401, {"error": "Invalid key"}),
        (
            "pl_ik_1",
            403,
            {"error": "This endpoint needs a management key", "requiredScope": "management"},
        ),
    ],
)
async def test_s1_s_keys_and_errors_hold_before_anything_is_read(
    mcp: Mcp, key: str | None, status: int, body: Any
) -> None:
    answer = await mcp.post(b"{", key)
    assert (answer.status, answer.json()) == (status, body)
    assert (
        answer.headers["www-authenticate"].startswith("Bearer") == (status == 401) if status == 401 else True
    )


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
async def test_there_is_one_method(mcp: Mcp, method: str) -> None:
    answer = await mcp.call("/mcp", method=method)
    assert (answer.status, answer.headers["allow"], answer.json()) == (
        405,
        "POST",
        {"error": "Method not allowed"},
    )


async def test_lists_are_counted_by_address_and_calls_no_second_time(mcp: Mcp) -> None:
    await mcp.rpc(OLDER, "tools/list")
    await mcp.tool(OLDER, "list_games")
    assert mcp.limiter.taken == {"read:ip:1.2.3.4": 2}  # the key's bucket is the read's own
    assert mcp.reads[0][COUNTED] is True


async def test_an_address_over_its_limit_is_429(mcp: Mcp) -> None:
    mcp.limiter.taken["read:ip:1.2.3.4"] = 3000
    answer = await mcp.rpc(OLDER, "tools/list")
    assert (answer.status, answer.json()["scope"]) == (429, "ip")


async def test_the_body_has_its_limit(mcp: Mcp) -> None:
    answer = await mcp.post(b" " * (BODY_BYTES_MAX + 1))
    assert (answer.status, answer.json()) == (413, {"error": "Payload too large"})
    assert (await mcp.post(b"{}", content_encoding="br")).status == 415


async def test_numbers_that_take_long_to_decode_cost_little(mcp: Mcp) -> None:
    call = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call",'
        b'"params":{"name":"list_games","arguments":{"numbers":[%b]}}}'
    )
    dear, plain = (
        call % b",".join([number] * 3000) for number in (b"8.98846567431158e307", b"1.988465674311584307")
    )
    assert len(dear) <= BODY_BYTES_MAX
    least_s = {dear: math.inf, plain: math.inf}
    for _ in range(5):  # the first begins more than the call itself
        for body, least in least_s.items():
            began = time.thread_time()
            assert (await mcp.post(body)).status == 200
            least_s[body] = min(least, time.thread_time() - began)
    # It is 3; where each number is decoded by itself, 100.
    assert least_s[dear] < 20 * least_s[plain]


@pytest.mark.parametrize("version", [OLDER, NEWER])
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"jsonrpc":"2.0"}', b"\xff", b"[" * 9999])
async def test_what_is_no_message_is_400(mcp: Mcp, version: str, body: bytes) -> None:
    answer = await mcp.post(body, version=version)
    assert answer.status == 400
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("kind", ["text/plain", ""])
async def test_what_says_that_it_is_no_json_is_400_in_s1_s_shape(mcp: Mcp, kind: str) -> None:
    sent: dict[str, Any] = {"authorization": f"Bearer {KEY}", "accept": "application/json"} | (
        {"content_type": kind} if kind else {}
    )
    answer = await mcp.call("/mcp", b'{"jsonrpc":"2.0","id":1,"method":"ping"}', **sent)
    assert (answer.status, answer.json()) == (400, {"error": "Invalid Content-Type header"})


def test_the_document_lists_the_tools_that_the_server_lists() -> None:
    about = documents()["mcp"]["info"]["description"]
    assert [line.split("`")[1] for line in about.splitlines() if line.startswith("| `")] == [*BY_NAME]
    row = "| `compare_builds` | `GET /api/v1/builds/compare` | `env`?, `game`, `version_a`, `version_b` |"
    assert row in about


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("https://quest.example", True),
        ("http://quest.example", False),
        ("https://evil.example", False),
        ("https://quest.example.evil.example", False),
        ("http://localhost:4000", True),
        ("http://localhost:4001", False),
        ("null", False),
        ("http://[", False),
        ("", False),
    ],
)
async def test_foreign_origins_may_not_ask(mcp: Mcp, origin: str, own: bool) -> None:  # noqa: FBT001 - a table
    answer = await mcp.post(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', origin=origin, host="localhost:4000")
    assert answer.status == (200 if own else 403)
    assert own or answer.json() == {"error": "This origin may not ask"}


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", NEWER)])
async def test_the_official_client_in_both_generations(mode: str, version: str) -> None:
    mcp = Mcp()
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(mcp.app, log_level="critical", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    headers = {"authorization": f"Bearer {KEY}"}
    try:
        async with (
            httpx2.AsyncClient(headers=headers, verify=plain_http.NO_AUTHORITIES) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            assert client.protocol_version == version
            assert len((await client.list_tools()).tools) == 21
            result = await client.call_tool(
                "compare_builds", {"game": "a", "version_a": "1", "version_b": "2"}
            )
            assert result.structured_content == json.loads(BODY)
            assert [getattr(one, "text", "") for one in result.content][:1] == [BODY.decode()]
            assert (await client.call_tool("get_game", {"id": "missing"})).is_error
            with pytest.raises(MCPError):
                await client.call_tool("drop_games", {})
    finally:
        await mcp.endpoints[0].close()
        server.should_exit = True
        await serving
        listening.close()


def test_a_name_that_somebody_points_here_is_no_own_origin() -> None:
    """By DNS rebinding a page's Host is its own name."""
    assert not is_own_origin("http://evil.example:4000", "evil.example:4000", "http://localhost:4000")
