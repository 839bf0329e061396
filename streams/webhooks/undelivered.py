"""Webhook deliveries that were given up, as dead letters: from the effects role, for the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter, append_dead_letter, decode_dead_letter
from schemas.topics import DEAD_LETTERS
from schemas.webhooks import Delivery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schemas.log import Appender, LogTail

READER: Final = "webhooks"
UNDELIVERED: Final = "undelivered"
REPLAYED: Final = "replayed"
_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Delivery)


class Undelivered(msgspec.Struct):
    """A delivery that was given up, why, and how often it was put back since."""

    delivery: Delivery
    error: str
    replays: int = 0


def giving_up(appender: Appender) -> Callable[[Delivery, str], Awaitable[None]]:
    """What appends a delivery to the dead letters. Raises LogUnavailable."""

    async def give_up(delivery: Delivery, why: str) -> None:
        await append_dead_letter(appender, _letter(delivery, UNDELIVERED, why, _encode(delivery)))

    return give_up


async def note_replay(appender: Appender, delivery: Delivery) -> None:
    """Say that a delivery was put back. Raises LogUnavailable."""
    await append_dead_letter(appender, _letter(delivery, REPLAYED, "", None))


async def undelivered(tail: LogTail) -> dict[str, Undelivered]:
    """All that were given up, oldest first, by `<target>/<delivery id>`. Given up again: once."""
    found: dict[str, Undelivered] = {}
    begin = await tail.begin_offset(DEAD_LETTERS.name, 0)
    async for record in tail.read(DEAD_LETTERS.name, 0, begin):
        letter = decode_dead_letter(record.value)
        if letter.reader != READER:
            continue
        if letter.reason == REPLAYED:
            if letter.topic in found:
                found[letter.topic].replays += 1
        elif letter.body is not None:
            held = found.setdefault(letter.topic, Undelivered(_decoder.decode(letter.body), letter.error))
            held.error = letter.error
    return found


def _letter(delivery: Delivery, reason: str, error: str, body: bytes | None) -> DeadLetter:
    """Named by target and id, not by a place in the log: many deliveries come of one record."""
    return DeadLetter(
        version=DEAD_LETTER_VERSION,
        topic=f"{delivery.target}/{delivery.id}",
        partition=0,
        offset=0,
        index=None,
        reader=READER,
        reason=reason,
        error=error,
        appended_at_ms=delivery.queued_at_ms,
        key=None,
        body=body,
    )
