"""What a view's own statement says of it and of its columns, without asking ClickHouse. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from schemas.described_views import DescribedView, ViewColumn

if TYPE_CHECKING:
    from projections.clickhouse.views import View

_COLUMN: Final = re.compile(r"^ {4}(\w+) +(.+?) COMMENT '((?:[^'\\]|''|\\.)*)',?$", re.MULTILINE)
_OWN: Final = re.compile(r"^COMMENT '((?:[^'\\]|''|\\.)*)'\s*\Z", re.MULTILINE)


def described(view: View) -> DescribedView:
    """Its comments, and its columns in their order."""
    head, _, _ = view.statement.partition("\nSQL SECURITY INVOKER\n")
    columns = tuple(ViewColumn(name, kind, _text(comment)) for name, kind, comment in _COLUMN.findall(head))
    own = _OWN.search(view.statement.rstrip().rstrip(";"))
    return DescribedView(view.name, _text(own[1]) if own else "", columns)


def _text(literal: str) -> str:
    return literal.replace("''", "'")
