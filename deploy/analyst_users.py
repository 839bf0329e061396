"""Analysts' accounts of a ClickHouse of one's own: users, roles, row policies, grants and limits, as SQL.

Every studio that has analysts has a role: it may SELECT from the tables and views that have a studio_id, and
a row policy for it shows its studio's rows of each; a view reads with the rights and policies of who asks.
All analysts share one settings profile. A user has the hash of its password; nothing else is granted, so no
file, URL or other server is in reach. That the account is an analyst's, of which studio and since when, is in
its constant setting `log_comment`, which names the studio in ClickHouse's query log too. The statements may
be run again; those for a role bring older accounts up to date with tables that came later.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deploy.analysts import (
    FORM_SETTINGS,
    LIMITS,
    ON_DISK,
    RUNNING_MAX,
    Account,
    AnalystRefused,
    ListedAccount,
)
from projections.clickhouse.client import identifier
from projections.clickhouse.cluster import shards_database, spread_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from projections.clickhouse.client import ClickHouse
    from projections.clickhouse.cluster import Cluster

PROFILE: Final = "questlog_analyst"
_MARK: Final = re.compile(r"questlog analyst of (\S+) since (\d+)\Z")
_STUDIO: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FIXED: Final = {"readonly": "1", "use_query_condition_cache": "0"} | ON_DISK
"""Not to be chosen. The condition cache would remember what conditions said of other studios' rows."""
LISTED: Final = (
    "SELECT user_name, value FROM system.settings_profile_elements"
    " WHERE user_name IS NOT NULL AND setting_name = 'log_comment'"
    " AND position(value, 'questlog analyst of ') > 0 ORDER BY user_name"
)


def profile_statement(cluster: Cluster | None = None) -> str:
    """The profile of all analysts: read-only, limits that can be lowered, settings of the answer's form."""
    fixed = _FIXED | {name: f"'{value}'" for name, value in spread_settings(cluster).items()}
    elements = [f"{name} = {value} CONST" for name, value in fixed.items()]
    elements += [
        f"{name} = {value} MIN 1 MAX {value} CHANGEABLE_IN_READONLY"  # 0 would be no limit at all
        for name, value in LIMITS.items()
    ]
    elements.append(f"max_concurrent_queries_for_user = {RUNNING_MAX} CONST")
    elements += [f"{name} CHANGEABLE_IN_READONLY" for name in sorted(FORM_SETTINGS)]
    return f"CREATE SETTINGS PROFILE OR REPLACE {PROFILE} SETTINGS {', '.join(elements)}"


def role_statements(studio_id: str, database: str, tables: Iterable[str]) -> list[str]:
    """The studio's role: what it may read, and which rows of it. A row policy names no user but the role.

    A server may be configured to show no row to users without a policy (`users_without_row_policies_can_read_
    rows` off): so the deployment's own user, who runs these statements, gets one that shows all.
    """
    role = role_name(studio_id)
    rule = f"studio_id = '{studio_id}'"
    statements = [f"CREATE ROLE IF NOT EXISTS {role}"]
    for table in sorted(tables):
        named = f"{identifier(database)}.{identifier(table)}"
        statements += [
            f"CREATE ROW POLICY IF NOT EXISTS questlog_all ON {named} FOR SELECT USING 1 TO CURRENT_USER",
            f"CREATE ROW POLICY OR REPLACE {role} ON {named} FOR SELECT USING {rule} TO {role}",
            f"GRANT SELECT ON {named} TO {role}",
        ]
    return statements


def user_statements(name: str, account: Account, database: str) -> list[str]:
    """The user itself; statements that name no database are about `database`.

    Its password is not in them, only the password's hash.
    """
    mark = f"questlog analyst of {account.studio_id} since {account.created_at_ms}"
    if not re.fullmatch(r"[0-9a-f]{64}", account.password_sha256):
        raise AnalystRefused("the hash of a password must be SHA-256 in hex")
    return [
        (
            f"CREATE USER IF NOT EXISTS `{name}` IDENTIFIED WITH sha256_hash BY '{account.password_sha256}'"
            f" DEFAULT DATABASE {identifier(database)}"
            f" SETTINGS PROFILE '{PROFILE}', log_comment = '{mark}' CONST"
        ),
        f"GRANT {role_name(account.studio_id)} TO `{name}`",
    ]


def revoke_statements(name: str) -> list[str]:
    """End an account, and the statements of it that run: those go on after their user is gone."""
    return [f"DROP USER IF EXISTS `{name}`", f"KILL QUERY WHERE user = '{name}' ASYNC"]


def role_name(studio_id: str) -> str:
    """The name, in backticks, of a studio's role. Raises AnalystRefused for what is no studio's id."""
    if not _STUDIO.match(studio_id):
        raise AnalystRefused(f"{studio_id!r} is no studio's id")
    return f"`questlog_analyst_{studio_id}`"


class AccountUsers:
    """Makes and ends users of ClickHouse, asked as a user who may manage access and grant SELECT."""

    def __init__(self, client: ClickHouse, tables: Mapping[str, Iterable[str]]) -> None:
        """`tables` and views have a column studio_id: names by database, by `tables_with_studios`."""
        self._client = client
        self._tables = {database: tuple(names) for database, names in tables.items()}

    async def create(self, name: str, account: Account) -> None:
        """Raises AnalystRefused where ClickHouse has a user of that name."""
        taken = await self._client.rows(
            "SELECT name FROM system.users WHERE name = {name:String}", {"name": name}
        )
        if taken:
            raise AnalystRefused(
                f"ClickHouse has a user {name} already: revoke that one, or take another name"
            )
        await self._run(
            [
                profile_statement(self._client.cluster),
                *self._role(account.studio_id),
                *user_statements(name, account, self._client.views.database),
            ]
        )

    async def revoke(self, name: str, studio_id: str) -> None:
        """Raises AnalystRefused where the studio has no such account."""
        if (name, studio_id) not in {(one.name, one.studio_id) for one in await self.listed()}:
            raise AnalystRefused(f"the studio has no analyst {name}")
        await self._run(revoke_statements(name))

    async def listed(self) -> list[ListedAccount]:
        """All analysts' accounts by name; other users of ClickHouse are left out."""
        return accounts_of(await self._client.rows(LISTED))

    async def renew(self) -> int:
        """Bring the profile, and the roles of studios that have accounts, up to date; how many these are."""
        studios = {one.studio_id for one in await self.listed()}
        await self._run([profile_statement(self._client.cluster)])
        for studio_id in sorted(studios):
            await self._run(self._role(studio_id))
        return len(studios)

    def _role(self, studio_id: str) -> list[str]:
        return [
            statement
            for database, names in self._tables.items()
            for statement in role_statements(studio_id, database, names)
        ]

    async def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            await self._client.command(statement, in_database=False)


async def tables_with_studios(client: ClickHouse) -> dict[str, list[str]]:
    """The tables of the client's database, and analysts' views of them, that have a column studio_id.

    In a cluster with several shards, those with each shard's rows too: there the row policies hold.
    """
    rows = await client.rows(
        "SELECT database, groupArraySorted(10000)(table) FROM system.columns"
        " WHERE database IN ({facts:String}, {views:String}, {shards:String}) AND name = 'studio_id'"
        " GROUP BY database ORDER BY database",
        {
            "facts": client.database,
            "views": client.views.database,
            "shards": shards_database(client.database),
        },
    )
    return {str(database): [str(table) for table in tables] for database, tables in rows}


def accounts_of(rows: Iterable[Iterable[object]]) -> list[ListedAccount]:
    """What rows of LISTED say."""
    found = []
    for name, mark in rows:
        if marked := _MARK.match(str(mark).strip("'")):
            found.append(ListedAccount(name=str(name), studio_id=marked[1], created_at_ms=int(marked[2])))
    return found
