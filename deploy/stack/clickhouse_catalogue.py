"""What a read-only user may know of tables: names, types, comments, definitions; no paths, no counts of rows.

`system.tables`, `system.columns` and `system.databases` tell paths and the rows and bytes of all studios. So
a reader's statement that names one of them reads a view instead, which has the harmless columns alone, and
of them what is about the reader's own tables. `system.settings` says of each setting whether a reader may
choose it: clients send no others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.stack.clickhouse_execution import Progress, Statement, quote
from deploy.stack.clickhouse_reader_settings import MAY_CHOOSE
from deploy.stack.clickhouse_statement import tokens

if TYPE_CHECKING:
    from collections.abc import Collection

    from deploy.stack.clickhouse_engine import ChdbEngine

CATALOGUE: Final = "questlog_catalogue"
"""The database of the views. It is in memory: each start makes it anew."""
_COLUMNS: Final = {
    "databases": ("name", "engine", "uuid", "engine_full", "comment", "is_external"),
    "tables": (
        *("database", "name", "uuid", "engine", "is_temporary", "create_table_query", "engine_full"),
        *("as_select", "partition_key", "sorting_key", "primary_key", "sampling_key", "comment"),
    ),
    "columns": (
        *("database", "table", "name", "type", "position", "default_kind", "default_expression", "comment"),
        *("is_in_partition_key", "is_in_sorting_key", "is_in_primary_key", "is_in_sampling_key"),
        *("compression_codec", "character_octet_length", "numeric_precision", "numeric_precision_radix"),
        *("numeric_scale", "datetime_precision"),
    ),
    "settings": (
        *("name", "value", "changed", "description", "min", "max", "type", "default"),
        f"NOT {MAY_CHOOSE} AS readonly",
    ),
}
VIEWS: Final = frozenset(f"{CATALOGUE}.{name}" for name in _COLUMNS)
_NAME: Final = r"(?:\w+|`[^`\\]+`|\"[^\"\\]+\")"
_TABLE: Final = rf"(?:(?P<database>{_NAME})\s*\.\s*)?(?P<table>{_NAME})"
_LIKE: Final = r"(?:\s+(?:NOT\s+)?I?LIKE\s+'(?:[^'\\]|\\.)*')?(?:\s+LIMIT\s+\d+)?"
_FROM: Final = rf"(?:\s+(?:FROM|IN)\s+(?P<of>{_NAME}))?"
_END: Final = r"(?:\s+FORMAT\s+\w+)?\s*;?\s*"
_OF_DATABASES: Final = re.compile(
    rf"(?:SHOW\s+(?:DATABASES|(?:FULL\s+)?TABLES{_FROM}){_LIKE}"
    rf"|EXISTS\s+DATABASE\s+(?P<named>{_NAME})){_END}",
    re.IGNORECASE,
)
_OF_A_TABLE: Final = tuple(
    re.compile(question + _END, re.IGNORECASE)
    for question in (
        rf"SHOW\s+(?:EXTENDED\s+)?(?:FULL\s+)?(?:COLUMNS|FIELDS)\s+(?:FROM|IN)\s+{_TABLE}{_FROM}{_LIKE}",
        rf"(?:DESC|DESCRIBE)\s+(?:TABLE\s+)?{_TABLE}",
        rf"SHOW\s+CREATE\s+(?:TABLE\s+|VIEW\s+)?{_TABLE}",
    )
)
_EXISTS: Final = re.compile(rf"EXISTS\s+(?:TABLE\s+|VIEW\s+)?{_TABLE}{_END}", re.IGNORECASE)


def make_catalogue(engine: ChdbEngine) -> None:
    """Make the views in an engine that has just opened. Raises EngineError."""
    for text in (
        f"CREATE DATABASE IF NOT EXISTS {CATALOGUE} ENGINE = Memory",
        *(
            f"CREATE OR REPLACE VIEW {CATALOGUE}.{name} AS SELECT {', '.join(columns)} FROM system.{name}"  # noqa: S608 - names of this project
            for name, columns in _COLUMNS.items()
        ),
    ):
        b"".join(engine.run(Statement(text=text.encode()), Progress()))


def catalogue_filters(databases: Collection[str], tables: Collection[str]) -> dict[str, str]:
    """Filters by which the views, and the engine's own SHOW, are about these databases and tables alone.

    `tables` are `database.table` names.
    """
    pairs = sorted(name.partition(".")[::2] for name in tables)
    listed = ", ".join(f"({quote(database)}, {quote(table)})" for database, table in pairs)

    def of(column: str) -> str:
        return f"(database, {column}) IN ({listed})" if pairs else "0"

    rules = {
        "databases": f"name IN ({', '.join(map(quote, sorted({*databases, 'default'})))})",
        "tables": of("name"),
        "columns": of("table"),
    }
    return {f"{place}.{name}": rule for name, rule in rules.items() for place in ("system", CATALOGUE)}


def with_catalogue(text: bytes) -> bytes:
    """The statement with the catalogue's views in the place of the system tables that they stand for.

    What is written in another way than `system`.`name` keeps its name, which no reader may use.
    """
    found = [token for token in tokens(text) if token["skip"] is None]
    parts, at = [], 0
    for database, dot, table in zip(found, found[1:], found[2:], strict=False):
        named = (
            _plain(database[0].decode(errors="replace")),
            dot[0],
            _plain(table[0].decode(errors="replace")),
        )
        if named[:2] == ("system", b".") and named[2] in _COLUMNS:
            parts.append(text[at : database.start()] + f"{CATALOGUE}.{named[2]}".encode())
            at = table.end()
    return b"".join([*parts, text[at:]])


class Asked(NamedTuple):
    """What a SHOW, DESCRIBE or EXISTS is about. Empty names: the statement's own database, no table."""

    database: str
    table: str
    definition: bool
    """Whether the answer tells more of the table than that it exists."""


def without_comments(text: bytes) -> bytes:
    """The statement with one blank for all that stands between two of its words."""
    return b"".join(b" " if token["skip"] is not None else token[0] for token in tokens(text))


def asked(text: bytes) -> Asked | None:
    """What a statement without comments that looks around asks for; None where it is no such statement."""
    question = text.decode(errors="replace").strip()
    if found := _OF_DATABASES.fullmatch(question):
        return Asked(_plain(found["of"] or found["named"] or ""), "", definition=False)
    for pattern in (*_OF_A_TABLE, _EXISTS):
        if found := pattern.fullmatch(question):
            named = found.groupdict()
            database = _plain(named.get("of") or named["database"] or "")
            return Asked(database, _plain(named["table"]), definition=pattern is not _EXISTS)
    return None


def _plain(name: str) -> str:
    return name.strip('`"')
