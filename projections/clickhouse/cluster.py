"""A cluster of ClickHouse servers: what statements become in it, and with which settings they are sent.

Without a cluster nothing here is used. With one, every table is replicated (`Replicated…MergeTree`), and with
more than one shard, tables of studios are spread over the shards by studio: the name that is read and written
is a `Distributed` table, and the rows are in a database beside it (`…_shards`). Tables that are of no studio
(positions, holds, migrations, hosts) are replicated to every server of every shard.

Why a row is there once and none is lost, step by step, as on one server:

- *Insert.* One insert is one block, and within a shard one part. Its token is kept in Keeper (of the table,
  so for all replicas), 10,000 of them for 14 days: whichever replica gets the same insert again drops it. It
  is acknowledged once a majority of the replicas has the part (`insert_quorum`): a replica that is lost takes
  no acknowledged row away. With several shards each takes its rows at once (`distributed_foreground_insert`),
  not from a queue on one server's disk; the studio decides the shard, so a repeat meets its tokens there, and
  shards that had their rows before drop them. Tables without tokens on one server have none here either:
  their rows are keyed by what they say, and a token would drop a row that is rightly written a second time.
- *Read.* What a writer goes on from (positions, sessions, identities, rows to change) it reads with
  `select_sequential_consistency`: a replica that lacks an acknowledged part refuses (289), and the statement
  is asked again. That only holds while quorum inserts into a table come one after the other, so
  `insert_quorum_parallel` is off: a second one is refused (286) and asked again. So all that a read shows was
  acknowledged, and all that was acknowledged is shown: one server's semantics.
- *Position.* After all tables have acknowledged, as on one server; its insert has a majority too.
- *Rebuild.* Tables are exchanged `ON CLUSTER` while projectors wait, and every server is asked whether it
  has done so before they go on; `rebuild_swap` says what happens where one has not.
- *Skip, forgetting, TTL.* A mutation is an entry of Keeper's log: every replica carries it out, those that
  are away when they come back. TTL is the table's, each replica drops the same parts.
- *Migrations and views.* `ON CLUSTER` and repeatable, as their files are. While a server is away such a
  statement fails (159, after 50 s), and that server carries it out when it comes back; a process that finds
  its tables asks for none. ALTER of a replicated table reaches its replicas through Keeper by itself.

What a read relies on is ClickHouse's promise that the replicas of a quorum hold all earlier quorum inserts.
The model in tests/projections/clickhouse/replicas.py shows nothing twice or lost with these settings, and
what goes wrong without each of them and without that promise.

Changing the number of shards changes where a studio's rows go: it takes a new database, built from the log.
Sources: ClickHouse's documentation of these settings, and StorageReplicatedMergeTree::getMaxAddedBlocks.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from projections.clickhouse.sql_ddl import Alter, CreateTable, Headed, Name, read_ddl
from projections.clickhouse.sql_tokens import SqlUnreadable

SHARDS_SUFFIX: Final = "_shards"
"""Of the database with the rows of one shard, behind the name of that of the facts."""
TOKENS_SECONDS: Final = 14 * 86_400
"""How long a token is kept: longer than a projector may be away between an insert and its repeat."""
STUDIO: Final = "studio_id"
_REPLICATED: Final = frozenset(
    {"MergeTree", "ReplacingMergeTree", "AggregatingMergeTree", "SummingMergeTree", "CollapsingMergeTree"}
)
_WINDOW: Final = "non_replicated_deduplication_window"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")
_COLUMN_COMMANDS: Final = frozenset(
    {"ADD COLUMN", "MODIFY COLUMN", "DROP COLUMN", "COMMENT COLUMN", "RENAME COLUMN"}
)

_EACH_SERVER: Final = frozenset({"MODIFY SETTING", "RESET SETTING", "MODIFY COMMENT"})
"""What ALTER changes of one replica only."""


class Cluster(msgspec.Struct, frozen=True):
    """A cluster as `remote_servers` of its servers names it."""

    name: str
    shards: int = 1
    by_studio: frozenset[str] = frozenset()
    """The tables that have a column `studio_id`; needed with more than one shard."""

    def __post_init__(self) -> None:
        """Raise ValueError where the name is none."""
        if not _PLAIN_NAME.match(self.name):
            raise ValueError(f"{self.name!r} is no name of a cluster: letters, digits, _ and -")

    @property
    def sharded(self) -> bool:
        """Whether rows are spread over several shards."""
        return self.shards > 1

    def rows_database(self, database: str, table: str) -> str:
        """The database with a table's rows: beside the named one where they are spread."""
        return shards_database(database) if self.sharded and table in self.by_studio else database


def shards_database(database: str) -> str:
    """Where the rows of a database's spread tables are."""
    return database + SHARDS_SUFFIX


def spread_settings(cluster: Cluster | None) -> dict[str, str]:
    """What a read of spread tables needs, analysts' too; nothing where there is one shard.

    A subquery of a spread table meets the rows of its own shard alone: all that is joined is of one studio.
    """
    if cluster is None or not cluster.sharded:
        return {}
    return {"distributed_product_mode": "local", "optimize_skip_unused_shards": "1"}


def read_settings(cluster: Cluster | None) -> dict[str, str]:
    """What a read is sent with, so that it shows what every acknowledged write left."""
    return {} if cluster is None else {"select_sequential_consistency": "1"} | spread_settings(cluster)


def write_settings(cluster: Cluster | None) -> dict[str, str]:
    """What an insert, a mutation or a definition is sent with."""
    if cluster is None:
        return {}
    own = {
        "insert_quorum": "auto",
        "insert_quorum_parallel": "0",
        "insert_quorum_timeout": "30000",
        "max_insert_threads": "1",
        "alter_sync": "2",
        "replication_wait_for_inactive_replica_timeout": "0",
        "distributed_ddl_task_timeout": "50",
        "distributed_ddl_output_mode": "throw",
    }
    return read_settings(cluster) | own | ({"distributed_foreground_insert": "1"} if cluster.sharded else {})


def placed(statement: str, database: str, cluster: Cluster | None) -> tuple[str, ...]:
    """The statements that do in a cluster what this one does on one server. Pure.

    `database` is the one of names without any. Raises SqlUnreadable for what has no known place.
    """
    if cluster is None:
        return (statement,)
    ddl = read_ddl(statement)
    match ddl:
        case CreateTable():
            return _created(ddl, database, cluster)
        case Alter():
            return _altered(ddl, statement, database, cluster)
        case Headed():
            return _headed(ddl, statement, database, cluster)


def _created(table: CreateTable, database: str, cluster: Cluster) -> tuple[str, ...]:
    name = _full(table.name, database)
    if table.engine == "Null":
        return (_create(table, name, cluster, "Null", table.settings),)
    if table.engine not in _REPLICATED:
        raise SqlUnreadable(f"{name}: tables of the engine {table.engine} are not replicated")
    spread = cluster.sharded and STUDIO in table.column_names
    if spread and name.table not in cluster.by_studio:
        raise SqlUnreadable(f"{name} has a {STUDIO}, but is not known as a table of studios")
    arguments = ", ".join(filter(None, (_path(spread=spread or not cluster.sharded), table.arguments)))
    engine = f"Replicated{table.engine}({arguments})"
    rows = Name(cluster.rows_database(name.database, name.table), name.table)
    own = _create(table, rows, cluster, engine, _replicated(table.settings))
    if not spread:
        return (own,)
    front = (
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER `{cluster.name}` AS {rows}"
        f" ENGINE = Distributed(`{cluster.name}`, {rows.database}, {rows.table}, cityHash64({STUDIO}))"
    )
    return (own, front + (f" COMMENT {table.comment}" if table.comment else ""))


def _create(
    table: CreateTable, name: Name, cluster: Cluster, engine: str, settings: tuple[tuple[str, str], ...]
) -> str:
    said = ", ".join(f"{setting} = {value}" for setting, value in settings)
    parts = (
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER `{cluster.name}`",
        table.columns or f"AS {_full(_named(table.like), name.database)}",
        f"ENGINE = {engine}",
        table.keys,
        f"SETTINGS {said}" if said else "",
        f"COMMENT {table.comment}" if table.comment else "",
    )
    return "\n".join(filter(None, parts))


def _path(*, spread: bool) -> str:
    """Where in Keeper the table is, and as which replica: by shard, or as one of all servers.

    By the table's UUID, which is the same on all servers: so it may be exchanged and dropped by any name.
    """
    if spread:
        return "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
    return "'/clickhouse/tables/{uuid}/all', '{shard}-{replica}'"


def _replicated(settings: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The table's settings: as many tokens as on one server, and none where there are none."""
    own = dict(settings)
    window = own.pop(_WINDOW, "0")
    own["replicated_deduplication_window"] = window
    if window != "0":
        own["replicated_deduplication_window_seconds"] = str(TOKENS_SECONDS)
    return tuple(own.items())


def _altered(alter: Alter, statement: str, database: str, cluster: Cluster) -> tuple[str, ...]:
    if any(_WINDOW in text for words, text in alter.commands if words == "MODIFY SETTING"):
        raise SqlUnreadable(f"{alter.name}: {_WINDOW} is set where the table is created")
    name = _full(alter.name, database)
    rows = Name(cluster.rows_database(name.database, name.table), name.table)
    if rows == name:
        each = [words in _EACH_SERVER for words, _ in alter.commands]
        if any(each) and not all(each):
            raise SqlUnreadable(f"{name}: settings and comments are changed by a statement of their own")
        # All but those reaches the replicas by itself, and would come twice by ON CLUSTER.
        return (
            (_alter(name, [text for _, text in alter.commands], "", cluster),) if all(each) else (statement,)
        )
    both = [text for words, text in alter.commands if words in _COLUMN_COMMANDS]
    every = [text for _, text in alter.commands]
    found = [_alter(rows, every, alter.settings, cluster)]
    if both:
        found.append(_alter(name, both, "", cluster))
    return tuple(found)


def _alter(name: Name, commands: list[str], settings: str, cluster: Cluster) -> str:
    return f"ALTER TABLE {name} ON CLUSTER `{cluster.name}` {', '.join(commands)} {settings}".rstrip()


def _headed(ddl: Headed, statement: str, database: str, cluster: Cluster) -> tuple[str, ...]:
    on = f"ON CLUSTER `{cluster.name}`"
    names = [_full(name, database) for name in ddl.names]
    rows = [Name(cluster.rows_database(name.database, name.table), name.table) for name in names]
    match ddl.words:
        case "CREATE OR REPLACE VIEW":
            said = f"CREATE OR REPLACE VIEW {names[0]} {on}\n{ddl.rest}"
        case "CREATE DATABASE IF NOT EXISTS":
            said = f"{ddl.words} {names[0].table} {on}"
        case "DROP DATABASE IF EXISTS":
            said = f"{ddl.words} {names[0].table} {on} SYNC"
        case "DROP TABLE IF EXISTS":
            return tuple(f"{ddl.words} {one} {on} SYNC" for one in dict.fromkeys((*names, *rows)))
        case "EXCHANGE TABLES":
            said = f"EXCHANGE TABLES {rows[0]} AND {rows[1]} {on}"
        case "KILL QUERY":
            said = f"KILL QUERY {on} {ddl.rest}"
        case _:
            said = statement  # accounts are in Keeper, and an insert goes where the table's name leads
    return (said,)


def _full(name: Name, database: str) -> Name:
    return name if name.database else Name(database, name.table)


def _named(text: str) -> Name:
    database, _, table = text.rpartition(".")
    return Name(database, table)
