"""Reads of the Management API over telemetry: enter, validate, query, answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Request, Response

from api.segments import segment
from api.telemetry import answers, errors, session_answers
from api.telemetry.sections import cached
from api.telemetry.summaries import ai_summary
from projections.telemetry.queries import insights, rollups, session_rollups, sessions
from projections.telemetry.queries.filters import Conditions
from projections.telemetry.queries.friction_counts import tag_counts
from projections.telemetry.queries.heatmap_sql import HeatmapKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.telemetry.access import Gate
    from api.telemetry.ai_ports import Ai
    from api.telemetry.sections import Handler
    from projections.telemetry.queries.cache import RefreshingCache
    from projections.telemetry.queries.client import Queries
    from projections.telemetry.queries.heatmap import Heatmap
    from schemas.edge.ports import Game
    from schemas.telemetry.access import Caller

TOP_NAMES = 50


class Reads:
    """The handlers. Each takes an accepted caller and its validated parameters."""

    def __init__(
        self,
        gate: Gate,
        queries: Queries,
        heatmaps: RefreshingCache[HeatmapKey, Heatmap],
        events: RefreshingCache[rollups.EventFilters, rollups.EventCounts],
        ai: Ai,
    ) -> None:
        self._gate = gate
        self._queries = queries
        self._heatmaps = heatmaps
        self._events = events
        self._ai = ai

    def handlers(self) -> dict[str, Handler]:
        """By the names of the routes."""
        return {
            "games": self.games,
            "game": self.game,
            "sessions": self.sessions,
            "session": self.session,
            "insights": self.insights,
            "build": self.build,
            "tester": self.tester,
            "heatmap": self.heatmap,
            "events": self.events,
        }

    async def games(self, _: Request, caller: Caller, __: dict[str, Any]) -> Response:
        """List every game of the key's studio. Oldest first."""
        found = await self._gate.games(caller)
        return _json(answers.Games(games=[answers.game(game) for game in found]))

    async def game(self, request: Request, caller: Caller, _: dict[str, Any]) -> Response:
        """One game by id or slug, with its counts of sessions, builds and testers."""
        game = await self._gate.game(caller, segment(request, "id"))
        counts = await rollups.game_counts(self._queries, game.studio_id, game.id)
        return _json(
            answers.GameWithCounts(
                game=answers.game(game),
                counts=answers.Counts(
                    session_count=counts.sessions, build_count=counts.builds, tester_count=counts.testers
                ),
            )
        )

    async def sessions(self, _: Request, caller: Caller, values: dict[str, Any]) -> Response:
        """A page of sessions across the studio's games. Newest recordedAt first, then by id."""
        studio_id = caller.studio.id
        found, total = await sessions.list_sessions(
            self._queries,
            studio_id,
            sessions.SessionFilters(
                game_id=await self._game_id(caller, values["game"]),
                build=values["build"],
                environment=values["env"],
                status=values["status"],
                source=values["source"],
                q=values["q"],
                since_ms=values["from"],
                until_ms=values["to"],
            ),
            limit=values["limit"],
            offset=values["offset"],
        )
        items = [session_answers.session(session, studio_id) for session in found]
        return _json(
            session_answers.SessionPage(items=items, has_more=_has_more(values, items, total), total=total)
        )

    async def session(self, request: Request, caller: Caller, _: dict[str, Any]) -> Response:
        """One session with its feedback and every insight attached to it."""
        studio_id = caller.studio.id
        detail = await sessions.find_session(self._queries, studio_id, segment(request, "session_id"))
        if detail is None:
            raise errors.not_found("Session")
        return _json(
            session_answers.SessionWithInsights(
                session=session_answers.full_session(detail, studio_id),
                insights=[session_answers.insight(insight) for insight in detail.insights],
            )
        )

    async def insights(self, _: Request, caller: Caller, values: dict[str, Any]) -> Response:
        """A page of insights across the studio's sessions. Newest first, then by id."""
        found, total = await insights.list_insights(
            self._queries,
            caller.studio.id,
            insights.InsightFilters(
                game_id=await self._game_id(caller, values["game"]),
                build=values["build"],
                type=values["type"],
                sentiment=values["sentiment"],
                since_ms=values["from"],
                until_ms=values["to"],
            ),
            limit=values["limit"],
            offset=values["offset"],
        )
        items = [session_answers.insight(insight) for insight in found]
        return _json(
            session_answers.InsightPage(items=items, has_more=_has_more(values, items, total), total=total)
        )

    async def build(self, request: Request, caller: Caller, values: dict[str, Any]) -> Response:
        """Rollup of one build of a game. All environments where `env` is absent."""
        game = await self._gate.game(caller, segment(request, "game"))
        version = segment(request, "version")
        found, counts = await asyncio.gather(
            session_rollups.build_rollup(self._queries, game.studio_id, game.id, version, values["env"]),
            tag_counts(self._queries, _scope(game, values).equal("build_id", "build", version)),
        )
        if found is None:
            raise errors.not_found("Build")
        rollup = answers.BuildRollup(
            version=version,
            session_count=found.sessions,
            unique_devices=found.devices,
            first_seen=found.first_seen,
            last_seen=found.last_seen,
            stats=answers.stats(found.stats),
            sample_country=found.country,
        )
        return _json(
            answers.Build(
                game=answers.game(game),
                rollup=rollup,
                summary=await ai_summary(self._ai, game, "build-summary", values["env"], version),
                rule_summary=answers.rule_summary(found, counts),
            )
        )

    async def tester(self, request: Request, caller: Caller, values: dict[str, Any]) -> Response:
        """Rollup of one device in a game, with its sessions. All environments where `env` is absent."""
        game = await self._gate.game(caller, segment(request, "game"))
        device_id = segment(request, "device_id")
        whose = (game.studio_id, game.id, device_id, values["env"])
        rollup = await session_rollups.tester_rollup(self._queries, *whose)
        if rollup is None:
            raise errors.not_found("Tester")
        found, counts = await asyncio.gather(
            sessions.tester_sessions(self._queries, *whose),
            tag_counts(self._queries, _scope(game, values).equal("player_id", "device", device_id)),
        )
        return _json(
            session_answers.Tester(
                game=answers.game(game),
                rollup=session_answers.TesterRollup(
                    device_id=device_id,
                    session_count=rollup.sessions,
                    first_seen=rollup.first_seen,
                    last_seen=rollup.last_seen,
                    stats=answers.stats(rollup.stats),
                    last_build=rollup.last_build,
                    country=rollup.country,
                    region=rollup.region,
                    city=rollup.city,
                ),
                sessions=[session_answers.session(session, game.studio_id) for session in found],
                summary=await ai_summary(self._ai, game, "tester-summary", values["env"], device_id),
                rule_summary=answers.rule_summary(rollup, counts),
            )
        )

    async def heatmap(self, request: Request, caller: Caller, values: dict[str, Any]) -> Response:
        """Density grids of where players were, room by room. At most a few seconds old (`X-Data-Age-Ms`)."""
        game = await self._gate.game(caller, segment(request, "game"))
        key = HeatmapKey(game.studio_id, game.id, values["build"], values["env"], game.heatmap_axes)
        served = await self._heatmaps.get(key)
        found = served.value
        body = b'{"game":%b,"rooms":%b,"eventCount":%d}' % (
            msgspec.json.encode(answers.game(game)),
            found.rooms_json(),
            found.event_count,
        )
        return cached(body, served)

    async def events(self, request: Request, caller: Caller, values: dict[str, Any]) -> Response:
        """How often each event name occurred in a game's sessions. A few seconds old (`X-Data-Age-Ms`)."""
        game = await self._gate.game(caller, segment(request, "game"))
        served = await self._events.get(
            rollups.EventFilters(
                studio_id=game.studio_id,
                game_id=game.id,
                build=values["build"],
                environment=values["env"],
                since_ms=values["from"],
                until_ms=values["to"],
            )
        )
        found = served.value
        answer = answers.EventCounts(
            game=answers.game(game),
            session_count=found.sessions,
            total=found.total,
            by_name=dict(found.by_name),
            top=found.by_name[:TOP_NAMES],
        )
        return cached(msgspec.json.encode(answer), served)

    async def _game_id(self, caller: Caller, id_or_slug: str | None) -> str | None:
        return None if id_or_slug is None else (await self._gate.game(caller, id_or_slug)).id


def _scope(game: Game, values: dict[str, Any]) -> Conditions:
    conditions = Conditions(game.studio_id).equal("game_id", "game", game.id)
    return conditions.equal("environment", "environment", values["env"])


def _has_more(values: dict[str, Any], items: Sequence[object], total: int) -> bool:
    return values["offset"] + len(items) < total if items else False


def _json(answer: answers.Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
