"""What is said of the views that analysts ask: names, types, comments."""

from __future__ import annotations

import msgspec


class ViewColumn(msgspec.Struct, frozen=True):
    """A column as analysts see it."""

    name: str
    type: str
    comment: str


class DescribedView(msgspec.Struct, frozen=True):
    """A view with the comments of its statement."""

    name: str
    comment: str
    columns: tuple[ViewColumn, ...]
