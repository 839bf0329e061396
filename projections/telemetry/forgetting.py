"""Forgets a person in one partition's rows, as the record that says so stands in the log.

All that came before it in the partition is in the tables by then, and nothing that comes after: so live
tables and rebuilt ones have the same left. What a session has counted stays where it is others' as well.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from projections.clickhouse.erasing import erase
from projections.telemetry.fact_tables import FACT_TABLES
from projections.telemetry.forgotten_persons import forgotten_before, note_forgotten
from projections.telemetry.session_key import SessionKey
from projections.telemetry.session_store import chunks, wanted
from projections.telemetry.sessions import at_version
from schemas.persons import Handle
from schemas.studio.discord import MESSAGE, SOURCE
from schemas.telemetry.forgetting import Forgotten
from schemas.telemetry.persons import PERSONAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.statements import Value
    from projections.telemetry.insight_store import InsightStore
    from projections.telemetry.session_store import SessionStore
    from projections.telemetry.sessions import SessionFragment
    from schemas.telemetry.forgetting import Fingerprints, PersonForgotten

_FACTS: Final = tuple(table for table in FACT_TABLES if table in PERSONAL.tables)
_ERASED: Final = (*_FACTS, "session_parts")
"""In this order: who comes back after a crash finds in the later ones who is meant in the earlier ones."""
_COUNTED: Final = ("events", "positions", "funnel_steps")
"""Of which a session's counts and runs are made."""
_TOLD: Final = (
    *("tester_handle", "title", "platform", "metadata", "experiments"),
    *("country", "region", "city"),
)
"""What a session's part says of whose it is."""
_OF_HANDLES: Final = "IN arrayZip({handle_games:Array(String)}, {handle_names:Array(String)})"
_OF_AUTHOR: Final = (
    f"(event_name = '{MESSAGE}' AND source = '{SOURCE}'"
    f" AND (game_id, JSONExtractString(properties, 'author')) {_OF_HANDLES})"
)


class Names(msgspec.Struct, frozen=True):
    """What rows of one partition call the person."""

    players: list[str]
    handles: list[Handle]


class Forgetting:
    """The rows and the memory of one set of tables."""

    def __init__(
        self,
        client: ClickHouse,
        topic: str,
        *,
        sessions: SessionStore,
        insights: InsightStore,
        fingerprints: Fingerprints,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        nonce: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        """`nonce` makes insert tokens differ: after a crash the same rows may have to be written again."""
        self._client = client
        self._topic = topic
        self._sessions = sessions
        self._insights = insights
        self._fingerprints = fingerprints
        self._sleep = sleep
        self._nonce = nonce

    async def before(self, partition: int, offset: int) -> Forgotten:
        """Whom the records of a partition before an offset say to forget."""
        return await forgotten_before(self._client, self._topic, partition, offset, self._fingerprints)

    async def forget(
        self,
        decision: PersonForgotten,
        partition: int,
        offset: int,
        *,
        before_write: Callable[[], Awaitable[None]],
        others: bool,
    ) -> set[SessionKey]:
        """Remove what is there of the person, note it, and return the sessions that are gone here.

        `others` says that other workers write to the same sessions. Called again after a crash: the rest.
        """
        studio_id = decision.studio_id
        names = await self._names(decision, partition)
        touched: set[SessionKey] = set()
        gone: set[SessionKey] = set()
        if names.players or names.handles:
            where = {table: which for table in _ERASED if (which := condition(table, names))}
            parameters: dict[str, Value] = {
                "studio": studio_id,
                "partition": partition,
                "offset": offset,
                "players": names.players,
                "handle_games": [one.game_id for one in names.handles],
                "handle_names": [one.name for one in names.handles],
            }
            touched = await self._touched(where, parameters)
            await before_write()
            gone = await self._give_up_sessions(touched, names, partition, offset)
            await before_write()
            await self._insights.discard(studio_id, names.players, touched)
            await erase(self._client, where, parameters, before_write=before_write, sleep=self._sleep)
        left = await self._left(partition, offset)
        await before_write()
        await self._insights.discard(studio_id, [], left)
        token = f"insights:{self._topic}:{partition}:{offset}:{self._nonce()}"
        await self._insights.analyse(left | touched, token, others=others)
        await before_write()
        await note_forgotten(self._client, self._topic, partition, offset, decision)
        return gone

    async def _names(self, decision: PersonForgotten, partition: int) -> Names:
        """The ids and handles in the rows that the decision means: it holds fingerprints of them alone."""
        one, studio_id = Forgotten(self._fingerprints, [decision]), decision.studio_id
        players: set[str] = set()
        handles: set[Handle] = set()
        for table in _ERASED:
            for column, identity in PERSONAL.tables[table].ids.items():
                game = "game_id" if identity == "handle" else "''"
                for game_id, name in await self._client.rows(
                    f"SELECT DISTINCT {game}, {column} FROM {table}"  # noqa: S608 - names of ours
                    " WHERE studio_id = {studio:String} AND _partition = {partition:UInt16}",
                    {"studio": studio_id, "partition": partition},
                ):
                    if identity == "player" and one.player(studio_id, str(name)):
                        players.add(str(name))
                    elif identity == "handle" and one.handle(studio_id, str(game_id), str(name)):
                        handles.add(Handle(str(game_id), str(name)))
        return Names(sorted(players), sorted(handles, key=lambda handle: (handle.game_id, handle.name)))

    async def _touched(self, where: dict[str, str], parameters: dict[str, Value]) -> set[SessionKey]:
        """The sessions that hold anything of the person in this partition."""
        found: set[SessionKey] = set()
        for table in where.keys() & {"session_parts", "messages", *_COUNTED}:
            rows = await self._client.rows(
                f"SELECT DISTINCT studio_id, game_id, session_id FROM {table} WHERE {where[table]}",  # noqa: S608
                parameters,
            )
            found |= {SessionKey(*row) for row in rows}
        return found

    async def _give_up_sessions(
        self, touched: set[SessionKey], names: Names, partition: int, offset: int
    ) -> set[SessionKey]:
        """Store what is left of sessions that are others' too; return those that are the person's alone.

        What is stored has this record's version, by which `_left` finds it after a crash.
        """
        parts = {
            key: part
            for key, found in (await self._sessions.parts(touched, partition)).items()
            for part in found
            if part.version <= offset
        }
        own = {key for key, part in parts.items() if part.player_id in names.players}
        others = await self._others(own, names, partition)
        kept = []
        for key, part in parts.items():
            if key in others:
                kept.append(at_version(_of(part, others[key]), offset))
            elif key not in own:
                theirs = Handle(key.game_id, part.tester_handle) in names.handles
                handle = "" if theirs else part.tester_handle
                kept.append(at_version(msgspec.structs.replace(part, tester_handle=handle), offset))
        await self._sessions.write(
            kept, f"session_parts:{self._topic}:{partition}:{offset}-{offset}:{self._nonce()}"
        )
        return own - others.keys()

    async def _left(self, partition: int, offset: int) -> set[SessionKey]:
        """The sessions of which something is left that the record at this offset has changed."""
        rows = await self._client.rows(
            "SELECT DISTINCT studio_id, game_id, session_id FROM session_parts"
            " WHERE _partition = {partition:UInt16} AND _version = {version:UInt64}",
            {"partition": partition, "version": offset + 1},
        )
        return {SessionKey(*row) for row in rows}

    async def _others(self, keys: set[SessionKey], names: Names, partition: int) -> dict[SessionKey, str]:
        """For each session that others have rows in: whose the first of those in the log is."""
        found: dict[SessionKey, tuple[tuple[int, int], str]] = {}
        for table in _COUNTED:
            for some in chunks(keys):
                rows = await self._client.rows(
                    "SELECT studio_id, game_id, session_id, min((_offset, _index)) AS first,"  # noqa: S608 - a constant
                    f" argMin(player_id, (_offset, _index)) FROM {table}"
                    " WHERE (studio_id, game_id, session_id) IN wanted AND _partition = {partition:UInt16}"
                    " AND player_id NOT IN {players:Array(String)}"
                    " GROUP BY studio_id, game_id, session_id",
                    {"partition": partition, "players": names.players},
                    beside=wanted(some),
                )
                for studio_id, game_id, session_id, first, player_id in rows:
                    key = SessionKey(studio_id, game_id, session_id)
                    one = ((int(first[0]), int(first[1])), str(player_id))
                    found[key] = min(found.get(key, one), one)
        return {key: player_id for key, (_, player_id) in found.items()}


def condition(table: str, names: Names) -> str:
    """What a person's rows of a partition meet, with the parameters that `Forgetting` gives. Pure.

    Of a table that is declared as personal; of `session_parts` those from before the offset. Empty where
    none can be theirs.
    """
    ways = []
    for column, identity in PERSONAL.tables[table].ids.items():
        if identity == "player" and names.players:
            ways.append(f"{column} IN {{players:Array(String)}}")
        elif identity == "handle" and names.handles:
            ways.append(f"(game_id, {column}) {_OF_HANDLES}")
    if table == "events" and names.handles:
        ways.append(_OF_AUTHOR)
    if not ways:
        return ""
    found = f"studio_id = {{studio:String}} AND _partition = {{partition:UInt16}} AND ({' OR '.join(ways)})"
    return f"{found} AND _version <= {{offset:UInt64}}" if table == "session_parts" else found


def _of(part: SessionFragment, player_id: str) -> SessionFragment:
    """A session's part as another player's, without what was said of the first."""
    return msgspec.structs.replace(part, player_id=player_id, **dict.fromkeys(_TOLD, ""))
