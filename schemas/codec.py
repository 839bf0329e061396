"""Versioned messages: wire name and bytes in, the newest struct out.

NOTE: a wire name (`studio.key-created.v1`) is stored for ever. A field may be added with a default under the
same name; anything else is a new version, and the old one stays here with an upcaster to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all commands and events: a struct that knows its wire name."""

    WIRE: ClassVar[str]


class UnknownWireName(ValueError):
    """No version of this message is known to this build."""


MessageT = TypeVar("MessageT", bound=Message)


class Upcaster(msgspec.Struct, frozen=True):
    """How an old version becomes the next: its frozen struct, and a pure function."""

    old: type[Message]
    upcast: Callable[[Any], Message]


class Codec(Generic[MessageT]):
    """Reads and writes the messages of one noun. Encoding is deterministic: equal messages, equal bytes."""

    def __init__(self, current: Iterable[type[MessageT]], upcasters: Iterable[Upcaster] = ()) -> None:
        self._decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}
        self._upcasters: dict[str, Callable[[Any], Message]] = {}
        self._encoder = msgspec.msgpack.Encoder(order="deterministic")
        for struct in current:
            self._register(struct)
        self._current = frozenset(self._decoders)
        for upcaster in upcasters:
            self._register(upcaster.old)
            self._upcasters[upcaster.old.WIRE] = upcaster.upcast

    def _register(self, struct: type[Message]) -> None:
        if struct.WIRE in self._decoders:
            raise ValueError(f"two structs claim the wire name {struct.WIRE}")
        self._decoders[struct.WIRE] = msgspec.msgpack.Decoder(struct)

    @property
    def wire_names(self) -> frozenset[str]:
        """Every wire name that can be read, old versions included."""
        return frozenset(self._decoders)

    @property
    def current_wire_names(self) -> frozenset[str]:
        """The wire names that are still written."""
        return self._current

    def encode(self, message: MessageT) -> bytes:
        """MessagePack of the message (a map, keys in declaration order). Its name is `message.WIRE`."""
        return self._encoder.encode(message)

    def decode(self, wire_name: str, data: bytes) -> MessageT:
        """The message in its newest version. Raises `UnknownWireName` or `msgspec.DecodeError`."""
        decoder = self._decoders.get(wire_name)
        if decoder is None:
            raise UnknownWireName(f"{wire_name} is unknown to this build")
        message: Any = decoder.decode(data)
        while message.WIRE not in self._current:
            message = self._upcasters[message.WIRE](message)
        newest: MessageT = message
        return newest
