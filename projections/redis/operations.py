"""What a projection asks Redis to do: a flat list of operations, applied whole by one script.

`project` is pure, so that a rebuild, a test and a simulation get the same answer.
Every operation sets what events carry and never increments, so that applying one twice is harmless. Numbers
travel as strings: Lua's are doubles. Keys are relative; the script puts the noun's generation before them.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, Final

from redis.asyncio import Redis

from schemas.envelope import Decided, Outcome

_EXPIRE_AS: Final = "expireas"
Operation = tuple[str | bytes, ...]
Project = Callable[[Decided, Sequence[Any], int, int], Sequence[Operation]]
"""(what came of a command, its events read, its LogAppendTime in ms, its partition) -> operations."""
OutcomeOf = Callable[[Decided, Sequence[Any]], Outcome | None]
"""The stored answer of a command, from its events, read; None where an earlier one answers (a repeat)."""

LookUp = Callable[[Redis, str, Decided, Sequence[Any]], Awaitable[Sequence[Operation]]]
"""(Redis, what its keys begin with, what came of a command, its events read) -> operations that depend on
what is held. What it looks for, no other partition's events change, and no other command of the record."""


def flat(operations: Sequence[Operation]) -> list[str | bytes]:
    """A record's operations as the script takes them.

    Of equal `expire_as` the last one alone is left, since it has the effect of all: on a busy board each
    entry of a record brings two of them.
    """
    kept: list[Operation] = []
    expiring: set[Operation] = set()
    for operation in reversed(operations):
        if operation[0] == _EXPIRE_AS:
            if operation in expiring:
                continue
            expiring.add(operation)
        kept.append(operation)
    return list(chain.from_iterable(reversed(kept)))


def set_value(key: str, value: bytes) -> Operation:
    """SET."""
    return ("set", key, value)


def delete(key: str) -> Operation:
    """DEL: no error where there is none."""
    return ("del", key)


def set_field(key: str, field: str, value: str | bytes) -> Operation:
    """HSET."""
    return ("hset", key, field, value)


def merge_field(key: str, field: str, entries: bytes, *, without: Sequence[str] = ()) -> Operation:
    """Put entries into the MessagePack map that a hash's field holds, in the place of those of their names.

    `entries` is such a map itself. Those that `without` names go. Names have less than 32 bytes. Before it,
    no other operation of the record touches the field.
    """
    return ("hmerge", key, field, "\0".join(without), entries)


def delete_field(key: str, field: str) -> Operation:
    """HDEL: no error where there is none."""
    return ("hdel", key, field)


def add_member(key: str, member: str) -> Operation:
    """SADD."""
    return ("sadd", key, member)


def add_member_unless(key: str, member: str, *, held: str, field: str) -> Operation:
    """SADD unless the hash `held` has the field.

    Where the field is set by another partition's event, which also removes the member, both orders of the two
    come to the same: partitions are applied in any order when a store is filled again.
    """
    return ("saddunless", key, member, held, field)


def remove_member(key: str, member: str) -> Operation:
    """SREM."""
    return ("srem", key, member)


def set_score(key: str, score: float, member: str) -> Operation:
    """ZADD. `score` is finite; ValueError otherwise."""
    if not math.isfinite(score):
        raise ValueError(f"the score of {member!r} in {key!r} isn't finite")
    return ("zadd", key, repr(score), member)


def delete_score(key: str, member: str) -> Operation:
    """ZREM: no error where there is none."""
    return ("zrem", key, member)


def list_newest(key: str, member: str, count: int) -> Operation:
    """ZADD with the score 0; then of the sorted set, the `count` members that come last stay."""
    return ("zlist", key, member, str(count))


def forget_until(scores: str, until: int, listed: str) -> Operation:
    """Take the members with scores up to `until` out of the sorted sets `scores` and `listed`."""
    return ("forget", scores, str(until), listed)


def delete_score_when(key: str, member: str, *, empty: str, whole: str) -> Operation:
    """ZREM once the set `empty` has no member and the set `whole` has one for each partition of the topic.

    A function of what the keys hold then, so that whichever event comes last has the effect.
    """
    return ("zremwhen", key, member, empty, whole)


def expire_when(key: str, at_ms: int, *, empty: str, whole: str) -> Operation:
    """PEXPIREAT under the condition of `delete_score_when`."""
    return ("expirewhen", key, str(at_ms), empty, whole)


def expire_at(key: str, at_ms: int) -> Operation:
    """PEXPIREAT: the key is gone from then on."""
    return ("expireat", key, str(at_ms))


def expire_as(key: str, board: str) -> Operation:
    """PEXPIREAT at the time in the hash `board`'s field `gone`; nothing where it has none (yet).

    Whichever is applied last, what is expired or what says when, the key goes.
    """
    return (_EXPIRE_AS, key, board)


def tell(key: str, at_ms: int, entries: str, member: str, payload: bytes) -> Operation:
    """Add to a stream of the last minutes, with the rank that `member` of the sorted set `entries` has then.

    What is more than 5 minutes old by Redis' clock is left out (a rebuild publishes nothing old). The id is
    Redis' own: applied twice, as after a lost second, it is published twice.
    """
    return ("stream", key, str(at_ms), entries, member, payload)


def append_entry(key: str, entry_id: str, field: str, value: bytes) -> Operation:
    """XADD under an exact id (`<ms>-<sequence>`), which makes a repeat a refusal that changes nothing."""
    return ("xadd", key, entry_id, field, value)
