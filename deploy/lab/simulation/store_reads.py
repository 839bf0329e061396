"""read_batch.lua over a generation's values: what the queries ask of the simulated store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACE: Final = 15
"""Characters of a list's member before its id, as in read_batch.lua."""


def gather(values: dict[str, Any], flat: list[Any]) -> list[Any]:
    """The answers to flat requests of four, in order. Raises ValueError for a kind it does not know."""
    return [_answer(values, *flat[index : index + 4]) for index in range(0, len(flat), 4)]


def _answer(values: dict[str, Any], kind: str, key: str, one: str, two: str) -> Any:
    held = values.get(key)
    fields: dict[str, Any] = held if isinstance(held, dict) else {}
    if kind == "each":
        return [values.get(key + name, {}).get(one) for name in two.split("\0") if name]
    if kind not in _KINDS:
        raise ValueError(f"the simulated store has no {kind}")
    return _KINDS[kind](values, fields, one, two)


_Kind = Callable[[dict[str, Any], dict[str, Any], str, str], Any]
"""(all values, those of the key, the request's two arguments) -> the answer."""
_KINDS: Final[dict[str, _Kind]] = {
    "hget": lambda _values, fields, one, _two: fields.get(one),
    "hmget": lambda _values, fields, one, _two: [fields.get(name) for name in one.split("\0") if name],
    "hgetall": lambda _values, fields, _one, _two: _flat_fields(fields),
    "smembers": lambda _values, fields, _one, _two: [name.encode() for name in fields],
    "count": lambda _values, fields, _one, _two: len(fields),
    "which": lambda _values, fields, one, _two: [int(name in fields) for name in one.split("\0") if name],
    "page": lambda _values, fields, one, two: _page(fields, one, int(two)),
    "rows": lambda values, fields, one, two: _rows(values, fields, one, *two.split("\0")),
    "fields": lambda values, fields, one, two: _of_members(values, fields, one, *two.split("\0")),
    "slice": lambda _values, fields, one, two: _flat(list(ranked(fields))[int(one) : int(one) + int(two)]),
    "until": lambda _values, fields, one, two: _flat(
        [(member, score) for member, score in ranked(fields) if score <= float(one)][: int(two)]
    ),
}


def _flat_fields(fields: dict[str, Any]) -> list[Any]:
    return [item for name, value in fields.items() for item in (name.encode(), value)]


def _rows(values: dict[str, Any], fields: dict[str, Any], before: str, most: str, prefix: str) -> list[Any]:
    members = _page(fields, before, int(most))
    rows = (_flat_fields(values.get(prefix + member.decode()[_PLACE:], {})) for member in members)
    return [part for pair in zip(members, rows, strict=True) for part in pair]


def _of_members(values: dict[str, Any], fields: dict[str, Any], before: str, *asked: str) -> list[Any]:
    most, prefix, length = asked
    ids = [member.decode()[_PLACE:] for member in _page(fields, before, int(most))]
    found = (values.get(prefix + one[: int(length)], {}).get(one) for one in ids)
    return [value for value in found if value is not None]


def _page(fields: dict[str, float], before: str, most: int) -> list[bytes]:
    """A list's members that come before a text, the last first."""
    members = sorted((member.encode() for member in fields), reverse=True)
    return [member for member in members if not before or member < before.encode()][:most]


def ranked(fields: dict[str, float]) -> Iterator[tuple[str, float]]:
    """A sorted set in Redis' order: by score, then by the member's bytes."""
    yield from sorted(fields.items(), key=lambda one: (one[1], one[0].encode("utf-8", "surrogatepass")))


def _flat(pairs: list[tuple[str, float]]) -> list[bytes]:
    return [text for member, score in pairs for text in (member.encode(), repr(score).encode())]
