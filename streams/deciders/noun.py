"""What the decider's shell needs to know of a noun.

A noun is two pure, total functions and their codecs. State is immutable: forking it is free, and nothing that
fails half-way can leave a trace in it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar

from schemas.codec import Codec, Message
from schemas.envelope import CommandRejected

StateT = TypeVar("StateT")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A command as `decide` sees it: its envelope, its body, and the time that holds for it."""

    command_id: str
    aggregate_id: str
    studio_id: str
    game_id: str
    command: Message
    at_ms: int
    """Effective time: what the gateway said, never after the log's own time, never before the state's."""
    seed: bytes
    definition: bytes | None = None
    """The definition this command was resolved with. A noun that must hold on to the first one it met (as an
    event's window does) pins it by an event, so that a replay does the same."""
    reference: str = ""
    """What names that definition: `version:hash`."""


Verdict = tuple[Message, ...] | CommandRejected
"""Events, none of them when nothing is to change, or a refusal."""


def decided_by(
    table: Mapping[type[Message], Callable[[StateT, Request, Any], Verdict]],
) -> Callable[[StateT, Request], Verdict]:
    """A noun's `decide`: each command by its own function."""

    def decide(state: StateT, request: Request) -> Verdict:
        return table[type(request.command)](state, request, request.command)

    return decide


class Timed(Protocol):
    """A state that notes the latest time of all its events."""

    @property
    def time_ms(self) -> int:
        """Unix milliseconds; 0 before the first."""
        ...


def time_of_state(state: Timed, _aggregate_id: str) -> int:
    """A noun's `time_of` where time is the partition's: no aggregate is behind another."""
    return state.time_ms


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noun(Generic[StateT]):
    """A noun's decider. All functions are pure and total."""

    name: str
    commands: Codec[Message]
    events: Codec[Message]
    initial: StateT
    decide: Callable[[StateT, Request], Verdict]
    evolve: Callable[[StateT, Message, int], StateT]
    """State after an event that happened at a time (ms). Knows every event in its newest version."""
    aggregate_of: Callable[[Message], str]
    sequence: Callable[[StateT, str], int]
    """How many events an aggregate has had."""
    time_of: Callable[[StateT, str], int]
    """The latest time an aggregate has seen (ms); 0 for none."""
    pack: Callable[[StateT], Iterator[bytes]]
    """The state in pieces, each of which is quickly made."""
    unpack: Callable[[Iterable[bytes | memoryview]], StateT]
    code: tuple[ModuleType, ...]
    """The modules whose text decides what a fold gives; a snapshot of another text is not used."""

    def code_hash(self) -> str:
        """16 hexadecimal digits over the text of `code`."""
        digest = hashlib.sha256()
        for module in self.code:
            digest.update(inspect.getsource(module).encode())
        return digest.hexdigest()[:16]
