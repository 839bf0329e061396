"""What the model of key batches keeps: keys, batches and the handles of a game."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True)
class Key:
    """A key of a batch."""

    id: str
    code: str
    status: str = "available"
    invite: str = ""
    handle: str = ""
    claim_hash: str = ""


@dataclasses.dataclass(slots=True)
class Batch:
    """A batch with its keys by their numbers."""

    fixed: tuple[str, str, str]
    status: str = "open"
    expires_ms: int | None = None
    share_hash: str = ""
    keys: dict[int, Key] = dataclasses.field(default_factory=dict)
    invites: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """By id: the key's id and the token's hash."""
    mailboxes: dict[str, str] = dataclasses.field(default_factory=dict)
    """Who was invited or has redeemed, by e-mail: the key's id."""

    def key(self, key_id: str) -> Key:
        """One of its keys. Raises KeyError."""
        for one in self.keys.values():
            if one.id == key_id:
                return one
        raise KeyError(key_id)

    def number(self, key: Key) -> int:
        """Where one of its keys stands."""
        return next(number for number, one in self.keys.items() if one is key)

    def next_available(self) -> Key | None:
        """The lowest key that can be given out."""
        available = (number for number in sorted(self.keys) if self.keys[number].status == "available")
        return next((self.keys[number] for number in available), None)

    def is_open(self, at_ms: int) -> bool:
        """Whether keys may be given out."""
        return self.status == "open" and (self.expires_ms is None or at_ms < self.expires_ms)


@dataclasses.dataclass(slots=True)
class Game:
    """A game's handles, without case."""

    handles: dict[str, str] = dataclasses.field(default_factory=dict)
    """The key's id of each."""
    links: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Of each that is linked: its device and its key's id."""
