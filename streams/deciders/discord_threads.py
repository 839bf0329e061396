"""What the studio decider remembers of Discord threads: those that may still take messages. Immutable.

Threads are kept in two generations of half an hour each: what no call touched in the later one can take no
more messages when that ends, and goes, however many there are, in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec
from immutables import Map

from schemas.studio.discord import APPENDS_WITHIN_MS, DiscordMessage, thread_key
from schemas.studio.events import DiscordEvent

_DIGEST_BYTES: Final = 8


class DiscordThread(msgspec.Struct, frozen=True, array_like=True):
    """A thread's newest session."""

    session_id: str
    called_at_ms: int = 0
    tester_handle: str = ""
    """The sole author, the device where there are several, empty where there is none."""
    digests: bytes = b""
    """8 bytes for each message, by its id."""

    @property
    def messages(self) -> int:
        """How many it has."""
        return len(self.digests) // _DIGEST_BYTES

    @property
    def known(self) -> set[bytes]:
        """The digests of its messages."""
        return {
            self.digests[start : start + _DIGEST_BYTES]
            for start in range(0, len(self.digests), _DIGEST_BYTES)
        }


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """Threads that were called in one half hour, and how many messages came in it, by studio."""

    threads: Map[str, DiscordThread] = Map()
    """By `schemas.studio.discord.thread_key`."""
    messages: Map[str, int] = Map()


class DiscordThreads(msgspec.Struct, frozen=True, kw_only=True):
    """The half hour of the last call, counted from the epoch, and the one before."""

    number: int = 0
    this: Generation = Generation()
    last: Generation = Generation()


def thread_of(threads: DiscordThreads, key: str) -> DiscordThread | None:
    """A thread's newest session; None where it surely takes no more messages."""
    return threads.this.threads.get(key) or threads.last.threads.get(key)


def remembered(threads: DiscordThreads, studio_id: str, at_ms: int) -> int:
    """How many messages of a studio are remembered at a time."""
    threads = _at(threads, at_ms)
    return threads.this.messages.get(studio_id, 0) + threads.last.messages.get(studio_id, 0)


def digest_of(message_id: str) -> bytes:
    """What is kept of a message's id."""
    return blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def author_of(thread: DiscordThread, new: Sequence[DiscordMessage], device_id: str) -> str:
    """The handle of a thread's session with these messages too."""
    names = {message.author for message in new} | {thread.tester_handle} - {""}
    return device_id if len(names) > 1 else next(iter(names), "")


def with_call(threads: DiscordThreads, event: DiscordEvent) -> DiscordThreads:
    """The threads after a call."""
    key = thread_key(event.game_id, event.channel_id, event.thread_id)
    before = thread_of(threads, key)
    threads = _at(threads, event.called_at_ms)
    kept = before.digests if before is not None and before.session_id == event.session_id else b""
    thread = DiscordThread(
        event.session_id,
        event.called_at_ms,
        event.tester_handle,
        kept + b"".join(digest_of(message.id) for message in event.messages),
    )
    counted = threads.this.messages.get(event.studio_id, 0) + len(event.messages)
    this = Generation(
        threads=threads.this.threads.set(key, thread),
        messages=threads.this.messages.set(event.studio_id, counted),
    )
    return msgspec.structs.replace(threads, this=this)


def _at(threads: DiscordThreads, at_ms: int) -> DiscordThreads:
    """The generations as of a time. Times never run back."""
    number = at_ms // APPENDS_WITHIN_MS
    if number <= threads.number:
        return threads
    last = threads.this if number == threads.number + 1 else Generation()
    return DiscordThreads(number=number, last=last)
