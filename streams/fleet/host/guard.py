"""Ends servers whose agent stays away: a shell per host, which outlives the agent.

It waits for the agent's lock without using any time. Once it has it, no agent runs: if none has come back
within the limit it ends every server of the host by the same code as an agent would, once and for all; their
parents note the ends, which the next agent reports. What was set up on the machine for them (networks, the
firewall's table, control groups) goes then, too: it outlives its agent, since servers do, and no longer.
Until then the guard keeps what they print within bounds.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import Final

from streams.fleet.host.attempts import Attempts
from streams.fleet.host.cgroups import groups_of_machine
from streams.fleet.host.driver import IN_USE, Driver
from streams.fleet.host.oci import RUNTIMES, OciDriver
from streams.fleet.host.parent import SHELL
from streams.fleet.host.process import ProcessDriver
from streams.fleet.host.supervised import MEMORY

LIMIT_S: Final = 600
_CHECK_S: Final = 5
_OUTPUT_MIB: Final = 256
_KEPT_MIB: Final = 64

# $1 the root, $2 the limit in seconds, and then the program that ends the servers.
_SCRIPT: Final = f"""
cd "$1" || exit 1
root=$1 limit=$2 step={_CHECK_S}; shift 2
[ "$limit" -ge "$step" ] || step=$limit
while flock --shared agent.lock true; do
  away=0
  while [ "$away" -lt "$limit" ] && flock --shared --nonblock agent.lock true; do
    [ -e {IN_USE} ] || [ -n "$(ls attempts)" ] || exit 0
    find attempts -name 'std*' -size +{_OUTPUT_MIB}M -printf '%b %s %p\\n' |
    while read -r blocks size file; do
      [ "$blocks" -lt $(({_OUTPUT_MIB} * 2048)) ] ||
        fallocate --punch-hole --offset 0 --length $((size - {_KEPT_MIB} * 1048576)) "$file"
    done
    sleep "$step"
    away=$((away + step))
  done
  if [ "$away" -ge "$limit" ]; then
    "$@" && exit 0
  fi
done
"""


def start_guard(root: Path, *, limit_s: int, driver: str) -> bool:
    """Starts the guard of this root if it has none: it ends when no agent and nothing of the host is left.

    False where one runs already: its limit stays. It runs in a session of its own.
    """
    end = [sys.executable, "-m", __name__, str(root), driver]
    lock = os.open(root / "guard.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.posix_spawn(
            SHELL,
            [SHELL, "-c", _SCRIPT, "questlog-guard", str(root), str(limit_s), *end],
            {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, lock, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    2,
                    str(root / "guard.log"),
                    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                    0o600,
                ),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
        )
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def end_all(root: Path, driver: Driver) -> int:
    """Kills every attempt of the host that runs, and clears the machine; how many there were.

    The folders stay: they say how the attempts ended. Raises CannotStart where the kernel holds one.
    """
    ended = 0
    for attempt in Attempts(root):
        if driver.adopt(attempt):
            driver.kill(attempt)
            ended += 1
        known = driver.ended(attempt)
        if known is not None and known.out_of_memory:
            attempt.note_mark(MEMORY)
        driver.clean(attempt)
    driver.vacate()
    return ended


def _main(root: Path, name: str) -> None:
    with open(root / "agent.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("an agent has come back") from None
        _clear(root, name)


def _clear(root: Path, name: str) -> None:
    groups = groups_of_machine()
    driver: Driver
    if name == OciDriver.name:
        if groups is None:
            raise SystemExit("this machine has no writable control groups: its servers can't be found")
        driver = OciDriver(root, runtime=RUNTIMES[0], groups=groups, host="", resolvers=[])
    else:
        driver = ProcessDriver(root, groups=groups, host="")
    sys.stderr.write(f"{end_all(root, driver)} servers had no agent for too long: they were ended\n")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
