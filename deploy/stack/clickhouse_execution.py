"""One statement on one chDB connection: what is asked, what it did, how it fails in ClickHouse's words."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import chdb

from deploy.stack.clickhouse_statement import (
    clause_at,
    has_header,
    header_bytes,
    is_single,
    is_streamed,
    is_structure,
    output_format,
    split_insert,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CODE: Final = re.compile(r"Code: (\d+)")
_ASKED_FOR_A_FILE: Final = "it's necessary to have the grant READ ON FILE"
"""chDB's database `default` takes a name that is no table for a file's, and no user may read files."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class EngineError(Exception):
    """A refusal or failure of the engine, with ClickHouse's code and its message as ClickHouse words it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def of(cls, error: BaseException) -> EngineError:
        """Read the code out of chDB's message; 1002 (UNKNOWN_EXCEPTION) where there is none."""
        text = str(error)
        if _ASKED_FOR_A_FILE in text:
            return cls(
                60, "Code: 60. DB::Exception: There is no such table in this database. (UNKNOWN_TABLE)"
            )
        found = _CODE.search(text)
        return (
            cls(int(found[1]), text[found.start() :])
            if found
            else cls(1002, f"Code: 1002. DB::Exception: {text}")
        )


@dataclass(frozen=True, kw_only=True)
class ExternalTable:
    """Rows that came beside a statement, for it alone; `structure` is its columns in SQL."""

    name: str
    structure: str
    format: str
    data: bytes


@dataclass(kw_only=True)
class Statement:
    """One request to the engine. `data` follows the text, in pieces, for an INSERT."""

    text: bytes
    data: list[bytes] = field(default_factory=list)
    format: str = "TabSeparated"
    database: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    tables: list[ExternalTable] = field(default_factory=list)
    session: str = ""
    session_seconds: float = 60.0


@dataclass
class Progress:
    """What a statement did, for the summary header and the metrics."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


def connect(path: str) -> Any:
    """A new connection to the engine over a folder; the first one opens the engine."""
    return chdb.connect(path)


def execute(connection: Any, statement: Statement, word: bytes, progress: Progress) -> Iterator[bytes]:
    """Run the statement, yielding its result in pieces. Raises EngineError."""
    try:
        if word == b"INSERT" and (insert := _insert_with_data(statement)) is not None:
            _insert(connection, *insert, progress)
            return
        text = b"".join([statement.text, *statement.data])
        _check_single(text)
        if is_streamed(text, word, statement.format):
            yield from _stream(connection, text, statement, progress)
            return
        result = connection.query(text, statement.format, params=statement.parameters)
        progress.read_rows += result.rows_read()
        progress.read_bytes += result.bytes_read()
        yield result.bytes()
    except EngineError:
        raise
    except Exception as error:  # chDB raises RuntimeError and its own; all carry ClickHouse's text
        raise EngineError.of(error) from error


def _check_single(text: bytes) -> None:
    if not is_single(text):
        raise EngineError(
            62, "Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)"
        )


def _stream(connection: Any, text: bytes, statement: Statement, progress: Progress) -> Iterator[bytes]:
    """The result in pieces. Each of chDB's is a document: of a format with a header only the first keeps it.

    A result without rows has no piece: where its header is wanted, it is asked for again as a whole.
    """
    form = output_format(text, statement.format)
    header: bytes | None = None
    result = connection.send_query(text, statement.format, params=statement.parameters)
    try:
        for piece in result:
            progress.read_rows += piece.rows_read()
            progress.read_bytes += piece.bytes_read()
            document = piece.bytes()
            if header is None:
                header = document[: header_bytes(document, form)]
                yield document
            else:
                yield document.removeprefix(header)
    except GeneratorExit:
        result.cancel()
        raise
    if header is None and has_header(form):
        yield connection.query(text, statement.format, params=statement.parameters).bytes()


def _insert_with_data(statement: Statement) -> tuple[bytes, str, list[bytes]] | None:
    """The INSERT's text, format and data, wherever the text ends.

    In the query parameter or inside the body.
    """
    head = statement.text if not statement.data else statement.text + statement.data[0][: 1 << 20]
    found = split_insert(head)
    if found is None:
        return None
    inside = found.data_at - len(statement.text)
    if inside <= 0:
        own = statement.text[found.data_at :]
        return found.text, found.format, ([own] if own.strip() else []) + statement.data
    first, *rest = statement.data
    return found.text, found.format, [first[inside:], *rest]


def _insert(connection: Any, text: bytes, form: str, data: list[bytes], progress: Progress) -> None:
    """Insert `data` from a file in memory.

    chDB's own insert stream reports success where a part can't be stored (disk full: the rows are gone and no
    error is raised), and an INSERT with its data in the text ends at the first blank line of the data.
    """
    with _file_of(data) as file:
        result = connection.query(_from_file(text, file, form), "TabSeparated")
    progress.written_rows += result.rows_read()
    progress.written_bytes += result.bytes_read()


@contextlib.contextmanager
def external_tables(connection: Any, tables: list[ExternalTable]) -> Iterator[None]:
    """External tables are temporary ones of this connection while the block runs. Raises EngineError."""
    with contextlib.ExitStack() as created:
        for table in tables:
            name = quote_name(table.name)
            create = f"CREATE TEMPORARY TABLE {name} ({table.structure})"
            if not is_structure(table.structure.encode(errors="replace")):
                raise EngineError(62, "Code: 62. DB::Exception: Syntax error in a structure. (SYNTAX_ERROR)")
            if not _PLAIN_NAME.match(table.format):
                raise EngineError(73, "Code: 73. DB::Exception: Unknown format. (UNKNOWN_FORMAT)")
            command(connection, create)
            created.callback(command, connection, f"DROP TEMPORARY TABLE {name}")
            with _file_of([table.data]) as file:
                command(connection, _from_file(f"INSERT INTO {name}".encode(), file, table.format))
        yield


@contextlib.contextmanager
def _file_of(data: list[bytes]) -> Iterator[int]:
    file = os.memfd_create("data")
    try:
        for piece in data:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(file, rest) :]
        yield file
    finally:
        os.close(file)


def _from_file(text: bytes, file: int, form: str) -> str:
    """The INSERT with the file as its data; SETTINGS stand after the file."""
    at = clause_at(text, b"SETTINGS")
    table, rest = text[:at].decode(), text[at:].decode()
    return f"{table} FROM INFILE '/proc/self/fd/{file}' {rest} FORMAT {form}"


def set_settings(connection: Any, settings: Mapping[str, str]) -> None:
    """One SET for all; `readonly` last, since nothing may be set after it."""
    if not settings:
        return
    for name in settings:
        if not _PLAIN_NAME.match(name):
            raise EngineError(115, f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
    ordered = sorted(settings.items(), key=lambda item: item[0] == "readonly")
    command(connection, "SET " + ", ".join(f"{name} = {quote(value)}" for name, value in ordered))


def command(connection: Any, text: str) -> None:
    """Run a statement that has no result. Raises EngineError."""
    try:
        connection.query(text, "TabSeparated")
    except Exception as error:
        raise EngineError.of(error) from error


def quote(value: str) -> str:
    """A ClickHouse string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quote_name(name: str) -> str:
    """A ClickHouse identifier in backticks."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
