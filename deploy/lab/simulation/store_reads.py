"""gather.lua over a generation's values: what the queries ask of the simulated store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def gather(values: dict[str, Any], flat: list[Any]) -> list[Any]:
    """The answers to flat requests of four, in order. Raises ValueError for a kind it does not know."""
    return [_answer(values, *flat[index : index + 4]) for index in range(0, len(flat), 4)]


def _answer(values: dict[str, Any], kind: str, key: str, one: str, two: str) -> Any:
    held = values.get(key)
    fields: dict[str, Any] = held if isinstance(held, dict) else {}
    if kind == "hget":
        return fields.get(one)
    if kind == "hmget":
        return [fields.get(name) for name in one.split("\0") if name]
    if kind == "hgetall":
        return [item for name, value in fields.items() for item in (name.encode(), value)]
    if kind == "smembers":
        return [name.encode() for name in fields]
    if kind == "slice":
        return _flat(list(_ranked(fields))[int(one) : int(one) + int(two)])
    if kind == "until":
        return _flat(
            [(member, score) for member, score in _ranked(fields) if score <= float(one)][: int(two)]
        )
    raise ValueError(f"the simulated store has no {kind}")


def _ranked(fields: dict[str, float]) -> Iterator[tuple[str, float]]:
    """A sorted set in Redis' order: by score, then by the member's bytes."""
    yield from sorted(fields.items(), key=lambda one: (one[1], one[0].encode("utf-8", "surrogatepass")))


def _flat(pairs: list[tuple[str, float]]) -> list[bytes]:
    return [text for member, score in pairs for text in (member.encode(), repr(score).encode())]
