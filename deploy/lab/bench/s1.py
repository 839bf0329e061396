"""`questlog bench s1`: a read over REST, the same as a call of an agent's tool, and a Discord message.

They are asked in turns, a block of each after the other and as fast as answers come, in a studio of its own
on the running stack. What its key may ask in a minute bounds how many.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.mcp.document import META, NEWEST
from deploy.lab.bench.calls import CallOrder, Target
from deploy.lab.bench.ingest import load
from deploy.lab.bench.load import percentile
from deploy.lab.bench.processes import cpu_seconds, difference, parts
from deploy.studio_administration import open_administration
from schemas.edge.ports import KeyKind
from schemas.studio.definitions import load_definitions

if TYPE_CHECKING:
    from deploy.settings import Settings

CALLS: Final = "deploy.lab.bench.calls"
CALLS_MAX: Final = 280
"""Of each kind: four kinds share the 1,200 a minute of the studio plan's key."""
BLOCKS: Final = 5
OLDER: Final = "2025-11-25"
_SECONDS: Final = 120.0


class CallReport(msgspec.Struct, kw_only=True):
    """What came of one kind. Times are milliseconds, CPU microseconds a call: the edge's, and all parts'."""

    calls: int
    a_second: float
    p50_ms: float
    p99_ms: float
    edge_us: float
    all_us: float
    refused: int


class _Sum(msgspec.Struct):
    latencies_ms: list[float] = []
    seconds: float = 0.0
    edge: float = 0.0
    every: float = 0.0
    refused: int = 0


def tool_call(generation: str) -> Target:
    """A call of `list_games` as an agent of a generation sends it."""
    params: dict[str, Any] = {"name": "list_games", "arguments": {}}
    headers = f"accept: application/json\r\nmcp-protocol-version: {generation}\r\n"
    if generation == NEWEST:
        params["_meta"] = META
        headers += "mcp-method: tools/call\r\nmcp-name: list_games\r\n"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Target("/mcp", headers, json.dumps(message))


def discord_message(key: str, number: int, at_ms: int) -> Target:
    """One message more in a thread."""
    message = {"id": f"m{number}", "author": "Ada", "text": f"The lift is odd, {number}", "timestamp": at_ms}
    body = {"channel_id": "bench", "game": "bench", "title": "Bench", "messages": [message]}
    return Target(f"/api/webhooks/discord?key={key}", "", json.dumps(body))


async def s1_calls(settings: Settings, *, calls: int, connections: int) -> dict[str, CallReport]:
    """By what was asked. It leaves its studio behind. Raises OrderRefusedError, CommandRefused."""
    slug = f"s1-bench-{secrets.token_hex(4)}"
    definition = (
        f"studio: {{name: S1 bench, slug: {slug}, plan: studio}}\ngames: [{{slug: bench, name: Bench}}]\n"
    )
    async with open_administration(settings) as administration:
        answer = await administration.define(load_definitions(definition))
        made = await administration.create_key(KeyKind.MANAGEMENT, studio_id=answer.studio_id)
    key = made.value
    at_ms = time.time_ns() // 1_000_000
    each = calls // BLOCKS
    asked = {
        "GET /api/v1/games": [Target("/api/v1/games")] * calls,
        f"list_games, MCP of {OLDER}": [tool_call(OLDER)] * calls,
        f"list_games, MCP of {NEWEST}": [tool_call(NEWEST)] * calls,
        "Discord, one message": [discord_message(key, n, at_ms + n) for n in range(calls)],
    }
    sums = {name: _Sum() for name in asked}
    pids = parts(settings.home)
    for targets in asked.values():  # what the first call of each opens is no part of the others
        await load(_order(settings, key, targets[:1], 1), CALLS)
    for block in range(BLOCKS):
        for name, targets in asked.items():
            order = _order(settings, key, targets[block * each : (block + 1) * each], connections)
            before = cpu_seconds(pids)
            result = await load(order, CALLS)
            used = difference(before, cpu_seconds(pids))
            found = sums[name]
            found.latencies_ms += result.latencies_ms
            found.seconds += result.seconds
            found.every += sum(used.values())
            found.edge += sum(cpu for part, cpu in used.items() if part.startswith("edge"))
            found.refused += sum(result.refused.values())
    return {name: _report(found) for name, found in sums.items()}


def _order(settings: Settings, key: str, targets: list[Target], connections: int) -> CallOrder:
    return CallOrder(
        url=settings.base_url,
        token=key,
        targets=targets,
        seconds=_SECONDS,
        connections=connections,
        once=True,
    )


def _report(found: _Sum) -> CallReport:
    latencies = sorted(found.latencies_ms)
    count = max(1, len(latencies))
    return CallReport(
        calls=len(latencies),
        a_second=len(latencies) / found.seconds,
        p50_ms=percentile(latencies, 0.5),
        p99_ms=percentile(latencies, 0.99),
        edge_us=found.edge / count * 1e6,
        all_us=found.every / count * 1e6,
        refused=found.refused,
    )
