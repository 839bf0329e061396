"""Redis in memory, as far as the projection's scripts need it: each behaves as its Lua text says.

The real `RedisReader` and `RedisOutcomes` run over it; it answers EVALSHA by the script's name. It can lose
its last moments or everything, as a Redis without its newest file does. Source: projections/redis/*.lua.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError

from deploy.lab.simulation.store_reads import gather, ranked
from projections.redis.scripts import APPLY, CLAIM, FIND_OUTCOMES, FORMER, MARK, READ_BATCH, READY, STATE
from schemas.log_positions import Cursor, Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.lab.simulation.faults import Faults

_OPERATIONS: Final = {
    "set": 2,
    "del": 1,
    "hset": 3,
    "hdel": 2,
    "hmerge": 4,
    "sadd": 2,
    "saddunless": 4,
    "srem": 2,
    "zadd": 3,
    "zrem": 2,
    "zlist": 3,
    "expireat": 2,
    "expireas": 2,
    "zremwhen": 4,
    "expirewhen": 4,
    "forget": 3,
    "stream": 5,
}
"""Name -> how many arguments, as in apply.lua."""
_requests: Final = msgspec.msgpack.Decoder(list[str])
_map: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_encode: Final = msgspec.msgpack.Encoder().encode


class Generation:
    """What one generation holds: values by key, positions by partition."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.positions: dict[str, Position] = {}
        self.at: dict[str, int] = {}

    def position(self, partition: str) -> Position:
        """Where a partition stands."""
        return self.positions.get(partition, Position())


class SimulatedRedis:
    """One server. `notified` is called with (gateway id, record id) for each notification that arrives."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.run_id = 1
        self.live = Generation()
        self.outcomes: dict[str, tuple[bytes, int]] = {}
        self.effects: dict[str, Position] = {}
        """Positions of readers whose effects are commands: outside every generation."""
        self.ready = 0
        self._reached: dict[str, int] = {}
        self.notified: Callable[[str, str], None] = lambda _gateway, _record: None
        self._files: list[tuple[Generation, dict[str, tuple[bytes, int]], dict[str, Position]]] = []
        self._scripts = {
            script._sha: answer  # noqa: SLF001 - the name Redis knows it by
            for script, answer in (
                (APPLY, self._apply),
                (CLAIM, self._claim),
                (FORMER, self._former),
                (STATE, self._state),
                (MARK, self._mark),
                (READY, self._open),
                (FIND_OUTCOMES, self._find),
                (READ_BATCH, self._gather),
            )
        }

    async def execute_command(self, name: str, sha: str, keys: int, *arguments: str | bytes) -> Any:
        """EVALSHA of a known script. Raises redis-py's ConnectionError before or after it took effect."""
        del name, keys
        await self._faults.delay("to the store")
        if self._faults.happens("store away"):
            raise RedisConnectionError("away")
        reply = self._scripts[sha]([text_of(argument) for argument in arguments])
        await self._faults.delay("from the store")
        if self._faults.happens("store away"):
            raise RedisConnectionError("gone before the answer")
        return reply

    def save(self) -> None:
        """What a later loss goes back to."""
        self._files = [*self._files[-2:], (copy.deepcopy(self.live), dict(self.outcomes), dict(self.effects))]

    def lose(self, *, everything: bool) -> None:
        """Restart without the last moments, or with nothing."""
        self.run_id += 1
        if everything or not self._files:
            self.live, self.outcomes, self.effects = Generation(), {}, {}
        else:
            live, outcomes, effects = self._files[0]
            self.live, self.outcomes, self.effects = copy.deepcopy(live), dict(outcomes), dict(effects)
            self._files = []
        if everything:
            self.ready, self._reached = 0, {}

    def _apply(self, arguments: list[Any]) -> list[Any]:
        partition, offset, src = arguments[3], int(arguments[4]), int(arguments[5])
        gateway_id, record_id, partitions, count = arguments[7], arguments[8], arguments[9], arguments[10]
        live = self.live
        held = live.position(partition)
        verdict = Cursor(held).verdict(offset, src)
        if verdict == "repeated":
            self._notify(gateway_id, record_id)
        if verdict in {"repeated", "gap"}:
            return [verdict.encode(), str(held.offset).encode(), str(held.src).encode()]
        passed = Position(offset + 1, src if verdict == "applied" else held.src, arguments[11], arguments[2])
        live.positions[partition] = passed
        if verdict == "dropped":
            return [b"dropped", str(passed.offset).encode(), str(passed.src).encode()]
        first = 12 + 3 * int(count)
        operate(live.values, arguments[first:], int(partitions))
        for index in range(12, first, 3):
            self.outcomes[arguments[index]] = (
                _bytes(arguments[index + 1]),
                int(arguments[index + 2]),
            )
        live.at[partition] = int(arguments[6])
        self._notify(gateway_id, record_id)
        return [b"applied", str(offset + 1).encode(), str(src).encode()]

    def _notify(self, gateway_id: str, record_id: str) -> None:
        if gateway_id and not self._faults.happens("notification lost"):
            self.notified(gateway_id, record_id)

    @staticmethod
    def _claim(arguments: list[Any]) -> bytes:
        return _bytes(arguments[1])

    @staticmethod
    def _former(arguments: list[Any]) -> list[bytes]:
        """No older release was here."""
        del arguments
        return [b""]

    def _state(self, arguments: list[Any]) -> list[Any]:
        partition = arguments[2]
        held = self.live.position(partition)
        ready = "ready" if self.ready == self.run_id else ""
        state = (self.run_id, 1, held.offset, held.src, held.log_id, ready, held.mark)
        return [str(item).encode() for item in state]

    def _mark(self, arguments: list[Any]) -> int:
        _, _, partition, offset, mark = arguments
        held = self.live.position(partition)
        if held.offset != int(offset) or held.mark:
            return 0
        self.live.positions[partition] = Position(held.offset, held.src, mark, held.log_id)
        return 1

    def _open(self, arguments: list[Any]) -> bytes:
        partition, partitions, run_id, target = (
            arguments[1],
            int(arguments[2]),
            int(arguments[3]),
            int(arguments[4]),
        )
        if run_id != self.run_id:
            return b"run"
        if self.live.position(partition).offset < target:
            return b"behind"
        self._reached[partition] = run_id
        if all(self._reached.get(str(number)) == run_id for number in range(partitions)):
            self.ready = run_id
            return b"ready"
        return b"waiting"

    def _gather(self, arguments: list[Any]) -> list[Any] | None:
        if self.ready != self.run_id:
            return None
        # Bytes still: how a list begins is no text.
        return gather(self.live.values, _requests.decode(arguments[1]))

    def _find(self, arguments: list[Any]) -> list[Any] | None:
        if self.ready != self.run_id:
            return None
        now_ms = self._faults.now_ms()
        found = [self.outcomes.get(key) for key in arguments[2:]]
        return [b"0", *(held[0] if held is not None and held[1] > now_ms else None for held in found)]


def operate(values: dict[str, Any], flat: list[Any], partitions: int) -> None:
    """Apply operations to a generation's values. Streams and expiries are passing and are left out."""
    index = 0
    while index < len(flat):
        name = flat[index]
        key, *rest = flat[index + 1 : index + 1 + _OPERATIONS[name]]
        index += _OPERATIONS[name] + 1
        if name == "set":
            values[key] = _bytes(rest[0])
        elif name == "del":
            values.pop(key, None)
        elif name in {"hset", "hmerge", "zadd"}:
            _set(values.setdefault(key, {}), name, rest)
        elif name == "sadd" or (name == "saddunless" and rest[2] not in values.get(rest[1], ())):
            values.setdefault(key, {})[rest[0]] = True
        elif name == "zlist":
            members = [member for member, _ in ranked(values.setdefault(key, {}) | {rest[0]: 0.0})]
            values[key][rest[0]] = 0.0
            for member in members[: max(0, len(members) - int(rest[1]))]:
                _remove(values, key, member)
        elif name == "forget":
            _forget(values, key, float(rest[0]), rest[1])
        elif name in {"hdel", "srem", "zrem"} or (
            name == "zremwhen" and not values.get(rest[1]) and len(values.get(rest[2], ())) >= partitions
        ):
            _remove(values, key, rest[0])


def _set(fields: dict[str, Any], name: str, rest: list[Any]) -> None:
    if name == "zadd":
        fields[rest[1]] = float(rest[0])
    elif name == "hset":
        fields[rest[0]] = _bytes(rest[1])
    else:
        field, without, entries = rest
        held, put = _map.decode(fields.get(field, b"\x80")), _map.decode(_bytes(entries))
        gone = {*without.split("\0"), *put}
        fields[field] = _encode({one: value for one, value in held.items() if one not in gone} | put)


def _forget(values: dict[str, Any], scores: str, until: float, listed: str) -> None:
    for member in [member for member, score in values.get(scores, {}).items() if score <= until]:
        _remove(values, scores, member)
        _remove(values, listed, member)


def _remove(values: dict[str, Any], key: str, field: str) -> None:
    held = values.get(key)
    if held is not None:
        held.pop(field, None)
        if not held:
            del values[key]


def text_of(argument: str | bytes) -> Any:
    """Arguments as the scripts compare them; bytes that are no text stay bytes."""
    if isinstance(argument, bytes):
        try:
            return argument.decode()
        except UnicodeDecodeError:
            return argument
    return argument


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
