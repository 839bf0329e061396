"""Read-only users of the embedded ClickHouse: each sees its studio's rows and nothing else.

In production ClickHouse's own roles and row policies do this. chDB refuses both, so here every statement of
such a user runs with `additional_table_filters` for every table and then `readonly = 1` (overrides,
`file()`, `url()` are refused by the engine), and its syntax tree may name filtered tables only: table
functions such as `merge()` would step around the filters.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.stack.clickhouse_execution import EngineError, Progress, Statement, quote
from deploy.stack.clickhouse_statement import defined_names, first_word, is_single, words

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.stack.clickhouse_engine import ChdbEngine

DEFAULT_USER: Final = "default"
_OPEN_TABLES: Final = frozenset(
    f"system.{name}" for name in ("one", "numbers", "databases", "functions", "formats", "time_zones")
)
"""Not `tables` and `columns`: they tell the rows and bytes of all studios. SHOW TABLES and DESCRIBE serve."""
_TABLE_FUNCTIONS: Final = frozenset({"numbers", "zeros", "values", "generateSeries", "generate_series"})
_SYSTEM_AFTER_IN: Final = re.compile(
    r"^\s*Identifier ((?:system|information_schema)\.\w+)", re.MULTILINE | re.IGNORECASE
)
"""`x IN system.processes` names a table where any name may stand."""
_REFUSED_FUNCTIONS: Final = re.compile(
    r"^\s*Function (file|joinGet\w*|dict\w+|catboostEvaluate|getMergeTreeSetting|showCertificate)\b",
    re.MULTILINE | re.IGNORECASE,
)
_SHOW: Final = re.compile(
    rb"^\s*(?:(?:SHOW\s+(?:TABLES|DATABASES|COLUMNS\s+FROM\s+[\w.`]+))|(?:DESC|DESCRIBE)\s+(?:TABLE\s+)?[\w.`]+|EXISTS\s+(?:TABLE\s+)?[\w.`]+)(?:\s+FROM\s+[\w`]+)?(?:\s+FORMAT\s+\w+)?\s*;?\s*$",
    re.IGNORECASE,
)
LIMITS: Final = {
    "max_execution_time": "30",
    "max_memory_usage": str(1 << 30),
    "max_result_rows": "1000000",
    "result_overflow_mode": "throw",
    "max_threads": "2",
}


class Reader(msgspec.Struct, frozen=True):
    """A read-only user: `password_sha256` in hex, and the studio whose rows it sees."""

    password_sha256: str
    studio_id: str


class Readers:
    """The users of `<clickhouse home>/readers.json` ({"name".

    {"password_sha256", "studio_id"}}), read when it changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, Reader] = {}

    def authenticate(self, user: str, password: str) -> Reader | None:
        """None for the owner (`default`, no password); a Reader for a reader.

        Raises EngineError 516 otherwise.
        """
        if user == DEFAULT_USER and not password:
            return None
        reader = self._load().get(user)
        given = hashlib.sha256(password.encode()).hexdigest()
        if reader is None or not hmac.compare_digest(reader.password_sha256.lower(), given):
            raise EngineError(
                516,
                f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, "
                "or there is no user with such name. (AUTHENTICATION_FAILED)",
            )
        return reader

    def _load(self) -> dict[str, Reader]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._users = {}
            self._stamp = None
            return self._users
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._users = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Reader])
            self._stamp = stamp
        return self._users


def confine(engine: ChdbEngine, reader: Reader, statement: Statement) -> None:
    """Give the statement the reader's filters, limits and `readonly`. EngineError where it may not run.

    Settings and sessions of the request are dropped: a reader changes nothing.
    """
    statement.session = ""
    statement.data = [b"".join([statement.text, *statement.data])]
    statement.text, statement.data = statement.data[0], []
    if statement.tables:
        raise _refused("no external tables")
    filters = _filters(engine, reader.studio_id)
    word = first_word(statement.text)
    if not is_single(statement.text):
        raise _refused("one statement a request")
    if word in {b"SELECT", b"WITH"}:
        _check_tree(
            _tree(engine, statement),
            defined_names(statement.text),
            set(filters),
            statement.database or "default",
        )
        if words(statement.text) & {b"OUTFILE", b"INFILE"}:
            raise _refused("files are out of reach")
    elif not _SHOW.match(statement.text):
        raise _refused("only SELECT, SHOW TABLES, DESCRIBE and EXISTS")
    rendered = (
        "{" + ", ".join(f"{quote(table)}: {quote(rule)}" for table, rule in sorted(filters.items())) + "}"
    )
    statement.settings = {**LIMITS, "additional_table_filters": rendered, "readonly": "1"}


def _filters(engine: ChdbEngine, studio_id: str) -> dict[str, str]:
    """A filter for every table there is.

    The studio's rows where it has a studio_id, no row where it has none.
    """
    rows = _lines(
        engine,
        "SELECT database || '.' || table, max(name = 'studio_id') FROM system.columns WHERE database NOT IN "
        "('system', 'INFORMATION_SCHEMA', 'information_schema') GROUP BY 1 FORMAT TabSeparatedRaw",
    )
    own = f"studio_id = {quote(studio_id)}"
    return {name: own if has == "1" else "0" for name, has in (row.split("\t") for row in rows)}


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
    if database not in {table.split(".")[0] for table in tables}:
        raise _refused(f"no database {database} for this user")
    lines = tree.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        name = re.match(r"\s*TableIdentifier (.+?)(?: \(alias .*\)| \(children \d+\))*$", line)
        if name is not None and name[1] not in names:
            full = name[1] if "." in name[1] else f"{database}.{name[1]}"
            if full not in allowed:
                raise _refused(f"no table {full} for this user")
        called = re.match(r"\s*Function (\S+)", following)
        if line.strip().startswith("TableExpression") and called and called[1] not in _TABLE_FUNCTIONS:
            raise _refused(f"no table function {called[1]} for this user")
    if system := _SYSTEM_AFTER_IN.search(tree):
        raise _refused(f"no table {system[1]} for this user")
    if function := _REFUSED_FUNCTIONS.search(tree):
        raise _refused(f"no function {function[1]} for this user")


def _lines(engine: ChdbEngine, text: str) -> list[str]:
    return b"".join(engine.run(Statement(text=text.encode()), Progress())).decode().splitlines()


def _refused(why: str) -> EngineError:
    return EngineError(497, f"Code: 497. DB::Exception: Not enough privileges: {why}. (ACCESS_DENIED)")
