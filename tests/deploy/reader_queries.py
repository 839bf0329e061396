"""A deployment with two studios' rows, and queries of many shapes about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httpx

from tests import plain_http

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

DATABASE = "walls"


SYSTEM = f"{DATABASE}_system"
"""Where the project's own tables are."""


TWINS = ("both", "alone")
"""Two databases with the same rows of `mine`; the first also has rows of `other`, full of MARKER."""


MARKER = "zebra"


class ReadersStack(NamedTuple):
    address: str
    owner: Client

    def client(self, user: str, database: str = DATABASE) -> httpx.Client:
        return plain_http.client(
            base_url=f"http://{self.address}", auth=(user, "pass"), params={"database": database}, timeout=40
        )


def prepare(owner: Client) -> None:
    for statement in (
        f"CREATE DATABASE {DATABASE}",
        (
            f"CREATE TABLE {DATABASE}.t (studio_id String, n UInt32 COMMENT 'How many') ENGINE = MergeTree"
            " ORDER BY n COMMENT 'What happened'"
        ),
        f"CREATE TABLE {DATABASE}.last (studio_id String, n Int8) ENGINE = ReplacingMergeTree ORDER BY n",
        f"CREATE TABLE {DATABASE}.late (studio_id String, n UInt32) ENGINE = MergeTree ORDER BY n",
        f"CREATE TABLE {DATABASE}.secret (word String) ENGINE = MergeTree ORDER BY word",
        f"CREATE VIEW {DATABASE}.v AS SELECT studio_id, n * 10 AS n FROM {DATABASE}.t",
        f"CREATE VIEW {DATABASE}.blind AS SELECT n FROM {DATABASE}.t",
        f"CREATE DATABASE {SYSTEM}",
        f"CREATE TABLE {SYSTEM}.holds (topic String) ENGINE = MergeTree ORDER BY topic",
        f"INSERT INTO {SYSTEM}.holds VALUES ('telemetry')",
        f"INSERT INTO {DATABASE}.t VALUES ('mine', 1), ('mine', 2), ('other', 100)",
        f"INSERT INTO {DATABASE}.last VALUES ('mine', 5), ('other', 50)",
        f"INSERT INTO {DATABASE}.secret VALUES ('word')",
        f"INSERT INTO {DATABASE}.late VALUES ('other', 1)",
    ):
        owner.command(statement)
    for database in TWINS:
        owner.command(f"CREATE DATABASE {database}")
        for table, engine in (("t", "MergeTree"), ("last", "ReplacingMergeTree")):
            owner.command(
                f"CREATE TABLE {database}.{table} (studio_id String, player String, word String, n Int64,"
                " PROJECTION p (SELECT studio_id, word, count(), sum(n) GROUP BY studio_id, word))"
                f" ENGINE = {engine} ORDER BY (player, n)"
                " SETTINGS deduplicate_merge_projection_mode = 'rebuild'"
            )
            rows = [["mine", f"p{n}", str(n), n] for n in range(5)]
            if database == TWINS[0]:
                rows += [["other", f"{MARKER}{n}", f"{MARKER} word", n * 10**15] for n in range(7)]
            owner.insert(f"{database}.{table}", rows)


# What a condition may do to a row that it should not see: fail with its value, fail or not, take its time.
CONDITIONS = [
    "toUInt64(word) > 3",
    "toUInt64(replaceOne(player, 'p', '')) > 1",
    "throwIf(studio_id = 'other') = 0",
    "throwIf(n > 1000) = 0",
    "if(studio_id = 'other', toUInt64(concat(player, ' ', word)), 1) = 1",
    "intDiv(1, studio_id != 'other') >= 0",
    "n + 9223372036854775000 > toInt64(word)",
    "parseDateTime(word, '%Y') < toDateTime('2030-01-01')",
    "JSONExtractInt(word, 'x') + toInt8(word) = 0",
    "player IN (SELECT player FROM last WHERE toUInt64(word) >= 0)",
    "length(repeat(word, 3)) < 10 + toUInt8(word)",
    "studio_id = 'other'",
    "player LIKE 'zebra%'",
    "n = 6000000000000000",
]


SHAPES = [
    "SELECT count(), min(n), max(player) FROM t WHERE {a}",
    "SELECT count() FROM t PREWHERE {a}",
    "SELECT count() FROM t PREWHERE {a} WHERE {b}",
    "SELECT word, count(), sum(n) FROM t WHERE {a} GROUP BY word ORDER BY word",
    "SELECT count() FROM last FINAL WHERE {a}",
    "SELECT count() FROM last FINAL PREWHERE {a}",
    "SELECT player, {a} FROM t ORDER BY player",
    "SELECT count() FROM t AS x JOIN last AS y ON x.player = y.player AND {ax}",
    "SELECT count() FROM t AS x LEFT JOIN last AS y ON x.n = y.n AND {ay} WHERE {ax}",
    "SELECT count() FROM (SELECT * FROM t WHERE {a}) WHERE {b}",
    "SELECT sumIf(n, {a}), countIf({b}) FROM t",
    "SELECT player FROM t GROUP BY player HAVING any({a}) ORDER BY player",
    "SELECT player FROM t ORDER BY {a}, player",
    "SELECT max(n) OVER (PARTITION BY {a}) FROM t ORDER BY ALL",
    "WITH (SELECT count() FROM t WHERE {a}) AS c SELECT c, count() FROM last",
    "SELECT count() FROM t WHERE ({a}) OR ({b})",
    "SELECT arrayJoin([player, word]) AS w FROM t WHERE {a} ORDER BY w",
    "SELECT uniqExact(player), quantile(n) FROM t WHERE NOT ({a})",
    "SELECT count() FROM t WHERE exists(SELECT 1 FROM last WHERE {b})",
    "SELECT player, n FROM t WHERE {a} ORDER BY n LIMIT 1 BY word LIMIT 3",
    "FROM t SELECT count() WHERE {a}",
    "EXPLAIN SYNTAX SELECT player FROM t WHERE {a}",
    "EXPLAIN QUERY TREE SELECT count() FROM t WHERE {a} AND n IN (SELECT n FROM last WHERE {b})",
    "SELECT count() FROM t, system.columns WHERE table = 't' AND {a}",
]


def qualified(condition: str, alias: str) -> str:
    for column in ("studio_id", "player", "word"):
        condition = condition.replace(column, f"{alias}.{column}")
    return condition.replace("n = 6", f"{alias}.n = 6").replace("n > 1", f"{alias}.n > 1")
