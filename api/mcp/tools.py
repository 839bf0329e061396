"""The tools: one for each of S1's reads, and the request that a call of it is. Pure.

Source: contract/analytics.md, "MCP". Arguments have the names of REST's parameters, of path and query alike,
but where a tool says otherwise; other names that people use for them are taken too. What a read does not know
it ignores, as REST does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from api.playtests import batch_routes
from api.telemetry import ai_routes, experiment_section, routes, tester_routes
from schemas.edge.routes import Route
from schemas.edge.zod import Issue, required, type_of, wrong_type

_ROUTES: Final[dict[str, Route]] = {
    route.name: route
    for part in (routes, tester_routes, ai_routes, batch_routes, experiment_section)
    for route in part.ROUTES
}
_PATH: Final = {**routes.DOCUMENT.names}
_VERSIONS: Final = {"a": "version_a", "b": "version_b"}


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool. `names` are those of arguments that are called otherwise than REST's parameter, by that."""

    name: str
    route: Route
    names: Mapping[str, str] = {}
    read_only: bool = True
    """Not what asks an AI with the studio's own key."""

    @property
    def description(self) -> str:
        """What it answers."""
        return self.route.description

    def input_schema(self) -> dict[str, Any]:
        """Its arguments as JSON Schema."""
        properties: dict[str, Any] = {}
        wanted = []
        for parameter in (*(_PATH[name] for name in self.route.names), *self.route.parameters):
            name = self.names.get(parameter.name, parameter.name)
            schema = parameter.kind.schema() | {"description": parameter.description}
            properties[name] = (
                schema if parameter.default is None else schema | {"default": parameter.default}
            )
            if parameter.required or parameter.place == "path":
                wanted.append(name)
        return {"type": "object", "properties": properties, "required": wanted}

    def request(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """The path, percent-encoded, and the query of a call. Raises `InvalidArguments`."""
        found: dict[str, str] = {}
        issues = []
        parameters = {*self.route.names, *(parameter.name for parameter in self.route.parameters)}
        for parameter in parameters:
            given = next(
                (name for name in self._spellings(parameter) if arguments.get(name) is not None), None
            )
            if given is not None:
                value = arguments[given]
                if isinstance(value, dict | list):
                    issues.append(wrong_type([given], "string", type_of(value)))
                else:
                    found[parameter] = _text(value)
        issues += [
            required([self.names.get(name, name)], "string")
            for name in self.route.names
            if not found.get(name)
        ]
        if issues:
            raise InvalidArguments(issues)
        path = self.route.template
        for name in self.route.names:
            path = path.replace(f"{{{name}}}", quote(found.pop(name), safe="", errors="surrogatepass"))
        return path, urlencode(found, errors="surrogatepass")

    def _spellings(self, parameter: str) -> tuple[str, ...]:
        head, *rest = parameter.split("_")
        camel = head + "".join(word.title() for word in rest)
        other = (
            "game"
            if parameter == "id"
            else "id"
            if parameter in _IDS and "id" not in self.route.names
            else ""
        )
        return (self.names.get(parameter, parameter), parameter, _VERSIONS.get(parameter, ""), camel, other)


_IDS: Final = frozenset({"session_id", "experiment_id", "batch_id"})


class InvalidArguments(ValueError):
    """Arguments that make no request."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(issues)
        self.issues = issues


def _text(value: Any) -> str:
    """A value as a query says it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _tool(name: str, route: str, names: Mapping[str, str] | None = None, *, read_only: bool = True) -> Tool:
    return Tool(name=name, route=_ROUTES[route], names=names or {}, read_only=read_only)


TOOLS: Final = (
    _tool("list_games", "games"),
    _tool("get_game", "game"),
    _tool("list_sessions", "sessions"),
    _tool("get_session", "session"),
    _tool("query_insights", "insights"),
    _tool("get_build_summary", "build"),
    _tool("compare_builds", "compare", _VERSIONS),
    _tool("suggest_fixes", "suggestions", read_only=False),
    _tool("get_tester_summary", "tester"),
    _tool("get_tester_journey", "journey"),
    _tool("list_tester_archetypes", "archetypes", read_only=False),
    _tool("get_heatmap", "heatmap"),
    _tool("get_event_stats", "events"),
    _tool("list_playtest_batches", "batches"),
    _tool("get_playtest_batch", "batch"),
    _tool("list_playtest_keys", "batch_keys"),
    _tool("list_tester_invites", "batch_invites"),
    _tool("list_playtest_handles", "handles"),
    _tool("list_game_feedback_forms", "prompts"),
    _tool("list_game_experiments", "experiments"),
    _tool("get_experiment_comparison", "comparison"),
)
BY_NAME: Final = {tool.name: tool for tool in TOOLS}
