"""What Redis holds of one person, found by what each noun declares of its keys."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from projections.redis.client import AWAY
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from projections.redis.stores import Store
    from schemas.persons import Person, PersonalKey

SCANNED_AT_ONCE: Final = 1_000
_GLOB: Final = re.compile(r"([*?\[\]\\^])")
_PACKED: Final = frozenset((*range(0x80, 0xA0), *range(0xDC, 0xE0)))
"""How MessagePack of a map or a list begins; no text in UTF-8 does."""


_TOKENS: Final = re.compile(r"\\(.)|(\*)|[^\\*]", re.DOTALL)


def _meaning(token: re.Match[str]) -> str:
    """A part of a pattern as a regular expression."""
    return "[^/]*" if token[2] else re.escape(token[1] or token[0])


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that Redis holds of a person."""

    key: str
    """Relative to the noun's generation."""
    field: str | None
    """Of a hash, or the member of a sorted set; None for the key as a whole."""
    value: Any


class Pattern(NamedTuple):
    """Keys as a Redis glob, and what is the person's in them."""

    keys: str
    field: str
    handles: tuple[str, ...]
    """Names of the person in the game that the keys name."""


def patterns(key: PersonalKey, person: Person) -> list[Pattern]:
    """What a declaration means of a person. Pure.

    A pattern without a `*` of its own is a key's name, with what means something in a glob after a backslash.
    """
    choices = {
        "{game}": person.games,
        "{studio}": (person.studio_id,),
        "{player}": person.names("player"),
        "{playtester}": person.names("playtester"),
    }
    used = [name for name in choices if name in key.key or name in key.field]
    found = []
    for values in product(*(choices[name] for name in used)):
        pattern, field = key.key, key.field
        for name, value in zip(used, values, strict=True):
            pattern = pattern.replace(name, _GLOB.sub(r"\\\1", value))
            field = field.replace(name, value)
        game_id = dict(zip(used, values, strict=True)).get("{game}")
        handles = [one.name for one in person.handles if one.game_id == game_id]
        found.append(Pattern(pattern, field, (*person.names("handle"), *handles)))
    return found


class PersonKeys:
    """Reads of the live generation of a noun, or of a group of its games.

    Raises StoreUnavailable while Redis is away or has none.
    """

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._name = store.name

    async def held(self, key: PersonalKey, person: Person) -> AsyncIterator[HeldKey]:
        """What a declaration means, one thing after the other."""
        try:
            generation: Any = await self._redis.get(f"generation:{self._name}")
            if generation is None:
                raise StoreUnavailable(f"the {self._name} projection is not ready")
            prefix = f"{self._name}:{generation.decode()}:"
            for pattern in patterns(key, person):
                async for name in self._names(prefix, pattern.keys):
                    async for found in self._in_key(key, prefix, name, pattern):
                        if key.game_in and not await self._is_of(key, prefix, name, person):
                            break
                        yield found
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {error}") from error

    async def _names(self, prefix: str, pattern: str) -> AsyncIterator[str]:
        """The relative names of the keys that are there."""
        if re.search(r"(?<!\\)\*", pattern) is None:
            name = re.sub(r"\\(.)", r"\1", pattern)
            if await self._redis.exists(prefix + name):
                yield name
            return
        # A glob's `*` takes slashes too: `ann/*` would mean what is of the player `ann/b`.
        meant = re.compile(_TOKENS.sub(_meaning, pattern))
        seen = set()
        async for key in self._redis.scan_iter(match=prefix + pattern, count=SCANNED_AT_ONCE):
            name = key.decode(errors="surrogateescape").removeprefix(prefix)
            if name not in seen and meant.fullmatch(name):
                seen.add(name)
                yield name

    async def _is_of(self, key: PersonalKey, prefix: str, name: str, person: Person) -> bool:
        """Whether a key that names no game is of one of the person's."""
        star = name.removeprefix(key.key.removesuffix("*"))
        row: Any = await self._redis.hget(prefix + key.game_in.replace("*", star), "row")
        told = None if row is None else read(row)
        return isinstance(told, dict) and told.get("game_id") in person.games

    async def _in_key(
        self, key: PersonalKey, prefix: str, name: str, pattern: Pattern
    ) -> AsyncIterator[HeldKey]:
        field = pattern.field
        if key.value:
            async for one in self._redis.hscan_iter(prefix + name, count=SCANNED_AT_ONCE):
                told = read(one[1])
                if any(handle in pattern.handles for handle in _named(told, key.value)):
                    yield HeldKey(key=name, field=one[0].decode(), value=told)
        elif not field:
            yield HeldKey(key=name, field=None, value=await self._whole(prefix + name))
        elif "*" in key.field:  # an id may hold one too, and comes after the declaration's own
            before, after = field.split("*", 1)
            async for one in self._redis.hscan_iter(prefix + name, count=SCANNED_AT_ONCE):
                text = one[0].decode(errors="surrogateescape")
                # What the `*` stands for holds no slash, and an id may: the rest is compared whole.
                middle = text.removeprefix(before).partition("/")
                if text.startswith(before) and "".join(middle[1:]) == after:
                    yield HeldKey(key=name, field=text, value=read(one[1]))
        else:
            value = await self._one(prefix + name, field)
            if value is not None:
                yield HeldKey(key=name, field=field, value=value)

    async def _one(self, name: str, field: str) -> Any:
        if await self._redis.type(name) == b"zset":
            return await self._redis.zscore(name, field)
        value: Any = await self._redis.hget(name, field)
        return None if value is None else read(value)

    async def _whole(self, name: str) -> Any:
        """A key's content as JSON can say it."""
        match await self._redis.type(name):
            case b"hash":
                return {
                    field.decode(errors="replace"): read(value)
                    async for field, value in self._redis.hscan_iter(name, count=SCANNED_AT_ONCE)
                }
            case b"set":
                members = self._redis.sscan_iter(name, count=SCANNED_AT_ONCE)
                return sorted([member.decode(errors="replace") async for member in members])
            case b"zset":
                pairs = self._redis.zscan_iter(name, count=SCANNED_AT_ONCE)
                return {member.decode(errors="replace"): score async for member, score in pairs}
            case _:
                value: Any = await self._redis.get(name)
                return None if value is None else read(value)


def read(value: bytes) -> Any:
    """A stored value: what MessagePack holds, else its text."""
    if value and value[0] in _PACKED:
        return msgspec.msgpack.decode(value)
    return value.decode(errors="replace")


def _named(value: Any, name: str) -> Iterator[Any]:
    """What a name holds in a value, at any depth."""
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _named(one, name)
