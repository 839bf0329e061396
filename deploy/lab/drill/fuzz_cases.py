"""What the fuzz drill sends, and the rows that the contract promises for it: the shared parts. Pure."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.lab.drill.fuzz_texts import Rule, Texts

if TYPE_CHECKING:
    import random

MONTH_MS: Final = 30 * 24 * 3_600_000
_SHORT: Final = 100
Fields = dict[str, Any]


class Row(msgspec.Struct, frozen=True):
    """A row that must be there: its table, its item's time (0 where it has an id), and what columns hold."""

    table: str
    at_ms: int
    columns: Fields


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One request. It may be answered with `allowed` alone, and counts as accepted below 300."""

    surface: str
    path: str
    body: bytes
    allowed: frozenset[int]
    rows: list[Row] = []
    session: Fields | None = None
    """What an S1 request says of its session."""
    sessions: list[str] = []
    said: str = ""
    """What is wrong with it, where something is."""


class Clock:
    """Numbers items. An item's time is its number of milliseconds after the run's begin.

    Every other one lies a month earlier, so that its session is over at once. By its time an item's rows are
    found, whatever its texts are.
    """

    def __init__(self, begin_ms: int) -> None:
        self.begin_ms = begin_ms
        self._numbers = itertools.count(1)
        self.last = 0

    def next(self, *, recent: bool = False) -> tuple[int, int]:
        """A new number and its time."""
        self.last = next(self._numbers)
        return self.last, self.begin_ms + self.last - (0 if recent else MONTH_MS * (self.last % 2))


class Maker:
    """Draws free-form values, within the bytes that a request may have."""

    def __init__(self, dice: random.Random, texts: Texts, clock: Clock, app_id: str) -> None:
        self.dice = dice
        self.texts = texts
        self.clock = clock
        self.app_id = app_id
        self.bytes_left = 0

    def free(self, field: str) -> str:
        """A free text; a short one where the request has no room for more."""
        text = self.texts.good(field, Rule.FREE)
        if len(json.dumps(text)) > self.bytes_left:
            text = self.texts.good(field, Rule.FREE, long=_SHORT)
        self.bytes_left -= len(json.dumps(text))
        return text

    def value(self, field: str, depth: int = 0) -> Any:
        """Anything that JSON holds, mostly text."""
        kind = self.dice.randrange(9 if depth < 3 else 6)
        if kind == 6:
            return [self.value(field, depth + 1) for _ in range(self.dice.randrange(3))]
        if kind >= 7:
            return self.map(field, depth + 1)
        return (None, True, -1, 2.5, self.free(field), self.free(field))[kind]

    def map(self, field: str, depth: int = 0) -> Fields:
        """A map of a few entries, whose keys are texts too."""
        keys = [self.free(f"{field} key") for _ in range(self.dice.randrange(4))]
        return {key: self.value(field, depth) for key in keys}

    def extras(self, field: str, known: frozenset[str]) -> Fields:
        """Unknown fields, in half of all items."""
        if self.dice.random() < 0.5:
            return {}
        return {key: value for key, value in self.map(field).items() if key not in known}

    def refused(self, field: str, rule: Rule) -> str:
        """A text that the field must refuse."""
        bad = self.texts.bad(field, rule)
        return "\ud800" if bad is None else bad

    def no_time(self, field: str) -> str:
        """A text that is no time."""
        text = self.texts.good(field, Rule.NAME)
        return "x" if text.startswith("2001") else text

    def json(self, content: Any) -> bytes:
        """JSON, of which some writes everything beyond ASCII as escapes."""
        return ascii_json(content) if self.dice.random() < 0.3 else msgspec.json.encode(content)


def properties(value: Any, extras: Fields) -> Fields:
    """README.md: `properties` is `custom_data` or `props`, and unknown fields are in its `_extra`.

    What has a field `_extra` of its own beside unknown ones goes under `_value`, as what is no map does.
    """
    if type(value) is dict and not (extras and "_extra" in value):
        content = dict(value)
    else:
        content = {} if value is None else {"_value": value}
    return {**content, "_extra": extras} if extras else content


def ascii_json(content: Any) -> bytes:
    """JSON in which halves of surrogate pairs travel as escapes."""
    return json.dumps(content).encode()


def broken_msgpack(content: Any) -> bytes:
    """MessagePack whose texts may be no UTF-8: halves of surrogate pairs are three bytes each."""
    if isinstance(content, str):
        data = content.encode("utf-8", "surrogatepass")
        return b"\xdb" + len(data).to_bytes(4, "big") + data
    if isinstance(content, dict):
        pairs = b"".join(broken_msgpack(key) + broken_msgpack(value) for key, value in content.items())
        return b"\xdf" + len(content).to_bytes(4, "big") + pairs
    if isinstance(content, list):
        return b"\xdd" + len(content).to_bytes(4, "big") + b"".join(map(broken_msgpack, content))
    return msgspec.msgpack.encode(content)
