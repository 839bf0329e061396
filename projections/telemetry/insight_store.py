"""Insights in ClickHouse: derived again whenever a closed session has changed, from what is stored by then.

An analysis carries the number of events it saw as its version. InsertBatch only grow, so of two workers that
analyse one session (its partitions differ) the one that saw more wins, and equal numbers mean equal findings.
It also carries the version of its rules. While two releases run, either may write last: a session of which
any finding is of older rules counts as analysed by those, until it is analysed anew.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.clickhouse.client import time_text
from projections.clickhouse.erasing import erase
from projections.telemetry.active_time import EventId, merge
from projections.telemetry.insights import (
    RULES,
    FinishedSession,
    Insight,
    RuleEvent,
    Rules,
)
from projections.telemetry.session_key import SessionKey
from projections.telemetry.session_store import KEYS_PER_QUERY, SessionStore, chunks, wanted
from projections.telemetry.sessions import SessionFragment, joined_idle_ms
from schemas.studio.discord import MESSAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value

RULE_EVENTS_MAX: Final = 20_000
"""Rule events that are looked at in one session; the earliest in the log count."""

COLUMNS: Final = (
    "studio_id",
    "game_id",
    "session_id",
    "player_id",
    "insight_id",
    "type",
    "sentiment",
    "confidence",
    "evidence",
    "event_ids",
    "place",
    "tag",
    "build_id",
    "environment",
    "created_at",
    "recorded_at",
    "wall_ms",
    "active_ms",
    "removed",
    "rules_version",
    "_version",
)
_SELECT_EVENTS: Final = (
    "SELECT studio_id, game_id, session_id, event_name, toUnixTimestamp64Milli(occurred_at),"  # noqa: S608 - a constant
    " _partition, _offset, _index, room, JSONExtractRaw(properties, 'level'),"
    f" if(event_name = '{MESSAGE}', JSONExtractString(properties, 'text'), '')"
    " FROM events WHERE (studio_id, game_id, session_id) IN wanted"
    " AND event_name IN {names:Array(String)}"
    " ORDER BY studio_id, game_id, session_id, _partition, _offset, _index"
    " LIMIT {most:UInt32} BY studio_id, game_id, session_id"
)
_SELECT_INSIGHTS: Final = (
    "SELECT studio_id, game_id, session_id, insight_id, player_id, type, sentiment, tag, build_id,"
    " environment, toUnixTimestamp64Milli(created_at)"
    " FROM insights FINAL WHERE (studio_id, game_id, session_id) IN wanted AND removed = 0"
)
_SELECT_OUTDATED: Final = (
    "SELECT DISTINCT studio_id, game_id, session_id FROM insights FINAL"
    " WHERE removed = 0 AND rules_version < {version:UInt16}"
    " AND (studio_id, game_id, session_id) > ({studio:String}, {game:String}, {session:String})"
    " ORDER BY studio_id, game_id, session_id LIMIT {most:UInt32}"
)
_json = msgspec.json.Encoder()


class InsightStore:
    """Analyses sessions over everything that is stored about them."""

    def __init__(self, client: ClickHouse, sessions: SessionStore, rules: Rules = RULES) -> None:
        self._client = client
        self._sessions = sessions
        self._rules = rules

    async def analyse(self, keys: Collection[SessionKey], token: str, *, others: bool) -> int:
        """Derive and store the insights of these sessions where they are closed; return how many were.

        `others` says that other workers may write to the same sessions: then what was written is checked
        against what has arrived meanwhile. Called twice: the same rows.
        """
        analysed = 0
        pending = set(keys)
        while pending:
            seen: dict[SessionKey, int] = {}
            for some in chunks(sorted(pending)):
                sessions = await self._finished(some)
                seen |= {session.key: session.events for session in sessions}
                await self._analyse(sessions, token)
            analysed = max(analysed, len(seen))
            if not others:
                break
            now = dict.fromkeys(seen, 0) | {
                session.key: session.events for session in await self._finished(list(seen))
            }
            # One that has lost events, as another worker forgot a person: what saw more of them would win.
            lost = [key for key, events in now.items() if events < seen[key]]
            for studio_id in {key.studio_id for key in lost}:
                await self.discard(studio_id, [], [key for key in lost if key.studio_id == studio_id])
            pending = {key for key, events in now.items() if events not in {0, seen[key]}}
        return analysed

    async def discard(self, studio_id: str, players: Sequence[str], keys: Collection[SessionKey]) -> None:
        """Remove the insights of these players, and of these sessions of the studio, as if never made."""
        if players:
            where = "studio_id = {studio:String} AND player_id IN {players:Array(String)}"
            parameters: dict[str, Value] = {"studio": studio_id, "players": list(players)}
            await erase(self._client, {"insights": where}, parameters)
        for some in chunks(sorted(keys)):
            for game_id in sorted({key.game_id for key in some}):
                where = (
                    "studio_id = {studio:String} AND game_id = {game:String}"
                    " AND session_id IN {sessions:Array(String)}"
                )
                parameters = {
                    "studio": studio_id,
                    "game": game_id,
                    "sessions": [key.session_id for key in some if key.game_id == game_id],
                }
                await erase(self._client, {"insights": where}, parameters)

    async def outdated(self) -> int:
        """How many sessions have insights of older rules."""
        rows = await self._client.rows(
            f"SELECT count() FROM ({_SELECT_OUTDATED})",  # noqa: S608 - a constant
            self._outdated_after(SessionKey("", "", ""), 1 << 31),
        )
        return int(rows[0][0])

    async def analyse_outdated(self, token: str, progress: Callable[[int], None]) -> int:
        """Analyse anew what older rules have analysed, beside workers that go on; return how many sessions.

        `progress` is called with how many are done. Called twice: the second time there are none.
        """
        analysed, last = 0, SessionKey("", "", "")
        while True:
            rows = await self._client.rows(_SELECT_OUTDATED, self._outdated_after(last, KEYS_PER_QUERY))
            if not rows:
                return analysed
            keys = [SessionKey(*row) for row in rows]
            analysed += await self.analyse(keys, token, others=True)
            last = keys[-1]
            progress(analysed)

    def _outdated_after(self, last: SessionKey, most: int) -> dict[str, Value]:
        version = self._rules.version
        return {
            "version": version,
            **dict(zip(("studio", "game", "session"), last, strict=True)),
            "most": most,
        }

    async def _finished(self, keys: Collection[SessionKey]) -> list[FinishedSession]:
        if not keys:
            return []
        found = await self._sessions.parts(keys)
        return [
            joined(parts)
            for parts in found.values()
            if any(part.closed for part in parts) and any(part.runs for part in parts)
        ]

    async def _analyse(self, sessions: list[FinishedSession], token: str) -> None:
        if not sessions:
            return
        keys = [session.key for session in sessions]
        events = await self._rule_events(keys)
        before = await self._stored(keys)
        rows = []
        for session in sessions:
            found = self._rules.derive(session, events.get(session.key, ()))
            end = [self._rules.version, session.events]
            rows += [[*_row(session, insight), *end] for insight in found]
            gone = before.get(session.key, {}).keys() - {insight.insight_id for insight in found}
            rows += [[*session.key, *before[session.key][insight_id], 1, *end] for insight_id in sorted(gone)]
        if rows:
            body = b"\n".join(map(_json.encode, rows))
            # Its content depends on when it was read: only the very same content may be dropped as a repeat.
            own = f"{token}:{sha256(body).hexdigest()[:16]}"
            await self._client.insert("insights", COLUMNS, body, form="JSONCompactEachRow", token=own)

    async def _rule_events(self, keys: list[SessionKey]) -> dict[SessionKey, list[RuleEvent]]:
        found: dict[SessionKey, list[RuleEvent]] = {}
        parameters: dict[str, Value] = {"names": list(self._rules.event_names), "most": RULE_EVENTS_MAX}
        for row in await self._client.rows(_SELECT_EVENTS, parameters, beside=wanted(keys)):
            studio_id, game_id, session_id, name, at_ms, partition, offset, item, room, level, text = row
            found.setdefault(SessionKey(studio_id, game_id, session_id), []).append(
                RuleEvent(at_ms, EventId(partition, offset, item), name, room or _level(level), text)
            )
        return found

    async def _stored(self, keys: list[SessionKey]) -> dict[SessionKey, dict[str, list[Any]]]:
        found: dict[SessionKey, dict[str, list[Any]]] = {}
        for row in await self._client.rows(_SELECT_INSIGHTS, beside=wanted(keys)):
            *key, insight_id, player_id, kind, sentiment, tag, build_id, environment, at_ms = row
            found.setdefault(SessionKey(*key), {})[insight_id] = [
                player_id,
                insight_id,
                kind,
                sentiment,
                0.0,
                "",
                [],
                "",
                tag,
                build_id,
                environment,
                time_text(at_ms),
                time_text(at_ms),
                0,
                0,
            ]
        return found


def joined(parts: Iterable[SessionFragment]) -> FinishedSession:
    """A session from its parts, at least one of which has events; the lowest partition names the build."""
    ordered = sorted(parts, key=lambda part: part.partition)
    with_events = [part for part in ordered if part.runs]
    counts: dict[str, int] = {}
    for part in ordered:
        for name, times in part.event_counts.items():
            counts[name] = counts.get(name, 0) + times
    runs = merge(run for part in ordered for run in part.runs)
    return FinishedSession(
        key=ordered[0].key,
        player_id=with_events[0].player_id,
        source=with_events[0].source,
        build_id=with_events[0].build_id,
        environment=with_events[0].environment,
        runs=runs,
        idle_ms=joined_idle_ms(ordered, runs),
        event_counts=counts,
        started_at_ms=min(
            (part.started_at_ms for part in with_events if part.started_at_ms is not None), default=None
        ),
    )


def _row(session: FinishedSession, insight: Insight) -> list[Any]:
    return [
        *session.key,
        session.player_id,
        insight.insight_id,
        insight.type,
        insight.sentiment,
        insight.confidence,
        insight.evidence,
        [str(event) for event in insight.events],
        insight.place,
        insight.tag,
        session.build_id,
        session.environment,
        time_text(insight.created_at_ms),
        time_text(session.recorded_at_ms),
        session.wall_ms,
        session.active_ms,
        0,
    ]


def _level(raw: str) -> str:
    """`props.level` as a place: text as it is, a number as its digits, anything else is no place."""
    if not raw or raw[0] in "[{n":
        return ""
    try:
        return str(msgspec.json.decode(raw)) if raw[0] == '"' else raw
    except msgspec.DecodeError:
        return ""
