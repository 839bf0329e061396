"""chDB as a server's engine: one engine in the process, one connection for each running statement.

A chDB connection is a session (its SETs, USE and temporary tables are its own) and costs 0.3 ms, so
statements get a connection that holds exactly their settings: a fresh one, or an idle one that was used
with the same settings.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from deploy.stack.clickhouse_execution import (
    EngineError,
    Progress,
    Statement,
    command,
    connect,
    execute,
    external_tables,
    quote_name,
    set_settings,
)
from deploy.stack.clickhouse_statement import first_word, leaves_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IDLE_CONNECTIONS_MAX: Final = 32
SESSIONS_MAX: Final = 1000
_TOKEN_SETTING: Final = "insert_deduplication_token"  # noqa: S105 - a setting's name

Key = tuple[str, tuple[tuple[str, str], ...]]


class _Session:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.until = 0.0
        self.applied: dict[str, str] = {}


class ChdbEngine:
    """The engine over one folder. All methods may be called from any thread."""

    def __init__(self, path: Path, config: Path) -> None:
        """`config` is what `clickhouse_access.write_access` wrote. It is read once, at the opening."""
        self._path = str(path)
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[Key, Any]] = OrderedDict()
        self._sessions: dict[str, _Session] = {}
        self._base = connect(f"{path}?config-file={quote_plus(str(config))}")  # keeps the engine open
        # A configuration that chDB can't read is left out without a word, and everything is allowed.
        rights = self._base.query("SHOW GRANTS", "TabSeparatedRaw").bytes()
        if b"SOURCES" in rights or b"GRANT SHOW, SELECT" not in rights:
            self._base.close()
            raise RuntimeError(f"the engine did not take the rights in {config}: {rights.decode()[:500]}")

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
                set_settings(connection, {_TOKEN_SETTING: token})
            with external_tables(connection, statement.tables):
                yield from execute(connection, statement, word, progress)
            if token:
                set_settings(connection, {_TOKEN_SETTING: ""})
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
        connection = connect(self._path)
        try:
            database, settings = key
            if database:
                command(connection, f"USE {quote_name(database)}")
            set_settings(connection, dict(settings))
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
                command(session.connection, f"SET {name} = DEFAULT")
            set_settings(session.connection, statement.settings)
            session.applied = dict(statement.settings)
            if statement.database:
                command(session.connection, f"USE {quote_name(statement.database)}")
            with external_tables(session.connection, statement.tables):
                yield from execute(session.connection, statement, word, progress)
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
                found = self._sessions[name] = _Session(connect(self._path))
            found.until = now + 3600  # while it runs
            return found
