"""What a noun declares in this room. `deploy.nouns` joins it with the other rooms' parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.codec import Codec, Message
from schemas.edge.surfaces import Surface
from schemas.persons import Personal
from schemas.topics import Topic


class NounSchema(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A noun's topics and what they hold. A noun without a decider has no commands and no events."""

    name: str
    """As in topics, keys, settings and folders."""
    topics: tuple[Topic, ...] = ()
    commands: Codec[Any] | None = None
    events: Codec[Any] | None = None
    stored: frozenset[str] = frozenset()
    """Names of stored shapes beside commands and events."""
    surfaces: tuple[Surface, ...] = ()
    """The APIs that speak of it, whether or not they have routes yet."""
    webhook_events: tuple[str, ...] = ()
    """What a game's webhooks may ask to be told of it."""
    personal: Personal = Personal()
    """Where it holds something of a person."""
    acts: Mapping[type[Message], str] = {}
    """Events of what operators and studios administer, for `questlog audit`: each with the path of the field
    that names what it was done to. No other field of them is shown."""
    acts_of_keys: Mapping[type[Message], str] = {}
    """The same of events that are such an act only where an operator or a key asked, and else a timer's."""

    @property
    def golden_names(self) -> frozenset[str]:
        """Every stored name: each has examples in `schemas/golden/<name>`."""
        codecs = [codec for codec in (self.commands, self.events) if codec is not None]
        return self.stored.union(*(codec.wire_names for codec in codecs))
