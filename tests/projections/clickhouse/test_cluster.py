"""What the numbered SQL becomes in a cluster, and that ClickHouse's own parser reads all of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from deploy.nouns import views
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.cluster import Cluster, placed, read_settings, shards_database, write_settings
from projections.clickhouse.cluster_checks import (
    DIRECTORIES_QUESTION,
    MACROS_QUESTION,
    SHARDS_QUESTION,
    USERS_QUESTION,
    UUIDS_QUESTION,
    Answers,
    advice,
    objections,
)
from projections.clickhouse.migrations import MigrationError, check_places, read, tenant_tables
from projections.clickhouse.sql_ddl import CreateTable, read_ddl
from projections.clickhouse.sql_tokens import SqlUnreadable, tokens
from projections.clickhouse.system_tables import TABLES, target_of
from projections.clickhouse.views import read_views

if TYPE_CHECKING:
    from pathlib import Path

STUDIOS: Final = frozenset(tenant_tables(read()))
ONE: Final = Cluster("live", 1, STUDIOS)
THREE: Final = Cluster("live", 3, STUDIOS)
QUESTIONS: Final = (
    *(SHARDS_QUESTION, MACROS_QUESTION, USERS_QUESTION),
    *(DIRECTORIES_QUESTION, UUIDS_QUESTION),
)
_KEYS: Final = ("studio_id", "game_id", "board_id", "session_id")
RUN: Final = (
    *(
        "CREATE DATABASE IF NOT EXISTS q",
        "DROP DATABASE IF EXISTS q",
        "DROP TABLE IF EXISTS rehearsal_0_events",
    ),
    "CREATE TABLE IF NOT EXISTS rehearsal_0_events AS events ENGINE = Null COMMENT 'Keeps nothing'",
    "CREATE TABLE IF NOT EXISTS e_copied AS fleet_log_ends ENGINE = ReplacingMergeTree(x) ORDER BY (a, b)",
    "EXCHANGE TABLES q.events AND q_rebuild.events",
    "ALTER TABLE events DELETE WHERE _partition = 1 AND room = 'a, SETTINGS b' SETTINGS mutations_sync = 2",
    "ALTER TABLE reader_positions DROP PARTITION 'telemetry'",
    "INSERT INTO fleet_log_ends (a) SELECT a FROM q.fleet_log_ends FINAL",
    "KILL QUERY WHERE user = 'ann' ASYNC",
)
"""Statements that are made while the system runs, of every form."""


def every(cluster: Cluster) -> list[str]:
    """All that migrations, views and the running system ask, as the cluster is asked it."""
    client = ClickHouse("http://localhost", "q", cluster=cluster)
    found = [
        own
        for migration in read()
        for statement in migration.statements
        for own in placed(statement, target_of(client, statement).database, cluster)
    ]
    for view in read_views(views()):
        found += placed(re.sub(r"\bviews[.]", "q_views.", view.statement), "q", cluster)
    return found + [own for statement in RUN for own in placed(statement, "q", cluster)]


@pytest.mark.parametrize("cluster", [ONE, THREE], ids=["one shard", "three shards"])
def test_the_engine_reads_every_statement_of_a_cluster_as_it_was_meant(cluster: Cluster) -> None:
    import chdb  # noqa: PLC0415 - loads an engine, which the other tests do without

    statements = every(cluster)
    asked = [
        question.replace("{cluster}", "live").replace("{mark}", "m")
        for question in (
            SHARDS_QUESTION,
            MACROS_QUESTION,
            USERS_QUESTION,
            DIRECTORIES_QUESTION,
            UUIDS_QUESTION,
        )
    ]
    texts = (text.replace("\\", "\\\\").replace("'", "\\'") for text in statements + asked)
    listed = ", ".join(f"'{text}'" for text in texts)
    answer = chdb.query(f"SELECT formatQuerySingleLine(arrayJoin([{listed}]))", "TabSeparatedRaw").data()
    formatted = answer.splitlines()
    assert len(formatted) == len(statements) + len(asked)
    for statement, theirs in zip(statements, formatted, strict=False):
        ours, read_as = (re.sub(r"[`\s()]", "", text).lower() for text in (statement, theirs))
        for part in ("oncluster", "replicated", "distributed", "sync", "comment'"):
            assert ours.count(part) == read_as.count(part), statement


def created(cluster: Cluster) -> dict[str, CreateTable]:
    found = {}
    for statement in every(cluster):
        if statement.startswith("CREATE TABLE") and "Distributed(" not in statement:
            ddl = read_ddl(statement.replace(" ON CLUSTER `live`", ""))
            assert isinstance(ddl, CreateTable)
            found[ddl.name.table] = ddl
    return found


@pytest.mark.parametrize("cluster", [ONE, THREE], ids=["one shard", "three shards"])
def test_every_table_is_replicated_and_keeps_as_many_tokens_as_on_one_server(cluster: Cluster) -> None:
    single = {
        ddl.name.table: ddl
        for migration in read()
        for statement in migration.statements
        if isinstance(ddl := read_ddl(statement), CreateTable)
    }
    own = created(cluster)
    for table, before in single.items():
        after = own[table]
        assert after.engine == f"Replicated{before.engine}"
        assert after.arguments.endswith(before.arguments)
        assert (after.columns, after.keys, after.comment) == (before.columns, before.keys, before.comment)
        window = dict(before.settings).get("non_replicated_deduplication_window", "0")
        settings = dict(after.settings)
        assert settings["replicated_deduplication_window"] == window
        assert ("replicated_deduplication_window_seconds" in settings) == (window != "0")
        spread = cluster is THREE and table in STUDIOS
        assert after.name.database == ("q_shards" if spread else "q_system" if table in TABLES else "q")
        assert ("/{shard}'" in after.arguments) == (spread or cluster is ONE)


def test_rows_that_replace_each_other_are_on_one_shard() -> None:
    for table, ddl in created(THREE).items():
        if table in STUDIOS and "Replacing" in ddl.engine:
            key = re.search(r"ORDER BY \(([^)]*)\)", ddl.keys)
            assert key is not None
            names = [name.strip() for name in key[1].split(",")]
            assert set(names) & set(_KEYS), f"{table}: nothing in its key belongs to one studio alone"


def test_spread_tables_are_changed_where_their_rows_are() -> None:
    add = "ALTER TABLE events ADD COLUMN IF NOT EXISTS a String COMMENT 'x, y' AFTER b"
    assert placed(add, "q", ONE) == (add,)
    assert placed(add, "q", THREE) == (
        add.replace("events", "q_shards.events ON CLUSTER `live`"),
        add.replace("events", "q.events ON CLUSTER `live`"),
    )
    delete = "ALTER TABLE events DELETE WHERE x = {x:UInt8} SETTINGS mutations_sync = 2"
    assert placed(delete, "q", THREE) == (delete.replace("events", "q_shards.events ON CLUSTER `live`"),)
    # ALTER of settings is a replica's own affair.
    setting = "ALTER TABLE events MODIFY SETTING auto_statistics_types = ''"
    assert placed(setting, "q", ONE) == (setting.replace("events", "q.events ON CLUSTER `live`"),)
    assert placed("EXCHANGE TABLES q.events AND r.events", "q", THREE) == (
        "EXCHANGE TABLES q_shards.events AND r_shards.events ON CLUSTER `live`",
    )
    assert placed("EXCHANGE TABLES q_system.generations AND r_system.generations", "q", THREE) == (
        "EXCHANGE TABLES q_system.generations AND r_system.generations ON CLUSTER `live`",
    )


def test_nothing_changes_without_a_cluster() -> None:
    for statement in ("anything at all", *RUN):
        assert placed(statement, "q", None) == (statement,)
    assert read_settings(None) == write_settings(None) == {}


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("CREATE TABLE IF NOT EXISTS a (x String) ENGINE = Log", "engine Log are not replicated"),
        ("CREATE TABLE a (x String) ENGINE = MergeTree ORDER BY x", "CREATE TABLE A: what this means"),
        ("CREATE TABLE IF NOT EXISTS a AS b", "ENGINE is expected, not the end"),
        ("CREATE MATERIALIZED VIEW a TO b AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("OPTIMIZE TABLE a FINAL", "OPTIMIZE TABLE A"),
        ("CREATE TABLE IF NOT EXISTS a (x String COMMENT 'it''s) ENGINE = Log", "does not end"),
        ("CREATE TABLE IF NOT EXISTS a (x String ENGINE = MergeTree", "not closed"),
        ("ALTER TABLE a MODIFY SETTING x = 1, ADD COLUMN b String", "a statement of their own"),
        (
            "ALTER TABLE a MODIFY SETTING non_replicated_deduplication_window = 5",
            "set where the table is created",
        ),
        (
            "CREATE TABLE IF NOT EXISTS a (studio_id String) ENGINE = MergeTree ORDER BY studio_id",
            "not known as a table of studios",
        ),
    ],
)
def test_what_has_no_place_is_refused_with_its_file_and_line(
    statement: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_new.sql").write_text(f"-- why\nINSERT INTO generations SELECT 1\n;;\n\n{statement}\n")
    with pytest.raises(SqlUnreadable, match=re.escape(why)):
        placed(statement, "q", THREE)
    client = ClickHouse("http://localhost", "q", cluster=THREE)
    with pytest.raises(MigrationError, match=r"0001_new\.sql, line 5, has no place in a cluster"):
        check_places(client, read(tmp_path))
    check_places(ClickHouse("http://localhost", "q"), read(tmp_path))


def test_texts_comments_and_brackets_hide_no_clause() -> None:
    ddl = read_ddl(
        "CREATE TABLE IF NOT EXISTS d.a (x String COMMENT 'ENGINE = Log, SETTINGS (', -- COMMENT\n"
        " `SETTINGS` String DEFAULT concat('\\'', \"y\"), INDEX i x TYPE minmax, /* ) */"
        " PROJECTION p (SELECT x)"
        ") ENGINE = MergeTree() PARTITION BY (x) ORDER BY tuple() TTL d + INTERVAL 1 DAY"
        " SETTINGS a = '(,', b = 2 COMMENT 'SETTINGS c = 3'"
    )
    assert isinstance(ddl, CreateTable)
    assert (str(ddl.name), ddl.column_names) == ("d.a", ("x", "`SETTINGS`"))
    assert (ddl.engine, ddl.arguments) == ("MergeTree", "")
    assert ddl.keys == "PARTITION BY (x) ORDER BY tuple() TTL d + INTERVAL 1 DAY"
    assert ddl.settings == (("a", "'(,'"), ("b", "2"))
    assert ddl.comment == "'SETTINGS c = 3'"
    assert [token.text for token in tokens("a -- b\n 'c' /* d */")] == ["a", "'c'"]


def fit(**other: object) -> Answers:
    answers: dict[str, object] = {
        "shards": [(1, 3)],
        "macros": [(f"ch-{n}", "1", f"r{n}") for n in range(3)],
        "directories": ["users_xml", "replicated"],
        "user": "questlog",
        "users": ["questlog"],
    }
    return Answers(**(answers | other))  # type: ignore[arg-type]


def test_servers_that_are_set_up_meet_no_objection_and_others_do_with_what_to_do() -> None:
    assert (objections("live", 1, fit()), advice(fit())) == ([], [])
    assert "knows no cluster live" in objections("live", 1, fit(shards=[]))[0]
    assert "has 1 shards, QUESTLOG_CLICKHOUSE_SHARDS says 2" in objections("live", 2, fit())[0]
    assert "2 of 3 servers have macros" in objections("live", 1, fit(macros=fit().macros[:2]))[0]
    lacking = fit(macros=[("ch-0", "1", ""), *fit().macros[1:]])
    (said,) = objections("live", 1, lacking)
    assert said.startswith("ch-0 has no macro replica: set it in <macros>")
    twins = objections("live", 1, fit(macros=[("ch-0", "1", "r1"), *fit().macros[1:]]))
    assert [line.split(" is not")[0] for line in twins] == ["ch-0", "ch-1"]
    places = [(f"ch-{s}-{r}", str(s), str(r)) for s in (1, 2) for r in (1, 2, 3)]
    two = fit(shards=[(1, 3), (2, 3)], macros=places)
    assert objections("live", 2, two) == []
    as_default = fit(shards=two.shards, macros=two.macros, users=["default"])
    assert "analysts would see other studios' rows" in objections("live", 2, as_default)[0]
    assert "nothing is written while one is away" in advice(fit(shards=[(1, 2)]))[0]
    for directories in (["users_xml"], ["users_xml", "local_directory", "replicated"]):
        assert "new users are kept by one server" in advice(fit(directories=directories))[0]


def test_a_clusters_name_is_a_name() -> None:
    assert shards_database("q") == "q_shards"
    with pytest.raises(ValueError, match="no name of a cluster"):
        Cluster("live` ; DROP")
