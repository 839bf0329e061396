"""The small parent of each server: a shell that outlives the agent, holds a lock and notes the end.

It costs some hundred kilobytes. Its standard input is the open, locked file: the lock lasts as long as it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final

from streams.fleet.host.attempts import Attempt
from streams.fleet.host.driver import CannotStart

SHELL: Final = "/bin/dash"
NOTE_ITSELF: Final = """
cd "$1" || exit 1
shift
IFS= read -r self </proc/$$/stat
printf '%s' "$self" 1<>parent || exit 1
"""
"""Begins every parent's script. One write each: a file is empty or whole, and keeps the room that it has.

A server whose parent can't be noted does not begin.
"""
NOTE_EXIT: Final = """
printf '%s' "$?" 1<>exit
"""


def spawn(attempt: Attempt, script: str, arguments: Sequence[str], *, before: Sequence[str] = ()) -> bool:
    """Starts the parent in a session of its own; False where the attempt was started before.

    The script's $1 is the attempt's folder, and the others follow. `before` is a program that runs the shell.
    """
    command = [*before, SHELL, "-c", script, "parent", str(attempt.folder), *arguments]
    try:
        lock = attempt.lock()
        if lock is None:
            return False
        try:
            if attempt.parent() is not None:
                return False
            _spawn(command, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, lock)
        finally:
            os.close(lock)
    except OSError as error:
        raise CannotStart(f"{command[0]} can't be started: {error}") from error
    return True


def reap(attempt: Attempt) -> None:
    """Collects the parent once it has ended, if it is a child of this process."""
    parent = attempt.parent()
    if parent is not None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(parent.pid, os.WNOHANG)


def _spawn(command: Sequence[str], environment: Mapping[str, str], stdin: int) -> None:
    path = command[0] if "/" in command[0] else f"/usr/bin/{command[0]}"
    os.posix_spawn(
        path,
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
    )
