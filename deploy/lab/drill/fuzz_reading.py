"""Reads what a fuzz run has left: the tables of ClickHouse, and the same by the reads of S1."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from deploy.lab.drill.fuzz_cases import MONTH_MS
from deploy.lab.drill.fuzz_comparison import COLUMNS, PLACES, SESSION_COLUMNS, Found, read_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from deploy.lab.drill.fuzz_cases import Case, Fields
    from deploy.lab.drill.fuzz_http import Client
    from projections.clickhouse.client import ClickHouse

_WINDOW: Final = (
    "game_id = {game:String} AND (toUnixTimestamp64Milli(%(time)s) BETWEEN {a:Int64} AND {b:Int64}"
    " OR toUnixTimestamp64Milli(%(time)s) BETWEEN {c:Int64} AND {d:Int64})"
)
_IN_SESSIONS: Final = frozenset({"events", "positions", "funnel_steps"})
FEW: Final = 20
QUERY_MAX: Final = 200
"""The reference's limits are zod's, which counts UTF-16's units."""
BUILD_MAX: Final = 120


async def found_rows(clickhouse: ClickHouse, game_id: str, begin_ms: int, last: int) -> Found:
    """The rows of a run in each table that knows the item's time; of players the latest."""
    found: Found = {}
    parameters = {
        "game": game_id,
        "a": str(begin_ms),
        "b": str(begin_ms + last),
        "c": str(begin_ms - MONTH_MS),
        "d": str(begin_ms - MONTH_MS + last),
    }
    for table, columns in COLUMNS.items():
        if table in PLACES:
            continue
        time = "started_at" if table == "performance" else "occurred_at"
        order = "_partition, _offset, _index" + (", _point" if table == "positions" else "")
        final = " FINAL" if table == "players" else ""
        rows = await clickhouse.rows(
            f"SELECT toUnixTimestamp64Milli({time}), {', '.join(columns)} FROM {table}{final}"  # noqa: S608 - own
            f" WHERE {_WINDOW % {'time': time}} ORDER BY {order}",
            parameters,
        )
        places = found[table] = {}
        for at_ms, *values in rows:
            row = read_row(columns, values)
            places.setdefault(row["player_id"] if table == "players" else int(at_ms), []).append(row)
    return found


async def found_by_id(
    clickhouse: ClickHouse, table: str, game_id: str, since_ms: int, wanted: Iterable[str]
) -> dict[Any, list[Fields] | None]:
    """What has an id, by that: what is of the run, and None for what an earlier run has sent before."""
    columns, place = COLUMNS[table], PLACES[table]
    rows = await clickhouse.rows(
        f"SELECT toUnixTimestamp64Milli(arrived_at), {', '.join(columns)} FROM {table} FINAL"  # noqa: S608 - own names
        " WHERE game_id = {game:String}",
        {"game": game_id},
    )
    found: dict[Any, list[Fields] | None] = {}
    ids = set(wanted)
    for arrived_ms, *values in rows:
        row = read_row(columns, values)
        if int(arrived_ms) >= since_ms:
            found[row[place]] = [row]
        elif row[place] in ids:
            found[row[place]] = None
    return found


async def found_sessions(
    clickhouse: ClickHouse, game_id: str, since_ms: int, wanted: Iterable[str]
) -> dict[str, Fields | None]:
    """The sessions with these ids as the view has them; None for one that an earlier run has begun."""
    rows = await clickhouse.rows(
        f"SELECT toUnixTimestamp64Milli(first_arrived_at), {', '.join(SESSION_COLUMNS)}"  # noqa: S608 - own names
        " FROM sessions WHERE game_id = {game:String}",
        {"game": game_id},
    )
    ids = set(wanted)
    found: dict[str, Fields | None] = {}
    for arrived_ms, *values in rows:
        if values[0] in ids:
            row = read_row(SESSION_COLUMNS, values)
            whole = row | {key: row[key] or {} for key in ("metadata", "experiments")}
            found[row["session_id"]] = whole if int(arrived_ms) >= since_ms else None
    return found


def public_id(game_id: str, session_id: str) -> str:
    """Contract, telemetry.md, "Sessions"."""
    if session_id.startswith("sess_"):
        return session_id
    return "sess_" + hashlib.sha256(f"{game_id}\n{session_id}".encode()).hexdigest()[:32]


async def read_back(
    client: Client, key: str, game_id: str, accepted: Sequence[Case], earlier: Collection[str], *, most: int
) -> None:
    """Ask S1's reads for what was sent; the client notes each answer. `earlier` sessions are others'."""
    headers = {"authorization": f"Bearer {key}"}
    whose: dict[str, set[tuple[str, str]]] = {}
    for row in (row.columns for case in accepted for row in case.rows if row.table in _IN_SESSIONS):
        whose.setdefault(row["session_id"], set()).add((row["player_id"], row["build_id"]))
    # A session that several have named is one of them's: which, is the log's order.
    own = [names for session_id, names in whose.items() if len(names) == 1 and session_id not in earlier]
    known = [one for names in own for one in names]
    given = {session_id for case in accepted for session_id in case.sessions}
    titles = {case.session["title"] for case in accepted if case.session is not None}
    builds = _some({build for _, build in known if build}, most)
    paths = [f"/sessions/{_quoted(public_id(game_id, one))}" for one in _some(given, most)]
    paths += [f"/testers/relay/{_quoted(one)}" for one in _some({player for player, _ in known}, most)]
    paths += [f"/builds/relay/{_quoted(one)}" for one in builds]
    paths += [f"/heatmaps/relay?build={_quoted(one)}" for one in builds[:FEW]]
    asked = [one for one in builds if _utf16(one) <= BUILD_MAX]
    paths += [f"/events/relay?build={_quoted(one)}" for one in asked[:FEW]]
    words = [title for title in titles if 0 < _utf16(title) <= QUERY_MAX]
    paths += [f"/sessions?game=relay&q={_quoted(word)}" for word in _some(words, most)]
    paths += ["/events/relay", "/heatmaps/relay", "/games/relay", "/insights?game=relay&limit=100"]
    lanes = asyncio.Semaphore(4)

    async def ask(path: str) -> None:
        async with lanes:
            status, text = await client.ask("GET", f"/api/v1{path}", headers=headers)
            client.note("reads", status, allowed=status == 200, said=f"{path} -> {text[:100]!r}")

    await asyncio.gather(*(ask(path) for path in paths))


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _some(texts: Iterable[str], most: int) -> list[str]:
    """A sample that does not depend on how a set is ordered."""
    by_hash = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
    return by_hash[:most]


async def all_sessions(client: Client, key: str) -> dict[str, Fields]:
    """Every session of the game by the list, page by page, as it is answered."""
    found: dict[str, Fields] = {}
    headers = {"authorization": f"Bearer {key}"}
    for offset in itertools.count(0, 100):
        path = f"/api/v1/sessions?game=relay&limit=100&offset={offset}"
        status, body = await client.ask("GET", path, headers=headers)
        client.note("reads", status, allowed=status == 200, said=path)
        if status != 200:
            return found
        page = orjson.loads(body)
        found |= {session["id"]: session for session in page["items"]}
        if not page["hasMore"]:
            return found
    return found
