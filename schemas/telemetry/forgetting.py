"""That a person is forgotten in telemetry: a record of its own in every partition, and a list of all such.

Where the record stands in a partition, what came before of the person is removed, and what comes after is
left out, by every reader alike. It holds no names, only fingerprints, which tell of an id at hand whether
it is meant, and only to those who know the deployment secret. An export begins in the middle of a partition
and may end before the record: it reads the list, the topic `telemetry.forgotten`.

NOTE: stored as JSON in both topics: append fields with a default, never rename.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.telemetry.noun import TELEMETRY_FORGOTTEN
from schemas.telemetry.record import EntryKind, TelemetryEntry, decode_record, encode_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.log import Appender, LogTail
    from schemas.persons import Handle

FORGOTTEN_MAX: Final = 100_000
"""Decisions on the list: each reader keeps them all."""
NAMES_MAX: Final = 1_000
"""Ids and handles of one person."""
_REMEMBERED_MAX: Final = 100_000
_PLAYER: Final = "forgotten player"
_HANDLE: Final = "forgotten handle"

Fingerprints = Callable[[str, str, str], tuple[str, ...]]
"""`schemas.seal.Sealer.fingerprints`: of a value of a kind in a studio, one for each known secret."""


class PersonForgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `person.forgotten.v1` part. What it is about is a studio's, as every person is."""

    studio_id: str
    players: tuple[str, ...]
    """Fingerprints of the player's and devices' ids."""
    handles: tuple[str, ...]
    """Fingerprints of the handles that were theirs, each with its game, as testers' handles or as authors."""
    forgotten_at_ms: int


_decoder = msgspec.json.Decoder(PersonForgotten)


def person_forgotten(
    fingerprints: Fingerprints,
    studio_id: str,
    *,
    players: Iterable[str],
    handles: Iterable[Handle],
    at_ms: int,
) -> PersonForgotten:
    """The decision about a person who goes by these names."""
    return PersonForgotten(
        studio_id=studio_id,
        players=tuple(fingerprints(studio_id, _PLAYER, one)[0] for one in players),
        handles=tuple(
            fingerprints(studio_id, _HANDLE, _in_game(one.game_id, one.name))[0] for one in handles
        ),
        forgotten_at_ms=at_ms,
    )


def encode_forgotten(decision: PersonForgotten) -> bytes:
    """The body of a part, and the value of a record of `telemetry.forgotten`."""
    return msgspec.json.encode(decision)


def decode_forgotten(body: bytes) -> PersonForgotten:
    """Read one back. Raises `msgspec.DecodeError`."""
    return _decoder.decode(body)


def forgetting_record(decision: PersonForgotten) -> bytes:
    """The record that stands in a partition; it holds nothing else."""
    return encode_record([_entry(decision.studio_id, encode_forgotten(decision), decision.forgotten_at_ms)])


def forgetting_in(value: bytes) -> PersonForgotten | None:
    """The decision that a record of telemetry is; None of every other one, and of what can't be read."""
    if not value.startswith(_HEAD):
        return None
    try:
        entries = decode_record(value).entries
        return decode_forgotten(entries[0].body) if len(entries) == 1 else None
    except (msgspec.MsgspecError, ValueError):
        return None


async def list_forgotten(appender: Appender, decision: PersonForgotten) -> None:
    """Add a decision to the list. Called twice: it is listed twice and means the same."""
    await appender.append(TELEMETRY_FORGOTTEN.name, 0, encode_forgotten(decision))


async def read_forgotten(tail: LogTail) -> list[PersonForgotten]:
    """Every decision, oldest first. Raises `LogUnavailable`."""
    begin = await tail.begin_offset(TELEMETRY_FORGOTTEN.name, 0)
    return [decode_forgotten(record.value) async for record in tail.read(TELEMETRY_FORGOTTEN.name, 0, begin)]


class Forgotten:
    """Who is forgotten. Pure, but for what it remembers of ids that it was asked about."""

    def __init__(self, fingerprints: Fingerprints, decisions: Iterable[PersonForgotten] = ()) -> None:
        self._fingerprints = fingerprints
        self._studios: dict[str, set[tuple[str, str]]] = {}
        self._known: dict[tuple[str, str, str], bool] = {}
        for decision in decisions:
            self.add(decision)

    def add(self, decision: PersonForgotten) -> None:
        """Forget one more person. Called twice: once."""
        own = self._studios.setdefault(decision.studio_id, set())
        own.update((_PLAYER, one) for one in decision.players)
        own.update((_HANDLE, one) for one in decision.handles)
        self._known.clear()

    def concerns(self, studio_id: str) -> bool:
        """Whether any person of a studio is forgotten."""
        return studio_id in self._studios

    def player(self, studio_id: str, name: str) -> bool:
        """Whether an id of a player or a device is a forgotten person's."""
        return self._is(_PLAYER, studio_id, name)

    def handle(self, studio_id: str, game_id: str, name: str) -> bool:
        """Whether a tester's handle, or an author's name, is a forgotten person's in that game."""
        return bool(name) and self._is(_HANDLE, studio_id, _in_game(game_id, name))

    def _is(self, kind: str, studio_id: str, value: str) -> bool:
        own = self._studios.get(studio_id)
        if own is None or not value:
            return False
        key = (kind, studio_id, value)
        known = self._known.get(key)
        if known is None:
            known = any((kind, one) in own for one in self._fingerprints(studio_id, kind, value))
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            self._known[key] = known
        return known


def no_fingerprints(_studio_id: str, _kind: str, _value: str) -> tuple[str, ...]:
    """Where there is no secret. Raises ValueError: who is forgotten can't be told then."""
    raise ValueError("persons are forgotten, and who they are can't be told without the deployment secret")


def none_forgotten() -> Forgotten:
    """For where no person is forgotten."""
    return Forgotten(no_fingerprints)


def _in_game(game_id: str, name: str) -> str:
    """A handle with its game, as no other two give it."""
    return f"{len(game_id)}:{game_id}:{name}"


def _entry(studio_id: str, body: bytes, at_ms: int) -> TelemetryEntry:
    return TelemetryEntry(
        kind=EntryKind.PERSON_FORGOTTEN,
        request_id="",
        studio_id=studio_id,
        game_id="",
        received_at_ms=at_ms,
        item_count=0,
        country=None,
        region=None,
        city=None,
        body=body,
    )


_HEAD: Final = encode_record([_entry("", b"", 0)]).partition(EntryKind.PERSON_FORGOTTEN.encode())[0] + (
    EntryKind.PERSON_FORGOTTEN.encode()
)
"""How the record of a decision begins, and no other."""
