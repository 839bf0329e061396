"""Servers as plain processes of the host: the driver `process`, where containers can't be had.

As root each has a user of its own, limits by control groups where there are any, and a scratch layer over its
build; it sees the host's files and network. Without root it runs as the agent's user on a copy of its build.
Nothing keeps a hostile build from the host's network: see contract/fleet.md, "Isolation".
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Final

import msgspec

from streams.fleet.host import relays, sockets
from streams.fleet.host.attempts import Attempt, Attempts, replace
from streams.fleet.host.cgroups import Groups
from streams.fleet.host.cores import Cores, core_sets
from streams.fleet.host.driver import IN_USE, CannotStart, Isolation, Stats
from streams.fleet.host.environment import RUN, SERVER_FILE, variables, words
from streams.fleet.host.launch import Port
from streams.fleet.host.oci_spec import FILES_MAX, PIDS_MAX, SCRATCH_MIB
from streams.fleet.host.parent import NOTE_EXIT, NOTE_ITSELF, spawn
from streams.fleet.host.place import (
    BUILDS_GID,
    REGISTRY,
    Seat,
    give_back,
    keep_slot,
    relays_gid,
    table_name,
    take_slot,
)
from streams.fleet.host.processes import stat_fields, tree_of, with_variable
from streams.fleet.host.relay_groups import RelayGroups
from streams.fleet.host.relays import Door
from streams.fleet.host.supervised import Supervised

_SHARED_GAME: Final = REGISTRY / "game"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_USER_TIME: Final = 11
_RESIDENT: Final = 21

# The words and variables are read from `launch` by the server's own user at the last moment: no program that
# runs as root sees variables of the request, and none of them stays in a process's arguments.
_RUN: Final = f"""
ulimit -n {FILES_MAX}; ulimit -c 0
setsid /bin/dash -c '
for group in $1; do echo $$ >"$group"; done
shift
exec "$@"' enter "$groups" "$@" /bin/dash /dev/fd/7 7<launch </dev/null >>stdout 2>>stderr &
printf '%s' $! 1<>pid || kill -9 $!
wait $!
{NOTE_EXIT}"""
_PLAIN: Final = f"""{NOTE_ITSELF}
groups=$1; game=$2; data_kib=$3
[ -z "$data_kib" ] || ulimit -d "$data_kib"
set -- env -C "$game"
{_RUN}"""
_AS_ROOT: Final = f"""{NOTE_ITSELF}
groups=$1; uid=$2; below=$3; data_kib=$4
mount -t tmpfs -o size={SCRATCH_MIB}m,mode=755 scratch scratch &&
mkdir scratch/upper scratch/work && chown "$uid:{BUILDS_GID}" scratch/upper && chmod 775 scratch/upper &&
ln -s {RUN}/{SERVER_FILE} scratch/upper/playflow.json &&
mount -t overlay -o "lowerdir=$below,upperdir=scratch/upper,workdir=scratch/work" game {_SHARED_GAME} &&
mount --bind run {RUN} && chgrp "$uid" launch && chmod 640 launch || {{ printf 126 1<>exit; exit 1; }}
[ -z "$data_kib" ] || ulimit -d "$data_kib"
ulimit -p {PIDS_MAX}
set -- env -C {_SHARED_GAME} setpriv --reuid "$uid" --regid "$uid" --groups {BUILDS_GID} --no-new-privs \\
  --bounding-set -all --inh-caps -all
{_RUN}"""


class ProcessDriver(Supervised):
    """Runs each server as a process group of its own. Works anywhere on Linux, and keeps out little."""

    name: Final = "process"
    isolation: Isolation = "process"

    def __init__(self, root: Path, *, groups: Groups | None, host: str, as_root: bool | None = None) -> None:
        """`as_root` False runs servers as the agent's own user even where it is root."""
        self._root = root
        self._host = host
        self.as_root = os.geteuid() == 0 if as_root is None else as_root
        self._groups = groups
        self._cores = Cores(core_sets() if groups is not None else None)
        self._relay_groups = RelayGroups(groups, self._cores, self._group)
        self._slot = take_slot(root) if self.as_root or groups is not None else None

    def open(self) -> None:
        """The places that each server's build and files are mounted at, for it alone. Raises NoPlace."""
        if self._slot is not None:
            keep_slot(self._slot, self._root)
        (self._root / "empty").mkdir(mode=0o755, parents=True, exist_ok=True)
        if self.as_root:
            for folder in (Path(RUN), _SHARED_GAME):
                folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for attempt in Attempts(self._root):
            if attempt.parent() is not None and attempt.exit_code() is None:
                self._cores.find(self._group(attempt), attempt.launch.cores)
                self._relay_groups.find(attempt)
        (self._root / IN_USE).touch()

    def vacate(self) -> None:
        """See Driver. The slot stays the host's."""
        if self._slot is not None and self._groups is not None:
            self._groups.remove(table_name(self._slot))
        (self._root / IN_USE).unlink(missing_ok=True)

    def close(self) -> None:
        """Gives the slot back."""
        self.vacate()
        if self._slot is not None:
            give_back(self._slot)

    def leave(self) -> None:
        """Nothing of it runs beside its servers."""

    def prepare(self, attempt: Attempt, build: Path | None) -> None:
        """Limits, and without root the copy of the build."""
        launch = attempt.launch
        if launch.image:
            raise CannotStart("an image runs in containers only: this host's driver is `process`")
        game = attempt.folder / "game"
        try:
            game.mkdir(mode=0o755, exist_ok=True)
            (attempt.folder / "scratch").mkdir(mode=0o755, exist_ok=True)
            if not self.as_root:
                if build is not None:
                    shutil.copytree(build, game, symlinks=True, dirs_exist_ok=True)
                link = game / "playflow.json"
                link.unlink(missing_ok=True)
                link.symlink_to(attempt.run_folder / SERVER_FILE)
            if self._groups is not None:
                self._groups.make(
                    self._group(attempt),
                    cpu_cores=launch.cpu_cores,
                    memory_mib=launch.memory_mib,
                    pids=PIDS_MAX,
                )
                self._cores.take(self._group(attempt), launch.cores)
            environment = self._environment(attempt)
            command = words(launch, environment, game=environment["HOME"])
            line = [
                "exec",
                "env",
                "-i",
                *(f"{name}={value}" for name, value in environment.items()),
                *command,
            ]
            replace(attempt.folder / "launch", f"{shlex.join(line)}\n".encode())
            replace(attempt.folder / "build", str(build or self._root / "empty").encode())
        except (OSError, shutil.Error, ValueError) as error:
            raise CannotStart(str(error)) from error

    def start(self, attempt: Attempt) -> bool:
        """See Driver."""
        group = self._group(attempt)
        groups = "" if self._groups is None else self._groups.entrances(group)
        groups = f"{groups} {self._cores.entrances(group)}".strip()
        data_kib = "" if self._groups is not None else str(attempt.launch.memory_mib * 1024)
        if not self.as_root:
            return spawn(attempt, _PLAIN, [groups, str(attempt.folder / "game"), data_kib])
        arguments = [groups, str(self._seat(attempt).uid), (attempt.folder / "build").read_text(), data_kib]
        return spawn(attempt, _AS_ROOT, arguments, before=("unshare", "--mount", "--propagation", "private"))

    def stats(self, attempt: Attempt) -> Stats | None:
        """See Driver. Traffic can't be told from the host's: it is 0."""
        server = self.server(attempt)
        if server is None:
            return None
        try:
            cpu_ns, memory = self._used(attempt, server.pid)
            own = {port.internal for port in self.ports(attempt)}
            connections = sockets.established(Path(f"/proc/{server.pid}/net"), own)
        except OSError:  # it has just ended
            return None
        return Stats(cpu_ns, memory, 0, 0, connections)

    def bound(self, attempt: Attempt) -> set[tuple[str, int]]:
        """See Driver. The network is the host's: another process's ports are told apart by their sockets."""
        server = self.server(attempt)
        if server is None:
            return set()
        return sockets.bound(Path(f"/proc/{server.pid}/net"), sockets.owned(self._members(attempt)))

    def ports(self, attempt: Attempt) -> tuple[Port, ...]:
        """Each server binds its external ports: on a shared network no other ones are free for sure.

        Behind a relay it binds one that was free when the attempt was made.
        """
        inner = attempt.spec.inner_ports
        return tuple(
            msgspec.structs.replace(port, internal=inner.get(port.name, port.external))
            for port in attempt.launch.ports
        )

    def namespace(self, attempt: Attempt) -> Path | None:
        """See Driver."""
        del attempt
        return None

    def clean(self, attempt: Attempt) -> None:
        """See Driver."""
        if self._groups is not None:
            self._cores.give_back(self._group(attempt))
            self._groups.remove(self._group(attempt))
            self._relay_groups.remove(attempt)

    def _environment(self, attempt: Attempt) -> dict[str, str]:
        run = RUN if self.as_root else str(attempt.run_folder)
        return variables(
            attempt.launch,
            host=self._host,
            ports=self.ports(attempt),
            server_file=f"{run}/{SERVER_FILE}",
            sdk_port=attempt.spec.sdk_port or 0,
            home=str(_SHARED_GAME if self.as_root else attempt.folder / "game"),
        )

    def _used(self, attempt: Attempt, pid: int) -> tuple[int, int]:
        if self._groups is not None:
            group = self._group(attempt)
            return self._groups.cpu_ns(group), self._groups.memory_bytes(group)
        ticks = pages = 0
        for member in tree_of(pid, uid=None):
            fields = stat_fields(member)
            if fields is not None:
                ticks += sum(int(field) for field in fields[_USER_TIME : _USER_TIME + 4])
                pages += int(fields[_RESIDENT])
        return ticks * 1_000_000_000 // _TICKS, pages * _PAGE

    def certify(self, certificate: bytes) -> None:
        """See Driver."""
        relays.certify(self._root, certificate, relays_gid(self._slot or 0) if self.as_root else None)

    def _doors(self, attempt: Attempt) -> list[Door]:
        return [
            Door(external=port.external, host="127.0.0.1", port=port.internal, proxy=port.proxy)
            for port in self.ports(attempt)
            if port.tls
        ]

    def _relay_user(self, attempt: Attempt) -> tuple[int, int] | None:
        return (self._seat(attempt).relay_uid, relays_gid(self._slot or 0)) if self.as_root else None

    def _seat(self, attempt: Attempt) -> Seat:
        return Seat(self._slot or 0, attempt.spec.seat)

    def _group(self, attempt: Attempt) -> str:
        return f"{table_name(self._slot or 0)}/{attempt.id}"

    def _members(self, attempt: Attempt) -> set[int]:
        server = attempt.server()
        pid = server.pid if server is not None else attempt.noted_pid()
        found = self._grouped(attempt)
        if pid is not None:
            found |= tree_of(pid, uid=self._seat(attempt).uid if self.as_root else None)
            if not self.as_root:
                found |= with_variable(f"QUESTLOG_ATTEMPT={attempt.id}")
        return found

    def _grouped(self, attempt: Attempt) -> set[int]:
        return set() if self._groups is None else self._groups.pids(self._group(attempt))

    def _believed(self, attempt: Attempt, pid: int) -> bool:
        """A pid is in the attempt's group, or below its parent, or its environment says so."""
        if self._groups is not None:
            return pid in self._grouped(attempt)
        parent = attempt.parent()
        fields = stat_fields(pid)
        return parent is not None and fields is not None and fields[1] == str(parent.pid)

    def _out_of_memory(self, attempt: Attempt) -> bool:
        return self._groups is not None and self._groups.out_of_memory(
            self._group(attempt), attempt.launch.memory_mib
        )
