"""Views for analysts: what nouns show of their tables, in a database beside that of the facts.

A noun's folder of views holds one SQL file a view, called like it. The file's statement creates `views.NAME`
with a COMMENT on every column; what it reads has no database: tables of the facts. A view runs with the
rights of who asks (SQL SECURITY INVOKER), so that row policies and filters of the tables hold within it.
`player_timeline.sql` of a noun is no view but a SELECT: those of all nouns are joined in one.

Views hold nothing, so they are made anew at each start instead of by numbered files: an older release that
still runs beside this one reads them as they are now.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from projections.clickhouse.migrations import MigrationError, split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.clickhouse.client import ClickHouse

TIMELINE: Final = "player_timeline"
_JOINED: Final = Path(__file__).parent / "joined_views"
"""The folder of views that join what nouns declare."""
_NOUNS: Final = "FROM nouns"
"""Stands in them for the SELECTs of all nouns."""


class View(msgspec.Struct, frozen=True):
    """A view: its name, and the statement that makes it, where `views.` stands for the views' database."""

    name: str
    statement: str


def read_views(folders: Iterable[Path]) -> list[View]:
    """The views of all nouns by their folders, and those that join them.

    Raises MigrationError naming a file that does not make the view that it is called after.
    """
    found, parts = [], []
    for folder in folders:
        for path in sorted(folder.glob("*.sql")):
            (statement,) = split(path.read_text())
            if path.stem == TIMELINE:
                parts.append(statement)
            else:
                found.append(_view(path, statement))
    for path in sorted(_JOINED.glob("*.sql")) if parts else ():
        (statement,) = split(path.read_text())
        joined = "\nUNION ALL\n".join(parts)
        found.append(_view(path, statement.replace(_NOUNS, f"FROM\n(\n{joined}\n)")))
    names = [view.name for view in found]
    if len(set(names)) < len(names):
        raise MigrationError(f"two views have a name in common: {sorted(names)}")
    return found


async def apply_views(client: ClickHouse, folders: Iterable[Path]) -> list[str]:
    """Make the views of these folders, or make them anew; their names. Called twice: nothing changes.

    The client's database has all tables. Several processes may do so at once.
    """
    await client.command(f"CREATE DATABASE IF NOT EXISTS {client.views.database}", in_database=False)
    made = read_views(folders)
    for view in made:
        await client.command(re.sub(r"\bviews[.]", f"{client.views.database}.", view.statement))
    return [view.name for view in made]


def _view(path: Path, statement: str) -> View:
    if not statement.startswith(f"CREATE OR REPLACE VIEW views.{path.stem}\n"):
        raise MigrationError(f"{path} must begin with CREATE OR REPLACE VIEW views.{path.stem}")
    if "\nSQL SECURITY INVOKER\n" not in statement:
        raise MigrationError(f"{path} must say SQL SECURITY INVOKER: else its rows would be its maker's")
    return View(path.stem, statement)
