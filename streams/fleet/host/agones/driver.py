"""Servers as GameServers of a Kubernetes cluster with Agones: the driver `agones`.

Its host is the whole cluster, or the part of it that its settings describe: placement chooses the ports, the
cluster's scheduler the node, whose address is known once the server has started. The cluster is followed by
an event loop in a thread of its own; what the agent asks is answered from what was seen last.

What the Kubernetes API does not give is not here: no samples, no readiness by bound ports, both streams as
one, nothing of Agones' `/health` and of `/custom_data`, and no guard that ends servers while no agent runs.
Source: contract/fleet.md, "Host agent".
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from streams.fleet.host.agones.cluster import Cluster, ClusterUnavailable, Refused
from streams.fleet.host.agones.cluster_attempts import ClusterAttempts
from streams.fleet.host.agones.known import ASKED, Known, noted_end
from streams.fleet.host.agones.manifest import Content
from streams.fleet.host.agones.servers import GameServers
from streams.fleet.host.attempts import Attempt, Attempts
from streams.fleet.host.driver import KILLED, CannotStart, Exit, Isolation, Stats
from streams.fleet.host.launch import Launch, Port

Result = TypeVar("Result")


class AgonesDriver:
    """Runs each attempt as a GameServer of its name. Found again by labels, wherever the agent runs."""

    name: Final = "agones"
    isolation: Isolation = "container"
    guarded: Final = False
    starting_s: Final = 0.25

    def __init__(
        self,
        root: Path,
        *,
        cluster: Cluster,
        host_id: str,
        content: Callable[[Launch], Awaitable[Content]],
    ) -> None:
        """`content` says what of a launch the nodes are to fetch, and may raise CannotStart."""
        self._root = root
        self._cluster = cluster
        self._followed = ClusterAttempts(
            GameServers(cluster, host_id=host_id), Attempts(root), content=content, driver=self.name
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Begins to follow the cluster. Raises ClusterUnavailable, Refused."""
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agones", daemon=True)
        self._thread.start()
        try:
            self._wait(self._followed.open())
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """See Driver."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._wait(self._followed.close())
        self._wait(self._cluster.close())
        self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def vacate(self) -> None:
        """Nothing is set up that attempts share."""

    def close(self) -> None:
        """See Driver."""
        self.leave()

    def prepare(self, attempt: Attempt, build: Path | None) -> None:
        """The nodes fetch the build by themselves."""

    def start(self, attempt: Attempt) -> bool:
        """See Driver. One whose creation had no answer may run: it is never asked for again."""
        if self.began(attempt):
            return False
        try:
            attempt.mark(ASKED)
        except OSError as error:  # asked without a note it could be asked for twice
            raise CannotStart(f"it can't be noted: {error}") from error
        try:
            self._wait(self._followed.create(attempt))
        except (CannotStart, Refused) as refused:
            attempt.unmark(ASKED)
            raise CannotStart(str(refused)) from refused
        except ClusterUnavailable as error:
            raise CannotStart(str(error)) from error
        return True

    def began(self, attempt: Attempt) -> bool:
        """See Driver."""
        return attempt.marked(ASKED)

    def started(self, attempt: Attempt) -> bool:
        """See Driver."""
        known = self._known(attempt)
        return known is not None and not known.gone and known.seen.stage in {"started", "ready"}

    def address(self, attempt: Attempt) -> str | None:
        """Its node's."""
        known = self._known(attempt)
        return known.seen.address if known is not None else None

    def said_ready(self, attempt: Attempt) -> bool:
        """What Agones' SDK was told."""
        known = self._known(attempt)
        return known is not None and known.seen.stage == "ready"

    def watch(self, attempt: Attempt) -> int | None:
        """There is none."""
        del attempt
        return None

    def show(self, attempt: Attempt, document: bytes) -> None:
        """See Driver. The kubelet brings it to the server within a minute or so."""
        self._running_loop().call_soon_threadsafe(self._followed.show, attempt.id, document.decode())

    def adopt(self, attempt: Attempt) -> bool:
        """See Driver."""
        known = self._known(attempt)
        return known is not None and not known.gone and known.seen.stage != "failed"

    def certify(self, certificate: bytes) -> None:
        """Nothing here could end TLS: its hosts say so, and settings that ask for it are refused."""

    def relay(self, attempt: Attempt) -> bool:
        """There is none."""
        del attempt
        return False

    def relayed(self, attempt: Attempt) -> bool:
        """There is none."""
        del attempt
        return False

    def signal(self, attempt: Attempt, number: signal.Signals) -> bool:
        """The cluster knows SIGTERM alone, and SIGKILL by `kill`. False where it gave no answer, too."""
        if number != signal.SIGTERM:
            raise ValueError(f"{number.name} can't be sent through a cluster")
        return self._wait(self._followed.stop(attempt.id))

    def kill(self, attempt: Attempt) -> None:
        """See Driver. Raises CannotStart where the cluster holds it for two minutes."""
        self._wait(self._followed.kill(attempt.id))

    def ended(self, attempt: Attempt) -> Exit | None:
        """See Driver. What it printed is in its file by then."""
        if not self.began(attempt):
            return None
        known = self._known(attempt)
        over = known is None or known.gone
        if known is not None:
            failed = known.seen.stage == "failed"
            terminated = over or known.seen.exit_code is not None
            if not (over or failed) or (terminated and not known.drained.is_set()):
                return None
        return (known.end if known is not None else noted_end(attempt)) or Exit(KILLED)

    def stats(self, attempt: Attempt) -> Stats | None:
        """The API has none."""
        del attempt
        return None

    def bound(self, attempt: Attempt) -> set[tuple[str, int]]:
        """The API does not tell."""
        del attempt
        return set()

    def ports(self, attempt: Attempt) -> tuple[Port, ...]:
        """As configured: each pod has all ports of its own network."""
        return attempt.launch.ports

    def namespace(self, attempt: Attempt) -> Path | None:
        """It is another machine's, and Agones' SDK is in it."""
        del attempt
        return None

    def clean(self, attempt: Attempt) -> None:
        """Its Secret and pod have gone with its object."""
        loop = self._running_loop()
        loop.call_soon_threadsafe(self._followed.forget, attempt.id)

    def _known(self, attempt: Attempt) -> Known | None:
        return self._followed.known.get(attempt.id)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the driver is not open")
        return self._loop

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._running_loop()).result()
