"""Statements that define tables, taken apart: as much of ClickHouse's grammar as the project's own SQL uses.

Parts that need not be understood (columns, keys, TTL, a view's SELECT) stay the text that they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from projections.clickhouse.sql_tokens import Kind, SqlUnreadable, Token, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence


class Name(msgspec.Struct, frozen=True):
    """Of a table or view. `database` is empty where the statement names none."""

    database: str
    table: str

    def __str__(self) -> str:
        return f"{self.database}.{self.table}" if self.database else self.table


class CreateTable(msgspec.Struct, frozen=True, kw_only=True):
    """CREATE TABLE IF NOT EXISTS."""

    name: Name
    columns: str
    """The brackets with the columns, indexes and projections; empty after AS."""
    column_names: tuple[str, ...]
    like: str
    """The table after AS; empty where there is none."""
    engine: str
    arguments: str
    """What is in the engine's brackets."""
    keys: str
    """PARTITION BY, ORDER BY, TTL and their like."""
    settings: tuple[tuple[str, str], ...]
    comment: str
    """As a text with its quotes; empty where there is none."""


class Alter(msgspec.Struct, frozen=True):
    """ALTER TABLE; each command with its first two words in capitals and its whole text."""

    name: Name
    commands: tuple[tuple[str, str], ...]
    settings: str
    """SETTINGS of the statement; empty where there are none."""


class Headed(msgspec.Struct, frozen=True):
    """A statement of which only its words, its names and the rest matter.

    `words` are in capitals: CREATE OR REPLACE VIEW, DROP TABLE IF EXISTS, EXCHANGE TABLES and others.
    """

    words: str
    names: tuple[Name, ...]
    rest: str


Ddl = CreateTable | Alter | Headed
_HEADS = (
    ("CREATE OR REPLACE VIEW", 1),
    ("CREATE DATABASE IF NOT EXISTS", 1),
    ("DROP DATABASE IF EXISTS", 1),
    ("DROP TABLE IF EXISTS", 1),
    ("EXCHANGE TABLES", 2),
    ("KILL QUERY", 0),
)
_ACCESS = ("ROLE", "ROW", "SETTINGS", "USER")
PASSED = ("INSERT", "SELECT", "GRANT")
"""First words of statements that mean the same on one server and in a cluster."""


def read_ddl(statement: str) -> Ddl:
    """A statement's parts. Raises SqlUnreadable, saying what it can't place."""
    found = tokens(statement)
    words = [token.text.upper() for token in found[:6] if token.kind is Kind.WORD]
    if not words:
        raise SqlUnreadable("it is empty")
    if words[0] in PASSED or (words[0] in {"CREATE", "DROP"} and words[1:2] and words[1] in _ACCESS):
        return Headed(words[0], (), statement)
    if words[:5] == ["CREATE", "TABLE", "IF", "NOT", "EXISTS"]:
        return _create_table(statement, found)
    if words[:2] == ["ALTER", "TABLE"]:
        return _alter(statement, found)
    for head, names in _HEADS:
        if words[: len(head.split())] == head.split():
            return _headed(statement, found, head, names)
    raise SqlUnreadable(f"{' '.join(words[:3])}: what this means in a cluster is not known")


def _headed(statement: str, found: Sequence[Token], head: str, names: int) -> Headed:
    at = len(head.split())
    own: list[Name] = []
    while len(own) < names:
        if own:
            at = _expect(found, at, "AND")
        name, at = _name(found, at)
        own.append(name)
    return Headed(head, tuple(own), statement[found[at].start :] if at < len(found) else "")


def _create_table(statement: str, found: Sequence[Token]) -> CreateTable:
    name, at = _name(found, 5)
    columns, names, like = "", list[str](), ""
    if at < len(found) and found[at].text == "(":
        end = _closing(found, at)
        columns = statement[found[at].start : found[end].end]
        names, at = _column_names(found[at + 1 : end]), end + 1
    elif at < len(found) and found[at].is_word("AS"):
        source, at = _name(found, at + 1)
        like = str(source)
    at = _expect(found, at, "ENGINE", "=")
    engine, at = found[at].text, at + 1
    arguments = ""
    if at < len(found) and found[at].text == "(":
        end = _closing(found, at)
        arguments, at = statement[found[at].end : found[end].start].strip(), end + 1
    settings_at = next((i for i in range(at, len(found)) if found[i].is_word("SETTINGS")), None)
    comment_at = next((i for i in range(at, len(found)) if found[i].is_word("COMMENT")), None)
    stop = min((i for i in (settings_at, comment_at) if i is not None), default=len(found))
    keys = statement[found[at].start : found[stop - 1].end] if stop > at else ""
    settings = () if settings_at is None else _settings(statement, found[settings_at + 1 : comment_at])
    if comment_at is not None and [token.kind for token in found[comment_at + 1 :]] != [Kind.TEXT]:
        raise SqlUnreadable("COMMENT must be followed by a text, and that must be the end")
    comment = "" if comment_at is None else found[-1].text
    return CreateTable(
        name=name,
        columns=columns,
        column_names=tuple(names),
        like=like,
        engine=engine,
        arguments=arguments,
        keys=keys,
        settings=settings,
        comment=comment,
    )


def _alter(statement: str, found: Sequence[Token]) -> Alter:
    name, at = _name(found, 2)
    settings_at = next((i for i in range(at, len(found)) if found[i].is_word("SETTINGS")), len(found))
    settings = statement[found[settings_at].start :] if settings_at < len(found) else ""
    commands = []
    for part in _parts(found[at:settings_at]):
        words = " ".join(token.text.upper() for token in part[:2] if token.kind is Kind.WORD)
        commands.append((words, statement[part[0].start : part[-1].end]))
    if not commands:
        raise SqlUnreadable("ALTER TABLE without a command")
    return Alter(name, tuple(commands), settings)


def _column_names(inside: Sequence[Token]) -> list[str]:
    """First words of the entries: columns' names, and INDEX, PROJECTION or CONSTRAINT."""
    return [
        part[0].text for part in _parts(inside) if part[0].text not in {"INDEX", "PROJECTION", "CONSTRAINT"}
    ]


def _settings(statement: str, found: Sequence[Token]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in _parts(found):
        if len(part) < 3 or part[1].text != "=":
            raise SqlUnreadable("SETTINGS must be name = value")
        pairs.append((part[0].text, statement[part[2].start : part[-1].end]))
    return tuple(pairs)


def _parts(found: Sequence[Token]) -> list[list[Token]]:
    """What commas of the outermost depth separate."""
    if not found:
        return []
    outermost = found[0].depth
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.text == "," and token.depth == outermost:
            parts.append([])
        else:
            parts[-1].append(token)
    if not all(parts):
        raise SqlUnreadable("there is a comma with nothing beside it")
    return parts


def _name(found: Sequence[Token], at: int) -> tuple[Name, int]:
    if at >= len(found) or found[at].kind is not Kind.WORD:
        raise SqlUnreadable("a plain name is expected")
    if at + 2 < len(found) and found[at + 1].text == "." and found[at + 2].kind is Kind.WORD:
        return Name(found[at].text, found[at + 2].text), at + 3
    return Name("", found[at].text), at + 1


def _expect(found: Sequence[Token], at: int, *words: str) -> int:
    for word in words:
        if at >= len(found) or found[at].text.upper() != word:
            said = found[at].text if at < len(found) else "the end"
            raise SqlUnreadable(f"{word} is expected, not {said}")
        at += 1
    return at


def _closing(found: Sequence[Token], at: int) -> int:
    """The bracket that closes the one at `at`."""
    return next(
        i for i in range(at + 1, len(found)) if found[i].depth == found[at].depth and found[i].text == ")"
    )
