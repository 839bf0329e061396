"""What stock clients do with an analyst's account, and with the owner's: Python, SQLAlchemy, JDBC, Go."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
import sqlalchemy
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from deploy.analyst_file import AccountFile
from deploy.analyst_users import tables_with_studios
from deploy.analysts import Account, make_password, password_hash
from deploy.nouns import views
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.migrations import apply, read, tenant_tables
from projections.clickhouse.views import apply_views, read_views
from tests.maven_jar import fetch_jar
from tests.stack import infra

pytestmark = pytest.mark.stack
ROWS = 300_000
HERE = Path(__file__).parent
SUM = ROWS * (ROWS - 1) // 2
JDBC = (
    *("com.clickhouse", "clickhouse-jdbc", "0.9.8", "all"),
    "9dbe9fd70388b67429be7942f53b7984a4b71fd0f2f727f17339f20e27ecf564",
)
SLF4J = (
    *("org.slf4j", "slf4j-api", "2.0.7", ""),
    "5d6298b93a1905c32cda6478808ac14c2d4a47e91535e53c41f7feeb85d946f4",
)
"""The driver's jar of all that it needs has all but this."""


class Analyst(NamedTuple):
    url: str
    owner: ClickHouse
    accounts: AccountFile
    password: str

    @property
    def owner_password(self) -> str:
        return urlsplit(self.url).password or ""

    @property
    def address(self) -> str:
        return self.url.split("@")[1]

    def client(self) -> Client:
        parts = urlsplit(self.url)
        return clickhouse_connect.get_client(
            host=parts.hostname,
            port=parts.port or 0,
            username="ann",
            password=self.password,
            database="questlog",
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("analysts")


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[str]:
    """A ClickHouse of its own: of the shared one, no test has the database that readers see."""
    with infra(home, "clickhouse") as url:
        yield url


@pytest.fixture
async def analyst(store: str, home: Path) -> AsyncIterator[Analyst]:
    owner = ClickHouse(store, "questlog")
    if await apply(owner):
        await apply_views(owner, views())
        for studio, count in (("stu_1", ROWS), ("stu_2", 7)):
            await owner.command(
                "INSERT INTO events"
                " (studio_id, game_id, event_name, session_id, properties, occurred_at, _offset)"
                f" SELECT '{studio}', 'game', concat('event_', toString(number % 3)), toString(number),"
                f" repeat('x', 100), toDateTime64(number, 3), number FROM numbers({count})"
            )
    accounts = AccountFile(home)
    password = make_password(lambda count: b"7" * count)
    account = Account(password_sha256=password_hash(password), studio_id="stu_1", created_at_ms=1)
    await accounts.create("ann", account)
    yield Analyst(store, owner, accounts, password)
    if await accounts.listed():
        await accounts.revoke("ann", "stu_1")
    await owner.close()


async def test_clickhouse_connect_lists_tables_and_columns_with_comments(analyst: Analyst) -> None:
    with analyst.client() as client:
        shown = {name for (name,) in client.query("SHOW TABLES").result_rows}
        here = "WHERE database = currentDatabase()"
        listed = client.query(f"SELECT name, comment FROM system.tables {here}").result_rows
        columns = client.query(f"SELECT table, name, type, comment FROM system.columns {here}").result_rows
        described = client.query('DESCRIBE TABLE "questlog"."events"')
        definition = client.command("SHOW CREATE TABLE events")
    tables: dict[str, str] = {str(name): str(comment) for name, comment in listed}
    assert shown == set(tables) == {table for table, *_ in columns}
    assert shown >= set(tenant_tables(read()))
    assert tables["events"].startswith("Named happenings")
    assert [row for row in columns if not row[3]] == []
    (room,) = [row for row in described.named_results() if row["name"] == "room"]
    assert room["comment"] == "S4 level_id, S1 room; empty where none was sent"
    assert "COMMENT \\'S4 level_id" in str(definition)


async def test_what_production_grants_is_every_table_of_studios_and_every_view(analyst: Analyst) -> None:
    assert await tables_with_studios(analyst.owner) == {
        "questlog": sorted([*tenant_tables(read()), "sessions"]),
        "questlog_views": sorted(view.name for view in read_views(views())),
    }


async def test_clickhouse_connect_asks_with_parameters(analyst: Analyst) -> None:
    query = (
        "SELECT uniqExact(studio_id), count() FROM events"
        " WHERE event_name = {name:String} AND _offset < {end:UInt64}"
    )
    with analyst.client() as client:
        assert client.query(query, parameters={"name": "event_1", "end": 9}).result_rows == [(1, 3)]
        frame = client.query_np("SELECT event_name, count() FROM events GROUP BY 1 ORDER BY 1")
    assert [count for _, count in frame] == [ROWS // 3] * 3


async def test_clickhouse_connect_streams_a_big_result(analyst: Analyst) -> None:
    count, offsets = 0, 0
    with (
        analyst.client() as client,
        client.query_row_block_stream("SELECT _offset, properties FROM events") as blocks,
    ):
        for block in blocks:
            count += len(block)
            offsets += sum(offset for offset, _ in block)
    assert (count, offsets) == (ROWS, SUM)


async def test_limits_hold_and_can_be_lowered_only(analyst: Analyst) -> None:
    with analyst.client() as client:
        with pytest.raises(DatabaseError, match="TOO_MANY_ROWS_OR_BYTES"):
            client.query("SELECT number FROM numbers(1000001)")
        with pytest.raises(DatabaseError, match="TOO_MANY_ROWS_OR_BYTES"):
            client.query("SELECT number FROM numbers(11)", settings={"max_result_rows": 10})
        for refused in ("SELECT * FROM url('http://localhost/', 'TSV')", "SELECT * FROM system.processes"):
            with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
                client.query(refused)


async def test_settings_that_a_client_may_send_are_told_and_honoured(analyst: Analyst) -> None:
    query = "SELECT name, readonly FROM system.settings WHERE name IN {names:Array(String)} ORDER BY name"
    with analyst.client() as client:
        names = [
            "final",
            "max_threads",
            "output_format_json_quote_denormals",
            "output_format_schema",
            "readonly",
        ]
        told = client.query(query, parameters={"names": names}).result_rows
        zone = client.command("SELECT toString(toDateTime(0))", settings={"session_timezone": "Asia/Tokyo"})
    assert told == list(zip(names, (0, 0, 0, 1, 1), strict=True))
    assert zone == "1970-01-01 09:00:00"


@pytest.mark.parametrize("user", ["ann", "default"])
async def test_sqlalchemy_s_dialect_reflects_asks_and_streams(analyst: Analyst, user: str) -> None:
    """As Superset does; its engine makes a connection for each."""
    password = analyst.password if user == "ann" else analyst.owner_password
    engine = sqlalchemy.create_engine(f"clickhousedb://{user}:{password}@{analyst.address}/questlog")
    try:
        inspector = sqlalchemy.inspect(engine)
        assert {"questlog", "questlog_views"} <= set(inspector.get_schema_names())
        assert ("questlog_system" in inspector.get_schema_names()) == (user == "default")
        assert set(inspector.get_table_names(schema="questlog")) >= set(tenant_tables(read()))
        assert {"sessions", "players"} <= set(inspector.get_view_names(schema="questlog_views"))
        assert inspector.has_table("events", schema="questlog")
        assert not inspector.has_table("nothing", schema="questlog")
        columns = {one["name"]: one for one in inspector.get_columns("events", schema="questlog")}
        assert columns["room"]["comment"] == "S4 level_id, S1 room; empty where none was sent"
        events = sqlalchemy.Table("events", sqlalchemy.MetaData(schema="questlog"), autoload_with=engine)
        counted = (
            sqlalchemy.select(sqlalchemy.func.count(), sqlalchemy.func.max(events.c.properties))
            .where(events.c.event_name == sqlalchemy.bindparam("name"), events.c.studio_id == "stu_1")
            .group_by(events.c.studio_id)
        )
        with engine.connect() as connection:
            assert connection.execute(counted, {"name": "event_1"}).all() == [(ROWS // 3, "x" * 100)]
            every = sqlalchemy.text(
                "SELECT _offset, properties FROM questlog.events WHERE studio_id = :studio"
            )
            rows = connection.execution_options(stream_results=True).execute(every, {"studio": "stu_1"})
            assert sum(row[0] for row in rows) == SUM
            if user == "ann":
                seen = sqlalchemy.select(events.c.studio_id).distinct()
                assert connection.execute(seen).all() == [("stu_1",)]
                with pytest.raises(sqlalchemy.exc.DatabaseError, match="ACCESS_DENIED"):
                    connection.execute(sqlalchemy.text("SELECT query FROM system.processes"))
    finally:
        engine.dispose()


class Said(NamedTuple):
    """What a client's program said of one account: a list of words for each line, by kind."""

    lines: dict[str, list[list[str]]]

    def check_everything(self) -> None:
        """What every client must have seen, whoever asks."""
        tables = {(schema, table): comment for schema, table, comment in self.lines["table"]}
        assert {table for schema, table in tables if schema == "questlog"} >= set(tenant_tables(read()))
        shown = {table for schema, table in tables if schema == "questlog_views"}
        assert shown == {view.name for view in read_views(views())}
        assert tables["questlog", "events"].startswith("Named happenings")
        columns = {column: (kind, comment) for column, kind, comment in self.lines["column"]}
        told = "S4 level_id, S1 room; empty where none was sent"
        assert columns["room"] == ("LowCardinality(String)", told)
        assert {tuple(words) for words in self.lines["stream"]} == {(str(ROWS), str(SUM + 100 * ROWS))}


def said_by(command: list[str], folder: Path) -> dict[str, Said]:
    """What a program said, by account."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Said] = {}
    for line in done.stdout.splitlines():
        name, kind, *words = line.split("\t")
        found.setdefault(name, Said(defaultdict(list))).lines[kind].append(words)
    return found


async def test_the_jdbc_driver_lists_asks_streams_and_is_refused(analyst: Analyst) -> None:
    """As DBeaver and Metabase do, with the driver's own settings: it asks for compressed blocks."""
    java = shutil.which("java")
    assert java is not None
    path = f"{fetch_jar(*JDBC)}:{fetch_jar(*SLF4J)}"
    command = [
        *(java, "-Xmx256m", "-Xshare:auto", "-cp", path, "AnalystTool.java"),
        f"jdbc:clickhouse://{analyst.address}/questlog",
        *("ann", analyst.password, "default", analyst.owner_password),
    ]
    said = await asyncio.to_thread(said_by, command, HERE)
    for name in ("ann", "default"):
        said[name].check_everything()
        lines = said[name].lines
        assert ["session_id"] in lines["key"]
        assert int(lines["types"][0][0]) > 20
        assert lines["empty"] == [["room", "false"]]
    own = said["ann"].lines
    assert own["parameters"] == [["1", "3"]]
    assert said["default"].lines["parameters"] == [["2", "5"]]
    assert ["questlog_system"] not in own["schema"]
    assert [code for code, _ in own["refused"]] == ["497", "497", "47", "497"]
    for word, (_, text) in zip(("processes", "only SELECT", "nothing", "url"), own["refused"], strict=True):
        assert word in text
    assert "did" not in own
    (words,) = [*said["stranger"].lines["connect"], *said["stranger"].lines["refused"]]
    assert "Authentication failed" in words[-1]


@pytest.mark.campaign
async def test_the_go_client_lists_asks_streams_and_is_refused(analyst: Analyst) -> None:
    """As Grafana's plugin does over HTTP. Fetching and compiling its modules takes minutes."""
    go = shutil.which("go")
    assert go is not None, "Go 1.26 is missing"
    accounts = ("ann", analyst.password, "default", analyst.owner_password)
    command = [go, "run", ".", analyst.address, *accounts]
    said = await asyncio.to_thread(said_by, command, HERE / "go_client")
    for name in ("ann", "default"):
        said[name].check_everything()
    assert said["ann"].lines["parameters"] == [["1", "3"]] * 2
    assert said["default"].lines["parameters"] == [["2", "5"]] * 2
    refused = [words[0] for words in said["ann"].lines["refused"]]
    assert [("processes" in text, "nothing" in text) for text in refused] == [
        (True, False),
        (False, True),
    ] * 2


async def test_a_revoked_account_ends_at_once(analyst: Analyst) -> None:
    with analyst.client() as client:
        with client.query_row_block_stream("SELECT a.properties FROM events a, numbers(3) b") as blocks:
            rest = iter(blocks)
            next(rest)
            await analyst.accounts.revoke("ann", "stu_1")
            with pytest.raises(StreamFailureError, match="revoked"):
                deque(rest, 0)
        with pytest.raises(DatabaseError, match="Authentication failed"):
            client.query("SELECT 1")
