"""Read-only users of the embedded ClickHouse: each sees its studio's rows and nothing else.

The engine's row policies see to it (clickhouse_access.py), before any condition of the statement meets a row.
Besides, every statement runs with `additional_table_filters` for every table and then `readonly = 1`, and its
syntax tree may name tenant tables and harmless ones only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from deploy.analyst_file import read_accounts
from deploy.analysts import AnalystRefused, password_hash
from deploy.stack.clickhouse_access import STUDIO_SETTING
from deploy.stack.clickhouse_catalogue import (
    VIEWS,
    asked,
    catalogue_filters,
    with_catalogue,
    without_comments,
)
from deploy.stack.clickhouse_execution import EngineError, Progress, Statement, quote
from deploy.stack.clickhouse_reader_settings import chosen
from deploy.stack.clickhouse_statement import defined_names, first_word, is_single, output_format, words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from deploy.analysts import Account
    from deploy.stack.clickhouse_engine import ChdbEngine

DEFAULT_USER: Final = "default"
_OPEN_TABLES: Final = frozenset(
    f"system.{name}"
    for name in (
        *("one", "numbers", "functions", "formats", "settings", "time_zones", "data_type_families"),
        *("table_functions", "table_engines", "aggregate_function_combinators", "keywords"),
    )
)
"""`settings` is what stock clients ask first; the others say what the engine can do. For `tables`, `columns`
and `databases` stand the views of clickhouse_catalogue.py."""
_TABLE_FUNCTIONS: Final = frozenset({"numbers", "zeros", "values", "generateseries", "generate_series"})
"""In small letters: their names are read in any."""
_QUERIES: Final = frozenset({b"SELECT", b"WITH", b"FROM", b"(", b"EXPLAIN"})
STATEMENT_BYTES_MAX: Final = 256 * 1024
"""The engine's own limit (`max_query_size`): a longer one is not taken apart first."""
_DOLLARS_MAX: Final = 1000
_SYSTEM_AFTER_IN: Final = re.compile(
    r"^ *Identifier ((?:system|information_schema)\.\w+)", re.MULTILINE | re.IGNORECASE
)
"""`x IN system.processes` names a table where any name may stand."""
_REFUSED_FUNCTIONS: Final = re.compile(
    r"^ *Function (file|joinGet\w*|dict\w+|catboostEvaluate|getMergeTreeSetting|showCertificate)\b",
    re.MULTILINE | re.IGNORECASE,
)
_EXPLAINED: Final = re.compile(r"Explain EXPLAIN(?: (?:AST|SYNTAX|QUERY TREE))(?: \(.*)?$", re.MULTILINE)
"""Not plans, pipelines and estimates: they count the parts of all studios."""
_SETTINGS: Final = re.compile(r"^ *Set$", re.MULTILINE)
_STORAGE_COLUMNS: Final = re.compile(
    r"^ *Identifier (?:\S+\.)?"
    r"(_(?:part|part_index|part_uuid|part_offset|part_starting_offset|part_granule_offset|part_data_version"
    r"|partition_id|partition_value|sample_factor|block_number|block_offset|row_exists|disk_name))\b",
    re.MULTILINE,
)
"""Columns that every table has, and that count the rows of all studios."""


class Owner:
    """The user `default`, who may do everything that the engine allows. Its password is the deployment's."""

    def __init__(self, password: str) -> None:
        if not password:
            raise ValueError("the owner's password is empty")
        self._hash = hashlib.sha256(password.encode()).digest()

    def has(self, password: str) -> bool:
        """Whether this is the owner's password."""
        return hmac.compare_digest(hashlib.sha256(password.encode()).digest(), self._hash)


class Readers:
    """The users of `<clickhouse home>/readers.json`, read when it changes.

    analyst_file.py says what it holds and writes it.
    """

    def __init__(self, path: Path, owner: Owner) -> None:
        self._path = path
        self._owner = owner
        self._stamp: tuple[int, int, int] | None = None
        self._users: dict[str, Account] = {}

    def authenticate(self, user: str, password: str) -> Account | None:
        """None for the owner (`default`); an Account for a reader. Raises EngineError 516 otherwise."""
        if user == DEFAULT_USER and self._owner.has(password):
            return None
        reader = None if user == DEFAULT_USER else self._load().get(user)
        given = password_hash(password)
        if (
            reader is None
            or not reader.studio_id
            or not hmac.compare_digest(reader.password_sha256.lower(), given)
        ):
            raise EngineError(
                516,
                f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, "
                "or there is no user with such name. (AUTHENTICATION_FAILED)",
            )
        return reader

    def has(self, user: str, reader: Account) -> bool:
        """Whether the account is still there as it was when the user was authenticated."""
        return self._load().get(user) == reader

    def _load(self) -> dict[str, Account]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._users = {}
            self._stamp = None
            return self._users
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            try:
                self._users = read_accounts(self._path)
            except AnalystRefused as unreadable:
                message = f"Code: 516. DB::Exception: {unreadable} (AUTHENTICATION_FAILED)"
                raise EngineError(516, message) from None
            self._stamp = stamp
        return self._users


def confine(
    engine: ChdbEngine,
    reader: Account,
    tenant_tables: Collection[str],
    statement: Statement,
    own: Sequence[str],
) -> None:
    """Give the statement the reader's row policy, filters, limits and `readonly`.

    Raises EngineError where it may not run.
    Of the request's settings those that change no more than the answer's form are kept, every other one is
    refused by name; a session is dropped: a reader changes nothing. `tenant_tables` have a row policy.
    Of the reader's databases `own`, a statement that names none is about the first that there is; their views
    are read with the row policies of the tables behind them.
    """
    statement.session = ""
    statement.data = [b"".join([statement.text, *statement.data])]
    statement.text, statement.data = statement.data[0], []
    _check_size(statement.text)
    if statement.tables:
        raise _refused("no external tables")
    kept = chosen(statement.settings)
    databases = {table.split(".")[0] for table in tenant_tables} | set(own)
    filters = _filters(engine, reader.studio_id, tenant_tables)
    if statement.database in {"", "default"}:  # what stock clients say where their user said nothing
        there = {table.split(".")[0] for table in filters}
        statement.database = next((database for database in own if database in there), "")
    elif statement.database not in databases:
        raise _refused(f"no database {statement.database} for this user")
    if not is_single(statement.text):
        raise _refused("one statement a request")
    statement.text = with_catalogue(statement.text)
    seen = {table for table, rule in filters.items() if rule != "0" and table.split(".")[0] in databases}
    filters |= catalogue_filters(databases, seen)
    home = statement.database or "default"
    if first_word(statement.text) in _QUERIES:
        tree = _tree(engine, statement)
        if tree.startswith("Explain") and not _EXPLAINED.match(tree):
            raise _refused(
                "of EXPLAIN only AST, SYNTAX and QUERY TREE: the others count what all studios have"
            )
        named = {table for table in filters if table.split(".")[0] in databases}
        _check_tree(tree, defined_names(statement.text), named | VIEWS, home)
        if words(statement.text) & {b"OUTFILE", b"INFILE"}:
            raise _refused("files are out of reach")
    else:
        statement.text = without_comments(statement.text)
        _check_question(statement.text, databases, seen, home)
    if "WithProgress" in output_format(statement.text, statement.format):
        raise _refused("formats with progress count the rows of all studios")
    rendered = (
        "{" + ", ".join(f"{quote(table)}: {quote(rule)}" for table, rule in sorted(filters.items())) + "}"
    )
    statement.settings = kept | {
        STUDIO_SETTING: reader.studio_id,
        "additional_table_filters": rendered,
        "readonly": "1",
    }


def _check_size(text: bytes) -> None:
    """Refuse what would cost much to take apart."""
    most = STATEMENT_BYTES_MAX
    if len(text) > most:
        message = f"a statement has at most {most} bytes: give data as parameters"
        raise EngineError(62, f"Code: 62. DB::Exception: Syntax error: {message}. (SYNTAX_ERROR)")
    if text.count(b"$") > _DOLLARS_MAX:  # each may begin a text that ends at another one
        raise _refused(f"at most {_DOLLARS_MAX} dollar signs in a statement")


def _check_question(text: bytes, databases: Collection[str], seen: Collection[str], home: str) -> None:
    """Refuse what neither SELECTs nor asks about the reader's own tables."""
    question = asked(text)
    if question is None:
        raise _refused("only SELECT, SHOW TABLES, SHOW COLUMNS, SHOW CREATE, DESCRIBE, EXISTS and EXPLAIN")
    database = question.database or home
    full = f"{database}.{question.table}"
    if full in VIEWS | _OPEN_TABLES:
        return
    if database not in {*databases, "default"}:
        raise _refused(f"no database {database} for this user")
    if question.definition and full not in seen:
        raise _refused(f"no table {full} for this user")


def _filters(engine: ChdbEngine, studio_id: str, tenant_tables: Collection[str]) -> dict[str, str]:
    """A filter for every table and view that may be named.

    The studio's rows where it has a studio_id, no row where it has none. A table that has one and no row
    policy is left out. ClickHouse's own are not looked at.
    """
    rows = _lines(
        engine,
        "SELECT database || '.' || table, max(name = 'studio_id'),"
        " (database, table) IN (SELECT database, name FROM system.tables WHERE engine = 'View')"
        " FROM system.columns WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')"
        " GROUP BY database, table FORMAT TabSeparatedRaw",
    )
    own = f"studio_id = {quote(studio_id)}"
    return {
        name: own if has == "1" else "0"
        for name, has, view in (row.split("\t") for row in rows)
        if name not in VIEWS and (has == "0" or view == "1" or name in tenant_tables)
    }


def _tree(engine: ChdbEngine, statement: Statement) -> str:
    explained = Statement(
        text=b"EXPLAIN AST " + statement.text.rstrip().rstrip(b";"),
        format="TabSeparatedRaw",
        database=statement.database,
        parameters=statement.parameters,
    )
    return b"".join(engine.run(explained, Progress())).decode(errors="replace")


def _check_tree(tree: str, names: set[str], tables: set[str], database: str) -> None:
    """Every table the statement names has a filter, is harmless, or is one of its own WITH `names`."""
    allowed = tables | _OPEN_TABLES
    lines = tree.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        name = _table_of(line)
        if name and name not in names:
            full = name if "." in name else f"{database}.{name}"
            if full not in allowed:
                raise _refused(f"no table {full} for this user")
        called = re.match(r"\s*Function (\S+)", following)
        table = line.strip().startswith("TableExpression")
        if table and called and called[1].lower() not in _TABLE_FUNCTIONS:
            raise _refused(f"no table function {called[1]} for this user")
    if _SETTINGS.search(tree):
        raise _refused("settings belong in the request's URL, not in the statement")
    if system := _SYSTEM_AFTER_IN.search(tree):
        raise _refused(f"no table {system[1]} for this user")
    if column := _STORAGE_COLUMNS.search(tree):
        raise _refused(f"no column {column[1]} for this user")
    if function := _REFUSED_FUNCTIONS.search(tree):
        raise _refused(f"no function {function[1]} for this user")


def _table_of(line: str) -> str:
    """The table that a line of the tree names, whatever name its alias has; empty for other lines."""
    kind, _, rest = line.strip(" ").partition(" ")
    if kind != "TableIdentifier":
        return ""
    name, alias, _ = rest.partition(" (alias ")
    return name if alias else re.sub(r" \(children \d+\)\Z", "", name)


def _lines(engine: ChdbEngine, text: str) -> list[str]:
    return b"".join(engine.run(Statement(text=text.encode()), Progress())).decode().splitlines()


def _refused(why: str) -> EngineError:
    return EngineError(497, f"Code: 497. DB::Exception: Not enough privileges: {why}. (ACCESS_DENIED)")
