"""Names of this noun that follow from other names: aggregates, orders, slots, applications. All pure.

An order's id is drawn from its command's; the ids of its slots and applications are made of the order's, so
that one of them gives the order without a look-up. To a client all are opaque UUIDs.
NOTE: stored: never change a function here for data that exists.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["slot", "application"]

ACCOUNT: Final = "account/"
ORDER: Final = "order/"
PLAYTESTER: Final = "playtester/"
GAME: Final = "game/"
BATCH: Final = "batch/"

KEY_ID_PREFIX: Final = "ptk_"
INVITE_ID_PREFIX: Final = "tvi_"
HANDLE_ID_PREFIX: Final = "pth_"

_NAMES: Final = uuid.UUID("0f4a54d8-6a0e-5d0a-8a52-3b7b7a3b1c03")
_HEAD_BYTES: Final = 10
SHARED_CHARACTERS: Final = 23
"""The first of an order's id, which those of its slots and applications share: as text, `_HEAD_BYTES`."""
_KINDS: Final[dict[str, int]] = {"order": 0, "slot": 1, "application": 2}
_NUMBER_BITS: Final = 40


def partition_key(studio_id: str) -> str:
    """What the partition of every command follows from (`schemas.identifiers.partition_of`): the studio."""
    return studio_id


def account_aggregate(studio_id: str) -> str:
    """A studio's credit and payments."""
    return f"{ACCOUNT}{studio_id}"


def order_aggregate(studio_id: str, order_id: str) -> str:
    """An order with its slots and applications."""
    return f"{ORDER}{studio_id}/{order_id}"


def playtester_aggregate(studio_id: str, playtester_id: str) -> str:
    """One of a studio's panel: profile, earnings, payouts."""
    return f"{PLAYTESTER}{studio_id}/{playtester_id}"


def game_aggregate(studio_id: str, game_id: str) -> str:
    """A game's linked handles."""
    return f"{GAME}{studio_id}/{game_id}"


def batch_aggregate(studio_id: str, game_id: str, batch_id: str) -> str:
    """A batch of keys with its invites. Batch ids are unique in a game."""
    return f"{BATCH}{studio_id}/{game_id}/{batch_id}"


def order_id(command_id: str) -> str:
    """The order that an OrderPlaytest makes: the gateway seals its secrets for it beforehand."""
    head = bytearray(_digest("order", command_id)[:_HEAD_BYTES])
    head[6] = 0x80 | head[6] & 0x0F  # UUID version 8, RFC 9562's variant
    head[8] = 0x80 | head[8] & 0x3F
    return _made(bytes(head), "order", 0)


def slot_id(order: str, number: int) -> str:
    """The `number`th slot (from 1) of an order."""
    return _made(_head(order), "slot", number)


def application_id(order: str, number: int) -> str:
    """The `number`th application (from 1) to an order."""
    return _made(_head(order), "application", number)


def place_of(kind: Kind, identifier: str) -> tuple[str, int] | None:
    """The order of a slot or an application, and its number; None for an id that can't be one."""
    try:
        data = bytes.fromhex(identifier.replace("-", ""))
    except ValueError:
        return None
    head = data[:_HEAD_BYTES]
    number = (int.from_bytes(data[_HEAD_BYTES:], "big") ^ _mask(head)) - (_KINDS[kind] << _NUMBER_BITS)
    if not 0 < number < 1 << _NUMBER_BITS or _made(head, kind, number) != identifier:
        return None
    return _made(head, "order", 0), number


def submission_id(slot: str) -> str:
    """A slot has one submission: UUID text."""
    return _named("submission", slot)


def transcription_id(slot: str) -> str:
    """And one transcription, of whatever version."""
    return _named("transcription", slot)


def payment_id(command_id: str) -> str:
    """The payment that an OpenPayment makes."""
    return _named("payment", command_id)


def batch_key_id(batch: str, number: int) -> str:
    """The `number`th key (from 1) of a batch, given by its aggregate id: `ptk_…`."""
    return KEY_ID_PREFIX + _short("key", batch, str(number))


def invite_id(command_id: str, position: int) -> str:
    """The invite at a position (from 0) of a SendInvites: `tvi_…`."""
    return INVITE_ID_PREFIX + _short("invite", command_id, str(position))


def handle_id(game: str, handle: str) -> str:
    """A handle of a game, given by its aggregate id: `pth_…`. Handles are compared without case."""
    return HANDLE_ID_PREFIX + _short("handle", game, handle.lower())


def payout_id(command_id: str) -> str:
    """The payout that a SendPayout makes."""
    return _named("payout", command_id)


def notice_id(command_id: str, about: str) -> str:
    """What a command tells the playtester of a slot or an application."""
    return _named("notice", command_id, about)


def pseudonym(fingerprint: str) -> str:
    """What stands for a forgotten person's id: a UUID, as a playtester's id is.

    The fingerprint, 32 hex digits, is under the deployment secret.
    """
    data = bytearray.fromhex(fingerprint)
    data[6] = 0x80 | data[6] & 0x0F
    data[8] = 0x80 | data[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(data)))


def ledger_row_id(aggregate_id: str, number: int) -> str:
    """The `number`th row (from 1) of a studio's or a playtester's ledger: later rows have greater ids.

    So that rows of one millisecond are listed in their order too.
    """
    tail = bytearray(_digest("ledger", aggregate_id, str(number))[:_HEAD_BYTES])
    tail[0] = 0x80 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return str(uuid.UUID(bytes=number.to_bytes(6, "big") + bytes(tail)))


def _named(*names: str) -> str:
    return str(uuid.uuid5(_NAMES, "".join(f"{len(name)}:{name}" for name in names)))


def _short(*names: str) -> str:
    return base64.b32encode(_digest(*names)[:_HEAD_BYTES]).decode().lower()


def _digest(*names: str) -> bytes:
    return hashlib.sha256("".join(f"{len(name)}:{name}" for name in names).encode()).digest()


def _head(order: str) -> bytes:
    return bytes.fromhex(order.replace("-", ""))[:_HEAD_BYTES]


def _made(head: bytes, kind: str, number: int) -> str:
    tail = (_KINDS[kind] << _NUMBER_BITS | number) ^ _mask(head)
    digits = f"{head.hex()}{tail:012x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@lru_cache(4096)
def _mask(head: bytes) -> int:
    """So that ids of one order don't look like counting."""
    return int.from_bytes(hashlib.sha256(b"playtests" + head).digest()[:6], "big")
