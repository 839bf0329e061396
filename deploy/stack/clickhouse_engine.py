"""chDB as a server's engine: one engine in the process, one connection for each running statement.

A chDB connection is a session (its SETs, USE and temporary tables are its own) and costs 0.3 ms, so
statements get a connection that holds exactly their settings: a fresh one, or an idle one that was used
with the same settings.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import chdb

from deploy.stack.clickhouse_statement import (
    clause_at,
    first_word,
    is_single,
    is_streamed,
    leaves_session,
    split_insert,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

IDLE_CONNECTIONS_MAX: Final = 32
SESSIONS_MAX: Final = 1000
_TOKEN_SETTING: Final = "insert_deduplication_token"  # noqa: S105 - a setting's name
_CODE: Final = re.compile(r"Code: (\d+)")
_SETTING_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

Key = tuple[str, tuple[tuple[str, str], ...]]


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
        found = _CODE.search(text)
        return (
            cls(int(found[1]), text[found.start() :])
            if found
            else cls(1002, f"Code: 1002. DB::Exception: {text}")
        )


@dataclass(kw_only=True)
class Statement:
    """One request to the engine. `data` follows the text, in pieces, for an INSERT."""

    text: bytes
    data: list[bytes] = field(default_factory=list)
    format: str = "TabSeparated"
    database: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    session: str = ""
    session_seconds: float = 60.0


@dataclass
class Progress:
    """What a statement did, for the summary header and the metrics."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


class _Session:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.until = 0.0
        self.applied: dict[str, str] = {}


class ChdbEngine:
    """The engine over one folder. All methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[Key, Any]] = OrderedDict()
        self._sessions: dict[str, _Session] = {}
        self._base = _connect(self._path)  # keeps the engine open between statements

    def run(self, statement: Statement, progress: Progress) -> Iterator[bytes]:
        """Execute, yielding the result in pieces.

        Raises EngineError; closing the iterator cancels the query.
        """
        word = first_word(statement.text[:65536])
        if not word:
            raise EngineError(62, "Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)")
        if statement.session:
            yield from self._run_in_session(statement, word, progress)
            return
        token = statement.settings.get(_TOKEN_SETTING, "")
        settings = {name: value for name, value in statement.settings.items() if name != _TOKEN_SETTING}
        key = (statement.database, tuple(sorted(settings.items())))
        connection = self._take(key)
        clean = False
        try:
            if token:
                _set(connection, {_TOKEN_SETTING: token})
            yield from _execute(connection, statement, word, progress)
            if token:
                _set(connection, {_TOKEN_SETTING: ""})
            clean = not leaves_session(word)
        finally:
            if clean:
                self._give_back(key, connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close every connection; the engine writes out what it holds. Nothing may run after it."""
        with self._lock:
            for _, connection in self._idle.values():
                connection.close()
            for session in self._sessions.values():
                session.connection.close()
            self._idle.clear()
            self._sessions.clear()
            self._base.close()

    def _take(self, key: Key) -> Any:
        with self._lock:
            for number in reversed(self._idle):
                if self._idle[number][0] == key:
                    return self._idle.pop(number)[1]
        connection = _connect(self._path)
        try:
            database, settings = key
            if database:
                _command(connection, f"USE {_quote_name(database)}")
            _set(connection, dict(settings))
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, key: Key, connection: Any) -> None:
        oldest = None
        with self._lock:
            self._idle[id(connection)] = (key, connection)
            if len(self._idle) > IDLE_CONNECTIONS_MAX:
                oldest = self._idle.popitem(last=False)[1][1]
        if oldest is not None:
            oldest.close()

    def _run_in_session(self, statement: Statement, word: bytes, progress: Progress) -> Iterator[bytes]:
        session = self._session(statement.session)
        if not session.lock.acquire(blocking=False):
            raise EngineError(
                373,
                f"Code: 373. DB::Exception: Session {statement.session} is locked by a concurrent client. "
                "(SESSION_IS_LOCKED)",
            )
        try:
            gone = [name for name in session.applied if name not in statement.settings]
            for name in gone:
                _command(session.connection, f"SET {name} = DEFAULT")
            _set(session.connection, statement.settings)
            session.applied = dict(statement.settings)
            if statement.database:
                _command(session.connection, f"USE {_quote_name(statement.database)}")
            yield from _execute(session.connection, statement, word, progress)
        finally:
            session.until = time.monotonic() + statement.session_seconds
            session.lock.release()

    def _session(self, name: str) -> _Session:
        now = time.monotonic()
        with self._lock:
            for old, session in list(self._sessions.items()):
                if session.until < now and old != name and session.lock.acquire(blocking=False):
                    session.connection.close()
                    del self._sessions[old]
            found = self._sessions.get(name)
            if found is None:
                if len(self._sessions) >= SESSIONS_MAX:
                    raise EngineError(
                        202, "Code: 202. DB::Exception: Too many sessions. (TOO_MANY_SIMULTANEOUS_QUERIES)"
                    )
                found = self._sessions[name] = _Session(_connect(self._path))
            found.until = now + 3600  # while it runs
            return found


def _connect(path: str) -> Any:
    return chdb.connect(path)  # type: ignore[no-untyped-call]  # chDB ships no types


def _execute(connection: Any, statement: Statement, word: bytes, progress: Progress) -> Iterator[bytes]:
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
    result = connection.send_query(text, statement.format, params=statement.parameters)
    try:
        for piece in result:
            progress.read_rows += piece.rows_read()
            progress.read_bytes += piece.bytes_read()
            yield piece.bytes()
    except GeneratorExit:
        result.cancel()
        raise


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
    file = os.memfd_create("insert")
    try:
        for piece in data:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(file, rest) :]
        result = connection.query(_from_file(text, file, form), "TabSeparated")
    finally:
        os.close(file)
    progress.written_rows += result.rows_read()
    progress.written_bytes += result.bytes_read()


def _from_file(text: bytes, file: int, form: str) -> str:
    """The INSERT with the file as its data; SETTINGS stand after the file."""
    at = clause_at(text, b"SETTINGS")
    table, rest = text[:at].decode(), text[at:].decode()
    return f"{table} FROM INFILE '/proc/self/fd/{file}' {rest} FORMAT {form}"


def _set(connection: Any, settings: Mapping[str, str]) -> None:
    """One SET for all; `readonly` last, since nothing may be set after it."""
    if not settings:
        return
    for name in settings:
        if not _SETTING_NAME.match(name):
            raise EngineError(115, f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
    ordered = sorted(settings.items(), key=lambda item: item[0] == "readonly")
    _command(connection, "SET " + ", ".join(f"{name} = {quote(value)}" for name, value in ordered))


def _command(connection: Any, text: str) -> None:
    try:
        connection.query(text, "TabSeparated")
    except Exception as error:
        raise EngineError.of(error) from error


def quote(value: str) -> str:
    """A ClickHouse string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quote_name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
