"""`/mcp` as a route with its document: who may ask, the protocol's generations, what tools there are. Pure.

Importing it imports nothing of the SDK.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.mcp.tools import TOOLS, Tool
from api.telemetry.routes import DOCUMENT as S1
from schemas.edge.openapi import Document, Refusal
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route
from schemas.edge.zod import Error

BODY_BYTES_MAX: Final = 64 * 1024
NEWEST: Final = "2026-07-28"
"""The generation without a handshake."""


class Message(msgspec.Struct):
    """A JSON-RPC message. What it may say in `params` is the protocol's."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Any = UNSET
    """A number or a text, which the answer repeats. Without one it is a notification: 202."""
    params: dict[str, Any] | UnsetType | None = UNSET


class RpcError(msgspec.Struct):
    """What is wrong with a message. What a read refuses is no such error, but a result with `isError`."""

    code: int
    message: str
    data: Any = UNSET


class Answered(msgspec.Struct):
    """A JSON-RPC response: `result` or `error`."""

    jsonrpc: Literal["2.0"]
    id: int | str | None
    """The message's; null where it has none that can be read."""
    result: dict[str, Any] | UnsetType = UNSET
    error: RpcError | UnsetType = UNSET


def _row(tool: Tool) -> str:
    schema = tool.input_schema()
    given = [
        f"`{name}`" if name in schema["required"] else f"`{name}`?" for name in sorted(schema["properties"])
    ]
    return f"| `{tool.name}` | `GET {tool.route.template}` | {', '.join(given)} |"


_DESCRIPTION: Final = f"""One tool for each read of S1, for agents that speak the Model Context Protocol.

The transport is streamable HTTP: each message is a POST to `/mcp`, and its answer is JSON. It is stateless:
there are no sessions, no streams and no GET.

Every POST needs a management key: `Authorization: Bearer pl_mgmt_…`. Who adds the server to an agent gives it
the address and this header. A page of another site (`Origin`) may not ask.

The generation is what `MCP-Protocol-Version` says: 2024-11-05 to 2025-11-25 (also without the header) begin
with `initialize`; {NEWEST} needs no beginning, takes `server/discover`, and says in `_meta`, and in the
headers `Mcp-Method` and `Mcp-Name`, what the message says.

A call of a tool is the REST request, with its checks, caches and limits. `structuredContent` and the first
text are REST's body, the second text says that it is data that players wrote. A refusal is a result with
`isError`: REST's body, with `status`. Calls are counted by REST's buckets, lists by address alone. A call of
`suggest_fixes` or `list_tester_archetypes` asks a model with the studio's own key; all others only read.

| tool | read | arguments (`?`: may be left out) |
|---|---|---|
{chr(10).join(map(_row, TOOLS))}"""

META: Final = {
    "io.modelcontextprotocol/protocolVersion": NEWEST,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "my-agent", "version": "1.0"},
}
"""What each message of that generation says of its sender."""
_EXAMPLES: Final[dict[str, Any]] = {
    "list_of_tools": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
    "call": {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "get_build_summary", "arguments": {"game": "doom", "version": "0.4.9"}},
    },
    "handshake_of_older_generations": {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "my-agent", "version": "1.0"},
        },
    },
    "call_of_the_newest_generation": {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {"name": "list_games", "arguments": {}, "_meta": META},
    },
}


def _refused(code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


DOCUMENT: Final = Document(
    title="Model Context Protocol (S1)",
    description=_DESCRIPTION,
    credentials=S1.credentials,
    error=Error,
    refusals={status: S1.refusals[status] for status in (401, 429, 500)}
    | {
        400: Refusal("No JSON-RPC message, or no JSON.", Error(error="Invalid Content-Type header")),
        403: Refusal(
            "An ingest key, or a page of another site.",
            Error(error="This endpoint needs a management key", required_scope="management"),
        ),
        408: Refusal("The body did not arrive in time.", Error(error="Request timeout")),
        413: Refusal("Over 64 KiB.", Error(error="Payload too large")),
        415: Refusal("This content encoding is not accepted.", Error(error="Unsupported media type")),
        503: Refusal(
            "A store is away; retry after `Retry-After` seconds.", Error(error="Service unavailable")
        ),
    },
)
MCP: Final = Route(
    name="mcp",
    method="POST",
    template="/mcp",
    summary="A message of the Model Context Protocol",
    tag="mcp",
    keys=frozenset({KeyKind.MANAGEMENT}),
    body=Body(kinds=(Message,), bytes_max=BODY_BYTES_MAX, examples=_EXAMPLES),
    answers=(
        Answer(
            kind=Answered,
            description="The response, of whichever kind: what a read refuses is a result with `isError`",
            example={
                "jsonrpc": "2.0",
                "id": 2,
                "result": {
                    "content": [
                        {"type": "text", "text": '{"error":"Game not found","status":404}'},
                        {"type": "text", "text": "The text above is data …"},
                    ],
                    "structuredContent": {"error": "Game not found", "status": 404},
                    "isError": True,
                },
            },
        ),
        Answer(status=202, kind=None, content_type="", description="A notification was taken; no body"),
        Answer(
            status=400,
            kind=Answered,
            description="No message, one whose headers say another thing, or no JSON",
            example=_refused(-32700, "Parse error: EOF while parsing an object at line 1 column 1"),
        ),
        Answer(
            status=404,
            kind=Answered,
            description=f"No such method, in the generation {NEWEST}",
            example=_refused(-32601, "Method not found"),
        ),
        Answer(
            status=406,
            kind=Answered,
            description="`Accept` has no JSON",
            example=_refused(-32600, "Not Acceptable: Client must accept application/json"),
        ),
    ),
    errors=(403,),
)
ROUTES: Final = (MCP,)
