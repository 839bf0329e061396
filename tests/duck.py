"""DuckDB, as a warehouse that reads what the project exports."""

from __future__ import annotations

from typing import Any

import duckdb


def duck_rows(query: str) -> list[tuple[Any, ...]]:
    """All rows of an answer."""
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()
