"""What a playtests partition knows of key batches: immutable and packed positionally, like `state`."""

from __future__ import annotations

import msgspec
from immutables import Map

from schemas.playtests import batch_views as views


class Key(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One key of a batch; its id follows from its number."""

    state: views.KeyState
    code: str = ""
    """Sealed, until it is redeemed or revoked."""


class Batch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A batch with its keys and invites."""

    batch: views.Batch
    sequence: int = 1
    counts: views.BatchCounts = views.BatchCounts()
    keys: Map[int, Key] = Map()
    """By number, from 1 without gaps."""
    numbers: Map[str, int] = Map()
    """By key id."""
    next_number: int = 1
    """No key below it is available."""
    invites: Map[str, views.Invite] = Map()
    emails: Map[str, str] = Map()
    """Who was invited, or has redeemed, by the e-mail's fingerprint: the key's id."""


class Game(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A game's handles and devices."""

    sequence: int = 0
    handles: Map[str, str] = Map()
    """Every handle that a key was redeemed with, without case: the key's id."""
    links: Map[str, views.Link] = Map()
    """By handle, without case."""
    devices: Map[str, str] = Map()
    """The handle, without case, that a device is linked to."""
