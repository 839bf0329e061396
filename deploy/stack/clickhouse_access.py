"""What the embedded ClickHouse itself lets a statement do: the rights and row policies of its one user.

chDB takes no `CREATE USER` and no `CREATE ROW POLICY`, but it reads ClickHouse's configuration files when it
opens. So the engine, not a reading of the statement's text, keeps every user from files, URLs and other
servers (no right to any source), and a read-only user from other studios' rows: a row policy is applied
before PREWHERE, WHERE and JOIN conditions, so that none of them ever sees a row that it hides. The policy
finds the studio in the setting `log_comment`: chDB knows no custom settings, and this one has no effect of
its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from deploy.private_files import write_private
from deploy.stack.clickhouse_space import KEPT_FREE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STUDIO_SETTING: Final = "log_comment"
"""Holds the studio whose rows a statement may see; empty for the owner, who sees all."""
_RIGHTS: Final = (
    "SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE,"
    " CREATE FUNCTION, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, SHOW, KILL QUERY, SYSTEM"
)
_ENGINES: Final = (
    *("MergeTree", "ReplacingMergeTree", "AggregatingMergeTree", "SummingMergeTree", "CollapsingMergeTree"),
    *("VersionedCollapsingMergeTree", "CoalescingMergeTree", "Memory", "Null", "Set", "Join", "Buffer"),
    *("Log", "TinyLog", "StripeLog", "Merge"),
)
"""Table engines whose data is ClickHouse's own."""


def write_access(folder: Path, tenant_tables: Iterable[str]) -> Path:
    """Write the configuration for an engine; return the path that chDB's `config-file` takes.

    `tenant_tables` are `database.table` names; each has a column `studio_id`. They need not exist yet.
    Called again: the files are replaced. An engine that is open does not read them again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users.xml"
    config = Element("clickhouse")
    SubElement(config, "users_config").text = str(users.absolute())
    disks = SubElement(SubElement(config, "storage_configuration"), "disks")
    SubElement(SubElement(disks, "default"), "keep_free_space_bytes").text = str(KEPT_FREE_BYTES)
    write_private(users, tostring(_users(tenant_tables), "unicode"))
    write_private(folder / "config.xml", tostring(config, "unicode"))
    return folder / "config.xml"


def _users(tenant_tables: Iterable[str]) -> Element:
    top = Element("clickhouse")
    SubElement(SubElement(top, "profiles"), "default")
    SubElement(SubElement(top, "quotas"), "default")
    user = SubElement(SubElement(top, "users"), "default")
    SubElement(
        user, "password"
    )  # of the engine inside this process; clickhouse_readers.py asks for passwords
    SubElement(user, "profile").text = "default"
    SubElement(user, "quota").text = "default"
    SubElement(SubElement(user, "networks"), "ip").text = "::/0"
    grants = SubElement(user, "grants")
    SubElement(grants, "query").text = f"GRANT {_RIGHTS} ON *.*"
    for engine in _ENGINES:
        SubElement(grants, "query").text = f"GRANT TABLE ENGINE ON {engine}"
    databases = SubElement(user, "databases")
    chosen = f"getSetting('{STUDIO_SETTING}')"
    for name in sorted(set(tenant_tables)):
        database, _, table = name.partition(".")
        within = SubElement(databases, "database", name=database)
        policy = SubElement(SubElement(within, "table", name=table), "filter")
        policy.text = f"{chosen} = '' OR studio_id = {chosen}"
    return top
