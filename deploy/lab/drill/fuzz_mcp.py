"""Agents of the fuzz drill (MCP): tools are called with any texts, and say of what was sent what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from deploy.lab.drill.fuzz_reading import public_id
from deploy.lab.drill.fuzz_surface import SurfaceFuzz
from deploy.lab.drill.fuzz_texts import Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from deploy.lab.drill.fuzz_cases import Fields, Maker
    from deploy.lab.drill.fuzz_http import Client

PROTOCOL: Final = "2025-11-25"
ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "get_game": ("id",),
    "list_sessions": ("game", "build", "q", "from"),
    "get_session": ("session_id",),
    "query_insights": ("game", "build", "type"),
    "get_build_summary": ("game", "version"),
    "compare_builds": ("game", "version_a", "version_b"),
    "get_tester_summary": ("game", "device_id"),
    "get_tester_journey": ("game", "device_id"),
    "get_heatmap": ("game", "build"),
    "get_event_stats": ("game", "build", "from"),
    "get_playtest_batch": ("game", "batch_id"),
    "list_game_feedback_forms": ("id",),
    "get_experiment_comparison": ("experiment_id",),
}
"""Tools and their arguments, by the contract's list of S1's reads."""
_INTERNAL_ERROR: Final = -32603


class McpFuzz(SurfaceFuzz):
    """One agent with a management key."""

    surface = "mcp"

    def __init__(self, client: Client, maker: Maker, run: str, key: str) -> None:
        super().__init__(client, maker, run)
        self._headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": PROTOCOL,
        }
        self.compared = 0

    async def call_anything(self) -> None:
        """A tool with texts that name nothing: an answer or an error of the protocol, never one of ours."""
        tool, names = self.dice.choice(tuple(ARGUMENTS.items()))
        text = self._maker.texts.good
        arguments: Fields = {name: text(f"mcp {name}", Rule.NAME) for name in names}
        if "game" in arguments and self.dice.random() < 0.5:
            arguments["game"] = "relay"
        if self.dice.random() < 0.2:
            arguments[self.dice.choice(names)] = self._maker.refused("mcp refused", Rule.NAME)
        if self.dice.random() < 0.1:
            tool = text("mcp tool", Rule.NAME)
        answer = await self._call(tool, arguments)
        if answer.get("error", {}).get("code") == _INTERNAL_ERROR:
            self.wrong.append(f"{tool} {arguments!r:.200}: {answer!r:.200}")

    async def compare(self, sessions: Mapping[str, Fields], earlier: Collection[str], *, most: int) -> None:
        """Sessions are told as they were sent."""
        names = sorted(sessions.keys() - set(earlier))
        for session_id in self.dice.sample(names, min(most, len(names))):
            own = public_id(self._maker.app_id, session_id)
            answer = await self._call("get_session", {"session_id": own})
            told = answer.get("result", {}).get("structuredContent", {})
            told = told.get("session", told)
            sent = sessions[session_id]
            wanted = {"id": own, "title": sent["title"] or None, "deviceId": sent["player_id"]}
            self.expect({name: told.get(name) for name in wanted}, wanted, f"get_session {session_id!r}")
            self.compared += 1

    async def _call(self, tool: str, arguments: Fields) -> dict[str, Any]:
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        status, answer = await self.ask("POST", "/mcp", self._headers, message, frozenset({200, 400}))
        if status == 200 and not {"result", "error"} & answer.keys():
            self.wrong.append(f"{tool}: {orjson.dumps(answer)[:200]!r}")
        return answer
