"""What a projection asks Redis to do: a flat list of operations, applied whole by one script.

`project(decided) -> operations` is pure, so that a rebuild, a test and a simulation get the same answer.
Every operation sets what events carry and never increments, so that applying one twice is harmless. Numbers
travel as strings: Lua's are doubles. Keys are relative; the script puts the noun's generation before them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from schemas.envelope import Decided, Outcome

Operation = tuple[str | bytes, ...]
Project = Callable[[Decided, int], Sequence[Operation]]
"""(what came of one command, its record's LogAppendTime in ms) -> operations."""
OutcomeOf = Callable[[Decided], Outcome | None]
"""The stored answer of a command; None where an earlier one answers (a repeat)."""


def set_value(key: str, value: bytes) -> Operation:
    """SET."""
    return ("set", key, value)


def delete(key: str) -> Operation:
    """DEL: no error where there is none."""
    return ("del", key)


def set_field(key: str, field: str, value: str | bytes) -> Operation:
    """HSET."""
    return ("hset", key, field, value)


def delete_field(key: str, field: str) -> Operation:
    """HDEL: no error where there is none."""
    return ("hdel", key, field)


def add_member(key: str, member: str) -> Operation:
    """SADD."""
    return ("sadd", key, member)


def remove_member(key: str, member: str) -> Operation:
    """SREM."""
    return ("srem", key, member)


def set_score(key: str, score: float, member: str) -> Operation:
    """ZADD. `score` is finite; ValueError otherwise."""
    if not math.isfinite(score):
        raise ValueError(f"the score of {member!r} in {key!r} isn't finite")
    return ("zadd", key, repr(score), member)


def remove_score(key: str, member: str) -> Operation:
    """ZREM."""
    return ("zrem", key, member)


def append_entry(key: str, entry_id: str, field: str, value: bytes) -> Operation:
    """XADD under an exact id (`<ms>-<sequence>`), which makes a repeat a refusal that changes nothing."""
    return ("xadd", key, entry_id, field, value)
