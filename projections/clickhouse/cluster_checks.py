"""Whether the servers of a cluster are set up for what `cluster` relies on; what is not, a sentence each.

The questions are asked of every server by `clusterAllReplicas`; what their answers mean is decided apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from projections.clickhouse.errors import ClickHouseAway, ClickHouseRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.clickhouse.client import ClickHouse

REPLICAS_ADVISED: Final = 3
SHARDS_QUESTION: Final = (
    "SELECT shard_num, count() FROM system.clusters WHERE cluster = {name:String} GROUP BY shard_num"
    " ORDER BY shard_num"
)
MACROS_QUESTION: Final = (
    "SELECT hostName(), anyIf(substitution, macro = 'shard'), anyIf(substitution, macro = 'replica')"
    " FROM clusterAllReplicas(`{cluster}`, system.macros) GROUP BY 1 ORDER BY 1"
)
USERS_QUESTION: Final = (
    "SELECT DISTINCT user FROM clusterAllReplicas(`{cluster}`, system.processes)"
    " WHERE is_initial_query = 0 AND position(query, '{mark}') > 0 ORDER BY user"
)
DIRECTORIES_QUESTION: Final = "SELECT type FROM system.user_directories ORDER BY precedence"
UUIDS_QUESTION: Final = (
    "SELECT database, name, uniqExact(uuid), count() FROM clusterAllReplicas(`{cluster}`, system.tables)"
    " WHERE database IN ({facts:String}, {own:String}, {shards:String})"
    " AND (startsWith(engine, 'Replicated') OR engine = 'Distributed')"
    " GROUP BY database, name ORDER BY database, name"
)


class ClusterUnfit(Exception):
    """The servers are not set up for the settings; the message says where and what to do."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the servers said before there are tables; the shards alone where there are none to ask."""

    shards: Sequence[tuple[int, int]]
    """Number and replicas of each."""
    macros: Sequence[tuple[str, str, str]] = ()
    """Server, its shard and its replica, as its configuration names them; empty where it does not."""
    directories: Sequence[str] = ()
    """Where the asked server keeps users: users_xml, local_directory, replicated."""
    user: str = ""
    users: Sequence[str] = ()
    """As whom the other servers ran the question."""


def objections(name: str, shards: int, answers: Answers) -> list[str]:
    """What stands against using the cluster `name` with so many shards. Pure."""
    if not answers.shards:
        return [f"the server knows no cluster {name}: declare it in remote_servers of every server"]
    found = []
    if len(answers.shards) != shards:
        found.append(
            f"the cluster {name} has {len(answers.shards)} shards, QUESTLOG_CLICKHOUSE_SHARDS says {shards}."
            " Where there are tables the number can't be changed: take another QUESTLOG_CLICKHOUSE_DATABASE"
        )
    servers = sum(replicas for _, replicas in answers.shards)
    if len(answers.macros) != servers:
        found.append(f"{len(answers.macros)} of {servers} servers have macros: each needs shard and replica")
    found += [
        f"{server} has no macro {macro}: set it in <macros> of its configuration"
        for server, *values in answers.macros
        for macro, value in zip(("shard", "replica"), values, strict=True)
        if not value
    ]
    places = [(shard, replica) for _, shard, replica in answers.macros]
    found += [
        f"{server} is not the only one with the macros shard {shard} and replica {replica}"
        for server, shard, replica in answers.macros
        if shard and replica and places.count((shard, replica)) > 1
    ]
    if shards > 1 and any(user != answers.user for user in answers.users):
        found.append(
            f"servers of the cluster ask each other as {', '.join(answers.users)}, not as the user who asks:"
            f" analysts would see other studios' rows. Set <secret> in remote_servers of {name}"
        )
    return found


def advice(answers: Answers) -> list[str]:
    """What works and should be otherwise, a line each. Pure."""
    found = [
        f"shard {number} has {replicas} replicas: with fewer than {REPLICAS_ADVISED} nothing is written while"
        " one is away"
        for number, replicas in answers.shards
        if replicas < REPLICAS_ADVISED
    ]
    written = [kind for kind in answers.directories if not kind.startswith("users")]
    if written[:1] != ["replicated"]:
        found.append(
            "new users are kept by one server for itself: `questlog analysts` needs <replicated> in"
            " <user_directories>, before <local_directory> or instead of it"
        )
    return found


async def check_cluster(client: ClickHouse) -> list[str]:
    """Ask the client's cluster; what to change though it works. Without a cluster: nothing.

    Raises ClusterUnfit, or ClickHouseAway where a server does not answer.
    """
    if (cluster := client.cluster) is None:
        return []
    shards = await client.rows(SHARDS_QUESTION, {"name": cluster.name}, in_database=False)
    answers = Answers(shards=[(int(number), int(count)) for number, count in shards])
    if shards:
        answers = await _asked(client, cluster.name, answers)
    found = objections(cluster.name, cluster.shards, answers)
    if shards and not await _has_keeper(client):
        found.append("the server has no connection to Keeper: set <zookeeper> in its configuration")
    if found:
        raise ClusterUnfit("\n".join(found))
    return advice(answers)


async def check_tables(client: ClickHouse) -> None:
    """Raise ClusterUnfit where a server has a table by itself, or lacks one. Without a cluster: nothing."""
    if (cluster := client.cluster) is None:
        return
    servers = len(await client.rows(_asked_of(MACROS_QUESTION, cluster.name)))
    parameters = {
        "facts": client.database,
        "own": client.system.database,
        "shards": cluster.rows_database(client.database, "events"),
    }
    rows = await client.rows(_asked_of(UUIDS_QUESTION, cluster.name), parameters)
    found = [
        f"{database}.{table} is on {count} of {servers} servers, as {uuids} tables that know nothing of each"
        " other: make it there as SHOW CREATE TABLE shows it on another one, with its UUID"
        for database, table, uuids, count in rows
        if (int(uuids), int(count)) != (1, servers)
    ]
    if found:
        raise ClusterUnfit("\n".join(found))


async def _asked(client: ClickHouse, name: str, answers: Answers) -> Answers:
    mark = f"questlog asks {uuid4().hex}"
    macros = await client.rows(_asked_of(MACROS_QUESTION, name), in_database=False)
    directories = await client.rows(DIRECTORIES_QUESTION, in_database=False)
    users = await client.rows(_asked_of(USERS_QUESTION, name, mark), in_database=False)
    (user,) = (await client.rows("SELECT currentUser()", in_database=False))[0]
    return msgspec.structs.replace(
        answers,
        macros=[(str(server), str(shard), str(replica)) for server, shard, replica in macros],
        directories=[str(kind) for (kind,) in directories],
        user=str(user),
        users=[str(one) for (one,) in users],
    )


async def _has_keeper(client: ClickHouse) -> bool:
    try:
        await client.rows("SELECT count() FROM system.zookeeper WHERE path = '/'", in_database=False)
    except (ClickHouseAway, ClickHouseRefused):
        return False
    return True


def _asked_of(question: str, cluster: str, mark: str = "") -> str:
    return question.replace("{cluster}", cluster).replace("{mark}", mark)
