"""The relay of an attempt as its driver sees it. An earlier agent may have started it.

It holds the lock `relay-lock` of the attempt's folder as long as it lives, so that there is one at most, and
carries the attempt's id in its environment, by which it is found. Source: contract/fleet.md, "Isolation".
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from streams.fleet.host import relay
from streams.fleet.host.attempts import Attempt, replace
from streams.fleet.host.driver import CannotStart
from streams.fleet.host.parent import SHELL
from streams.fleet.host.processes import Identity, with_variable
from streams.fleet.host.relay_groups import RelayGroups

_LOCK: Final = "relay-lock"
_VARIABLE: Final = "QUESTLOG_RELAY"
_FOLDER: Final = "tls"
_LOG: Final = "relay.log"
_ABOVE_PACKAGES: Final = Path(__file__).parents[3]
_TERM_S: Final = relay.FLUSH_S + 0.5
_KILL_S: Final = 10.0
_LOOK_S: Final = 0.02
_ENTER: Final = """
for group in $1; do echo $$ >"$group" || exit 1; done
shift
exec "$@"
"""
_children: Final[dict[str, int]] = {}
"""By attempt: the relay that this process began and has not collected."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A port that players reach the relay at, and where that reaches the server."""

    external: int
    host: str
    port: int
    source: str | None = None
    """The address to connect from; None: any."""
    proxy: bool = False
    """Each connection to the server begins with who the player is."""


def certify(root: Path, certificate: bytes, group: int | None) -> None:
    """What relays of this host end TLS with from now on: a key and its chain, as PEM.

    It is kept for `group` beside its owner: relays look for it anew.
    """
    folder = root / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    unfinished = folder / ".unfinished"
    replace(unfinished, certificate)
    if group is not None:
        for path, mode in ((folder, 0o710), (unfinished, 0o640)):
            os.chown(path, -1, group)
            path.chmod(mode)
    unfinished.rename(folder / relay.CERTIFICATE)


def begin(
    attempt: Attempt,
    server: Identity,
    doors: Sequence[Door],
    *,
    user: tuple[int, int] | None,
    groups: RelayGroups,
) -> bool:
    """Starts it; False where one is there. Raises CannotStart."""
    _collect(attempt)
    lock = attempt.lock(_LOCK)
    if lock is None:
        return False
    try:
        (attempt.folder / relay.LISTENS).unlink(missing_ok=True)
        asked = {
            "folder": str(attempt.folder),
            "certificates": str(attempt.folder.parents[1] / _FOLDER),
            "server": (server.pid, server.start_ticks),
            "doors": msgspec.to_builtins(doors),
            "user": user,
        }
        entrances = groups.make(attempt)
        command = [SHELL, "-c", _ENTER, "enter", " ".join(entrances)]
        command += [sys.executable, "-P", "-S", "-m", relay.__name__, msgspec.json.encode(asked).decode()]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(_ABOVE_PACKAGES),
            _VARIABLE: attempt.id,
        }
        log = str(attempt.folder / _LOG)
        _children[attempt.id] = os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, lock, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        )
    except OSError as error:
        raise CannotStart(f"the relay of {attempt.id} can't be started: {error}") from error
    finally:
        os.close(lock)
    return True


def listens(attempt: Attempt) -> bool:
    """Whether it is there and has its ports."""
    return (attempt.folder / relay.LISTENS).exists() and attempt.locked(_LOCK)


def complaint(attempt: Attempt) -> str:
    """What the last one said when it ended, if it said something."""
    try:
        return (attempt.folder / _LOG).read_text(errors="replace").strip()[-500:]
    except OSError:
        return ""


def end(attempt: Attempt) -> None:
    """Returns when none is there. Raises CannotStart where the kernel holds it for 10 s."""
    begun = time.monotonic()
    while attempt.locked(_LOCK):
        waited = time.monotonic() - begun
        if waited > _KILL_S:
            raise CannotStart(f"the relay of {attempt.id} can't be killed: the kernel holds it")
        number = signal.SIGTERM if waited < _TERM_S else signal.SIGKILL
        for pid in with_variable(f"{_VARIABLE}={attempt.id}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(_LOOK_S)
    _collect(attempt)


def _collect(attempt: Attempt) -> None:
    """It is no zombie of this process's any more, if it has ended."""
    pid = _children.get(attempt.id)
    if pid is None:
        return
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        ended = pid
    if ended:
        _children.pop(attempt.id, None)
