"""Accounts of analysts: their names, their file, their SQL."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clickhouse_connect
import pytest

from deploy.analyst_file import AccountFile, accounts_path
from deploy.analyst_users import (
    LISTED,
    accounts_of,
    profile_statement,
    revoke_statements,
    role_statements,
    user_statements,
)
from deploy.analysts import (
    FORM_SETTINGS,
    LIMITS,
    ON_DISK,
    Account,
    AnalystRefused,
    ListedAccount,
    check_name,
    make_password,
    password_hash,
)
from projections.clickhouse.migrations import read, tenant_tables
from tests import plain_http

ANN = Account(password_sha256=password_hash("pass"), studio_id="stu_1", created_at_ms=1_764_000_000_000)


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
    for name, value in ON_DISK.items():
        assert f"{name} = {value} CONST" in profile_statement()


def test_the_list_is_of_accounts_that_these_statements_make() -> None:
    (mark,) = re.findall(r"log_comment = ('.*') CONST", user_statements("ann", ANN, "questlog")[0])
    listed = ListedAccount(name="ann", studio_id="stu_1", created_at_ms=ANN.created_at_ms)
    assert accounts_of([["ann", mark], ["bob", "nightly export"]]) == [listed]


@pytest.mark.stack
@pytest.mark.parametrize("statement", all_statements())
def test_clickhouse_reads_every_statement_as_it_is_meant(clickhouse_url: str, statement: str) -> None:
    """The embedded engine has ClickHouse's parser, but no users: what they do is ClickHouse's own promise."""
    read_back = plain_http.post(
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
