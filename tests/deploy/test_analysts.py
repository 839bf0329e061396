"""Accounts of analysts: their names, their file, their SQL, and what stock clients do with one."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from deploy.analyst_file import AccountFile, accounts_path
from deploy.analyst_users import (
    LISTED,
    accounts_of,
    profile_statement,
    revoke_statements,
    role_statements,
    tables_with_studios,
    user_statements,
)
from deploy.analysts import (
    FORM_SETTINGS,
    LIMITS,
    Account,
    AnalystRefused,
    ListedAccount,
    check_name,
    make_password,
    password_hash,
)
from deploy.nouns import views
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.migrations import apply, read, tenant_tables
from projections.clickhouse.views import apply_views, read_views
from tests.stack import infra

ANN = Account(password_sha256=password_hash("pass"), studio_id="stu_1", created_at_ms=1_764_000_000_000)
ROWS = 300_000


def all_statements() -> list[str]:
    return [
        profile_statement(),
        *role_statements("stu_1", "questlog", ["events", "positions"]),
        *user_statements("ann-b", ANN, "questlog"),
        *revoke_statements("ann-b"),
    ]


@pytest.mark.parametrize(
    "name", ["", "a", "Ann", "1ann", "ann b", "a`b", "a'b", "default", "questlog", "a" * 41]
)
def test_names_that_no_account_may_have(name: str) -> None:
    with pytest.raises(AnalystRefused, match="can't be called"):
        check_name(name)


def test_a_password_is_of_the_randomness_alone() -> None:
    assert make_password(bytes) == make_password(bytes)
    assert len(make_password(lambda count: b"\xff" * count)) == 32


async def test_the_file_is_its_owner_s_and_holds_hashes(tmp_path: Path) -> None:
    accounts = AccountFile(tmp_path)
    assert await accounts.listed() == []
    await accounts.create("ann", ANN)
    path = accounts_path(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (password_hash("pass") in path.read_text(), '"pass"' in path.read_text()) == (True, False)
    assert await accounts.listed() == [
        ListedAccount(name="ann", studio_id="stu_1", created_at_ms=ANN.created_at_ms)
    ]
    with pytest.raises(AnalystRefused, match="already"):
        await accounts.create("ann", ANN)
    with pytest.raises(AnalystRefused, match="no analyst ann"):
        await accounts.revoke("ann", "stu_2")
    await accounts.revoke("ann", "stu_1")
    assert await accounts.listed() == []


async def test_a_file_by_hand_is_read_and_a_broken_one_is_kept(tmp_path: Path) -> None:
    path = accounts_path(tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps({"bob": {"password_sha256": "00", "studio_id": "stu_1"}}))
    await AccountFile(tmp_path).create("ann", ANN)
    assert [one.name for one in await AccountFile(tmp_path).listed()] == ["ann", "bob"]
    path.write_text('{"bob": 1}')
    with pytest.raises(AnalystRefused, match="does not hold accounts"):
        await AccountFile(tmp_path).create("cid", ANN)
    assert path.read_text() == '{"bob": 1}'


def test_commands_at_the_same_time_lose_no_account(tmp_path: Path) -> None:
    def create(number: int) -> None:
        asyncio.run(AccountFile(tmp_path).create(f"ann{number}", ANN))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(24)))
    assert len(json.loads(accounts_path(tmp_path).read_text())) == 24


def test_a_role_sees_its_studio_s_rows_of_every_table() -> None:
    assert role_statements("stu_1", "questlog", ["events"]) == [
        "CREATE ROLE IF NOT EXISTS `questlog_analyst_stu_1`",
        "CREATE ROW POLICY IF NOT EXISTS questlog_all ON questlog.events FOR SELECT USING 1 TO CURRENT_USER",
        (
            "CREATE ROW POLICY OR REPLACE `questlog_analyst_stu_1` ON questlog.events FOR SELECT"
            " USING studio_id = 'stu_1' TO `questlog_analyst_stu_1`"
        ),
        "GRANT SELECT ON questlog.events TO `questlog_analyst_stu_1`",
    ]
    made = role_statements("stu_1", "questlog", tenant_tables(read()))
    for table in tenant_tables(read()):
        assert sum(f"ON questlog.{table} " in statement for statement in made) == 3


@pytest.mark.parametrize("studio_id", ["", "x' OR 1 --", "a`b", "ü"])
def test_what_is_no_studio_s_id_gets_into_no_statement(studio_id: str) -> None:
    with pytest.raises(AnalystRefused, match="no studio's id"):
        role_statements(studio_id, "questlog", ["events"])


def test_a_user_has_its_hash_its_role_and_nothing_else() -> None:
    create, grant = user_statements("ann", ANN, "questlog")
    assert f"IDENTIFIED WITH sha256_hash BY '{ANN.password_sha256}'" in create
    assert "SETTINGS PROFILE 'questlog_analyst'" in create
    assert grant == "GRANT `questlog_analyst_stu_1` TO `ann`"
    assert "readonly = 1 CONST" in profile_statement()
    for name, value in LIMITS.items():
        assert f"{name} = {value} MIN 1 MAX {value} CHANGEABLE_IN_READONLY" in profile_statement()


def test_the_list_is_of_accounts_that_these_statements_make() -> None:
    (mark,) = re.findall(r"log_comment = ('.*') CONST", user_statements("ann", ANN, "questlog")[0])
    listed = ListedAccount(name="ann", studio_id="stu_1", created_at_ms=ANN.created_at_ms)
    assert accounts_of([["ann", mark], ["bob", "nightly export"]]) == [listed]


@pytest.mark.stack
@pytest.mark.parametrize("statement", all_statements())
def test_clickhouse_reads_every_statement_as_it_is_meant(clickhouse_url: str, statement: str) -> None:
    """The embedded engine has ClickHouse's parser, but no users: what they do is ClickHouse's own promise."""
    read_back = httpx.post(
        clickhouse_url,
        params={"query": "SELECT formatQuerySingleLine({statement:String}) FORMAT TabSeparatedRaw"},
        files={"param_statement": (None, statement)},
    )
    assert read_back.status_code == 200, read_back.text
    assert plain(read_back.text) == plain(statement)


def plain(statement: str) -> str:
    """Without blanks and backticks, and with the words that ClickHouse adds or writes otherwise left out."""
    for word in ("`", "'", "=", " ", "\n", "(", ")", "DEFAULTROLE", "HOSTANY"):
        statement = statement.replace(word, "")
    return statement


@pytest.mark.stack
def test_clickhouse_has_the_settings_and_the_table_that_are_named(clickhouse_url: str) -> None:
    with clickhouse_connect.get_client(dsn=clickhouse_url) as owner:
        known = {name for (name,) in owner.query("SELECT name FROM system.settings").result_rows}
        users = "SELECT name FROM system.columns WHERE table = 'settings_profile_elements'"
        columns = {name for (name,) in owner.query(users).result_rows}
    assert columns >= {"user_name", "setting_name", "value"}
    assert "FROM system.settings_profile_elements" in LISTED
    profile = profile_statement().rpartition(" SETTINGS ")[2]
    assert {element.split()[0] for element in profile.split(", ")} <= known
    assert known >= FORM_SETTINGS


class Analyst(NamedTuple):
    url: str
    owner: ClickHouse
    accounts: AccountFile
    password: str

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


@pytest.mark.stack
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


@pytest.mark.stack
async def test_what_production_grants_is_every_table_of_studios_and_every_view(analyst: Analyst) -> None:
    assert await tables_with_studios(analyst.owner) == {
        "questlog": sorted([*tenant_tables(read()), "sessions"]),
        "questlog_views": sorted(view.name for view in read_views(views())),
    }


@pytest.mark.stack
async def test_clickhouse_connect_asks_with_parameters(analyst: Analyst) -> None:
    query = (
        "SELECT uniqExact(studio_id), count() FROM events"
        " WHERE event_name = {name:String} AND _offset < {end:UInt64}"
    )
    with analyst.client() as client:
        assert client.query(query, parameters={"name": "event_1", "end": 9}).result_rows == [(1, 3)]
        frame = client.query_np("SELECT event_name, count() FROM events GROUP BY 1 ORDER BY 1")
    assert [count for _, count in frame] == [ROWS // 3] * 3


@pytest.mark.stack
async def test_clickhouse_connect_streams_a_big_result(analyst: Analyst) -> None:
    count, offsets = 0, 0
    with (
        analyst.client() as client,
        client.query_row_block_stream("SELECT _offset, properties FROM events") as blocks,
    ):
        for block in blocks:
            count += len(block)
            offsets += sum(offset for offset, _ in block)
    assert (count, offsets) == (ROWS, ROWS * (ROWS - 1) // 2)


@pytest.mark.stack
async def test_limits_hold_and_can_be_lowered_only(analyst: Analyst) -> None:
    with analyst.client() as client:
        with pytest.raises(DatabaseError, match="TOO_MANY_ROWS_OR_BYTES"):
            client.query("SELECT number FROM numbers(1000001)")
        with pytest.raises(DatabaseError, match="TOO_MANY_ROWS_OR_BYTES"):
            client.query("SELECT number FROM numbers(11)", settings={"max_result_rows": 10})
        for refused in ("SELECT * FROM url('http://localhost/', 'TSV')", "SELECT * FROM system.processes"):
            with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
                client.query(refused)


@pytest.mark.stack
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


@pytest.mark.stack
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
