"""What the agent asks of a way to run servers, whichever it is. Source: contract/fleet.md, "Host agent"."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from schemas.fleet.views import ExitReason
from streams.fleet.host.attempts import Attempt
from streams.fleet.host.launch import Port

Isolation = Literal["container", "process"]
IN_USE: Final = "in-use"
"""A file in the root folder: something of the machine is set up for this host."""
KILLED: Final = 128 + signal.SIGKILL
"""The code of an attempt whose end was not noted."""


class CannotStart(Exception):
    """The attempt can't be started on this host. The message says why."""


class Exit(msgspec.Struct, frozen=True):
    """How an attempt ended: its code, or 128 and the signal, and whether memory was the reason."""

    code: int
    out_of_memory: bool = False
    reason: ExitReason | None = None
    """Where the driver alone knows why."""


class Stats(msgspec.Struct, frozen=True):
    """What an attempt has used since its start, and uses now."""

    cpu_ns: int
    memory_bytes: int
    received_bytes: int
    sent_bytes: int
    tcp_connections: int


class Driver(Protocol):
    """A way to run servers. Every method may block, and may be called from several threads at once.

    An attempt goes through `prepare`, `start`, … `ended`, `clean`. All but `start` may be called again at any
    time, also by an agent that finds the attempt after the one before it died.
    """

    @property
    def name(self) -> str:
        """As deployments choose it: `oci`, `process`, `agones`."""
        ...

    @property
    def isolation(self) -> Isolation:
        """What confines its servers."""
        ...

    @property
    def guarded(self) -> bool:
        """Whether a guard on this machine can end its servers where the agent stays away."""
        ...

    @property
    def starting_s(self) -> float:
        """How often an attempt that starts is to be looked at, in seconds."""
        ...

    def open(self) -> None:
        """Sets up what all attempts share, after `close` too. What runs already stays as it is.

        Raises NoPlace where another host has taken the place since `close`.
        """

    def vacate(self) -> None:
        """Removes what `open` set up. Attempts that run can't be reached any more. Twice is as once."""

    def close(self) -> None:
        """Gives up the host's place on the machine too, once no attempt is left. Twice is as once."""

    def leave(self) -> None:
        """The agent ends and its servers go on: nothing of the driver's own runs. Twice is as once."""

    def prepare(self, attempt: Attempt, build: Path | None) -> None:
        """All that the start needs; `build` is the unpacked build. Raises CannotStart."""

    def start(self, attempt: Attempt) -> bool:
        """Starts it under its parent and returns at once; False where it was started before.

        The parent appends what it prints to `attempt.output(…)`. Raises CannotStart.
        """

    def began(self, attempt: Attempt) -> bool:
        """Whether it was ever started."""

    def started(self, attempt: Attempt) -> bool:
        """Whether its server's first process runs, and `address` is known."""

    def address(self, attempt: Attempt) -> str | None:
        """Where players reach it, if that is not the host's address."""

    def said_ready(self, attempt: Attempt) -> bool:
        """Whether the server has said so where the driver alone hears it."""

    def watch(self, attempt: Attempt) -> int | None:
        """A descriptor that can be read once it may have ended; None where there is none.

        The caller closes it. Raises ProcessLookupError where it has ended.
        """

    def show(self, attempt: Attempt, document: bytes) -> None:
        """Its server.json is this from now on, whole. Waits for nothing beyond this machine."""

    def adopt(self, attempt: Attempt) -> bool:
        """Whether it runs or is being started. Notes its server's process as soon as there is one."""

    def certify(self, certificate: bytes) -> None:
        """What relays end TLS with from now on: a key and its chain, as PEM."""

    def relay(self, attempt: Attempt) -> bool:
        """Starts the relay that ends TLS before the server; False where it is there, or the server is not.

        It ends with the server, and with `kill`. Raises CannotStart.
        """

    def relayed(self, attempt: Attempt) -> bool:
        """Whether the relay listens at its ports."""

    def signal(self, attempt: Attempt, number: signal.Signals) -> bool:
        """Sends the signal to the server's first process; False where there is none."""

    def kill(self, attempt: Attempt) -> None:
        """Ends everything of the attempt and returns when nothing of it runs any more, its relay included."""

    def ended(self, attempt: Attempt) -> Exit | None:
        """How it ended; None while it runs or where it never began."""

    def stats(self, attempt: Attempt) -> Stats | None:
        """None where it does not run."""

    def bound(self, attempt: Attempt) -> set[tuple[str, int]]:
        """The (protocol, port) pairs that are bound in the server's network."""

    def ports(self, attempt: Attempt) -> tuple[Port, ...]:
        """The ports as the server is to bind them."""

    def namespace(self, attempt: Attempt) -> Path | None:
        """The server's own network namespace; None where it shares the host's."""

    def clean(self, attempt: Attempt) -> None:
        """Removes everything of an ended attempt but its folder."""
