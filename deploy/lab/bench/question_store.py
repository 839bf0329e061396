"""A ClickHouse for `questlog bench questions`: a month of two studios' games, and an analyst's account.

It is filled from numbers as projectors would have left it, by the statements of `question_facts`, and is the
embedded server with everything that a reader's statement goes through: row policies, filters and limits.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.analyst_file import AccountFile, accounts_path
from deploy.analysts import Account, password_hash
from deploy.lab.bench.processes import cpu_seconds, difference
from deploy.nouns import views
from deploy.settings import Settings, make_secret
from deploy.stack.clickhouse import DATABASE, clickhouse_part, clickhouse_url
from deploy.stack.ports import free_port
from deploy.stack.program import RunningProgram
from projections.clickhouse import migrations
from projections.clickhouse.client import ClickHouse, views_database
from projections.clickhouse.system_tables import drop_databases
from projections.clickhouse.views import apply_views
from projections.telemetry.queries.client import ClickHouseQueries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from projections.clickhouse.statements import Value

STUDIO: Final = "studio_bench"
GAME: Final = "game_bench"
DAYS: Final = 30
DAY_MS: Final = 24 * 3600 * 1000
EVENTS_A_SESSION: Final = 100
SESSIONS_A_PLAYER: Final = 5
NEIGHBOUR: Final = 10
"""Another studio's game has a tenth of the rows, which are in the same tables."""
FILLED: Final = "filled.json"
_FACTS: Final = Path(__file__).parent / "question_facts"
_DAILY: Final = ("events", "positions", "sessions")
_WHOLE: Final = ("players", "ledger", "attempts")
_ACCOUNT: Final = "bench"


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What the store holds of the game that is asked about."""

    events_asked: int
    begin_ms: int
    rows: dict[str, int] = {}
    """By table."""

    @property
    def until_ms(self) -> int:
        """Where its month ends."""
        return self.begin_ms + DAYS * DAY_MS


class QuestionStore:
    """The running store: its owner's client, an analyst's, and the CPU that it takes."""

    def __init__(self, url: str, reader_url: str, pid: int) -> None:
        self.owner = ClickHouse(url, DATABASE, answer_seconds=600.0)
        self.reader = ClickHouseQueries(reader_url, views_database(DATABASE))
        self._pids = {"clickhouse": pid}
        self._before = cpu_seconds(self._pids)

    def cpu_ms(self) -> float:
        """CPU of the whole process since this was last asked."""
        before, self._before = self._before, cpu_seconds(self._pids)
        return sum(difference(before, self._before).values()) * 1000

    async def settled(self) -> None:
        """Return once nothing is merged any more, so that all CPU is the questions'."""
        deadline = time.monotonic() + 600
        while (await self.owner.rows("SELECT count() FROM system.merges"))[0][0]:
            if time.monotonic() > deadline:
                raise TimeoutError("ClickHouse still merges after 10 minutes")
            self.cpu_ms()
            await self.owner.rows("SELECT sleep(1)")


@asynccontextmanager
async def question_store(
    home: Path, events: int, tell: Callable[[str], None]
) -> AsyncIterator[tuple[QuestionStore, Filled]]:
    """Start the store of a folder, filled with so many events; one that has them already is not filled again.

    Raises ValueError where it holds another number of them, and PartFailed.
    """
    make_secret(home)
    configured = Settings(home=home)
    password, reader = (configured.store_password(name) for name in ("clickhouse", _ACCOUNT))
    port = free_port()
    program = await RunningProgram.start(clickhouse_part(home, port, password), home / "logs")
    try:
        await program.wait_ready()
        url = clickhouse_url(port, password)
        store = QuestionStore(url, f"http://{_ACCOUNT}:{reader}@localhost:{port}", program.process.pid)
        try:
            yield store, await _filled(home, store, events, reader, tell)
        finally:
            await store.reader.close()
            await store.owner.close()
    finally:
        await program.stop()


async def _filled(
    home: Path, store: QuestionStore, events: int, password: str, tell: Callable[[str], None]
) -> Filled:
    try:
        found = msgspec.json.decode((home / FILLED).read_bytes(), type=Filled)
        if found.events_asked != events:
            raise ValueError(
                f"{home} holds {found.events_asked:,} events: take --events {found.events_asked}"
            )
    except FileNotFoundError:
        now_ms = time.time_ns() // 1_000_000
        found = Filled(events_asked=events, begin_ms=now_ms // DAY_MS * DAY_MS - DAYS * DAY_MS)
        await drop_databases(store.owner)  # of a run that ended while it filled them
        await migrations.apply(store.owner)
        for studio, game, share in ((STUDIO, GAME, 1), (f"{STUDIO}_2", f"{GAME}_2", NEIGHBOUR)):
            tell(f"filling a ClickHouse of its own with {events // share:,} events of {studio}…")
            await fill(store.owner, studio, game, events=events // share, begin_ms=found.begin_ms)
        found = msgspec.structs.replace(found, rows=await _rows(store.owner))
        (home / FILLED).write_bytes(msgspec.json.encode(found))
    await migrations.apply(store.owner)
    if not accounts_path(home).exists():
        account = Account(password_sha256=password_hash(password), studio_id=STUDIO)
        await AccountFile(home).create(_ACCOUNT, account)
    await apply_views(store.owner, views())
    return found


async def fill(
    client: ClickHouse, studio: str, game: str, *, events: int, begin_ms: int, days: int = DAYS
) -> None:
    """A game's days: sessions of 100 events in the mean, a fifth as many players, and what goes with them.

    Tables and databases are there; rows of a game that is there already would be doubled.
    """
    daily = max(1, events // EVENTS_A_SESSION // days)
    shared: dict[str, Value] = {
        "studio": studio,
        "game": game,
        "begin": begin_ms,
        "days": days,
        "daily": daily,
        "sessions": daily * days,
        "players": max(1, daily * days // SESSIONS_A_PLAYER),
    }
    await _run(client, "made_of", shared)
    for day in range(days):
        for name in _DAILY:
            await _run(client, name, {**shared, "day": day})
    for name in _WHOLE:
        await _run(client, name, shared)


async def _run(client: ClickHouse, name: str, parameters: dict[str, Value]) -> None:
    for statement in migrations.split((_FACTS / f"{name}.sql").read_text()):
        used = {key: value for key, value in parameters.items() if f"{{{key}:" in statement}
        await client.command(statement, used)


async def _rows(client: ClickHouse) -> dict[str, int]:
    counts = await client.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
        " AND engine LIKE '%MergeTree' ORDER BY name"
    )
    found = {}
    for (table,) in counts:
        told = await client.rows(
            f"SELECT count() FROM {table} WHERE studio_id = {{studio:String}}",  # noqa: S608 - own names
            {"studio": STUDIO},
        )
        found[str(table)] = int(told[0][0])
    return found
