"""Servers in containers, by an OCI runtime (crun or runc) without an engine. The driver `oci`.

Everything private to an attempt lives in a mount namespace that its parent makes: the scratch layer and the
overlay over the build go away with the last process, whichever is killed.
Source: contract/fleet.md, "Isolation".
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import msgspec

from streams.fleet.host import relays, sockets
from streams.fleet.host.attempts import Attempt, Attempts, replace
from streams.fleet.host.base_root import base_mounts, make_base_root, write_resolvers
from streams.fleet.host.cgroups import Groups, groups_of_machine
from streams.fleet.host.commands import CommandFailed, run
from streams.fleet.host.cores import Cores, core_sets
from streams.fleet.host.driver import IN_USE, CannotStart, Isolation, Stats
from streams.fleet.host.environment import RUN, SERVER_FILE, variables, words
from streams.fleet.host.launch import Launch, Port
from streams.fleet.host.network import Egress, HostNetwork
from streams.fleet.host.oci_spec import PIDS_MAX, SCRATCH_MIB, config
from streams.fleet.host.parent import NOTE_EXIT, NOTE_ITSELF, spawn
from streams.fleet.host.place import (
    BUILDS_GID,
    Seat,
    give_back,
    keep_slot,
    relays_gid,
    table_name,
    take_slot,
)
from streams.fleet.host.relay_groups import RelayGroups
from streams.fleet.host.relays import Door
from streams.fleet.host.supervised import Supervised

SDK_PORT: Final = 9358
RUNTIMES: Final = ("crun", "runc")
_INIT: Final = "/usr/bin/tini-static"

# crun 1.8 refuses a machine where version 2 is mounted beside version 1: its parent does not see that mount.
_PARENT: Final = f"""{NOTE_ITSELF}
{{ uid=$1; lower=$2; image=$3; below=$4; shift 4; }}
mountpoint -q /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified
mount -t tmpfs -o size={SCRATCH_MIB}m,mode=755 scratch scratch &&
mkdir scratch/upper scratch/work scratch/root scratch/rootwork && chown "$uid:{BUILDS_GID}" scratch/upper &&
chmod 775 scratch/upper && ln -s {RUN}/{SERVER_FILE} scratch/upper/playflow.json &&
mount -t overlay -o "lowerdir=$below,upperdir=scratch/upper,workdir=scratch/work" game game &&
if [ -n "$image" ]; then
  mount -t overlay -o "lowerdir=$lower,upperdir=scratch/root,workdir=scratch/rootwork" root root
fi && "$@" </dev/null >>stdout 2>>stderr
{NOTE_EXIT}"""


class OciDriver(Supervised):
    """Runs each server in a container of its own. Needs root, nftables and control groups."""

    name: Final = "oci"
    isolation: Isolation = "container"

    def __init__(
        self,
        root: Path,
        *,
        runtime: str,
        groups: Groups,
        host: str,
        resolvers: Sequence[IPv4Address],
        egress: Egress = "public",
        base: Path | None = None,
    ) -> None:
        """`host` is the address that players reach the machine at; `base` replaces the host's /usr."""
        if "," in str(root) or ":" in str(root):
            raise ValueError(f"{root}: overlay mounts can't name a path with a comma or colon")
        self._root = root
        self._runtime = runtime
        self._groups = groups
        self._host = host
        self._resolvers = resolvers
        self._base = base
        self._slot = take_slot(root)
        self._cores = Cores(core_sets())
        self._relay_groups = RelayGroups(groups, self._cores, self._group)
        self._network = HostNetwork(self._slot, resolvers=resolvers, egress=egress)
        self._state = root / "runtime"

    def open(self) -> None:
        """The firewall's rules, the base root and an empty build. Raises NoPlace."""
        keep_slot(self._slot, self._root)
        for folder in (self._state, self._root / "empty"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_base_root(self._root / "base", self._resolvers)
        (self._root / IN_USE).touch()
        for attempt in Attempts(self._root):
            if attempt.parent() is not None and attempt.exit_code() is None:
                self._cores.find(self._group(attempt), attempt.launch.cores)
                self._relay_groups.find(attempt)
        self._network.open()

    def vacate(self) -> None:
        """See Driver. The slot stays the host's."""
        self._network.close()
        self._groups.remove(table_name(self._slot))
        (self._root / IN_USE).unlink(missing_ok=True)

    def close(self) -> None:
        """Gives the slot back, too."""
        self.vacate()
        give_back(self._slot)

    def leave(self) -> None:
        """Nothing of it runs beside its servers."""

    def prepare(self, attempt: Attempt, build: Path | None) -> None:
        """Network, limits and config.json."""
        launch, seat = attempt.launch, self._seat(attempt)
        environment = variables(
            launch,
            host=self._host,
            ports=launch.ports,
            server_file=f"{RUN}/{SERVER_FILE}",
            sdk_port=SDK_PORT,
            home="/game",
        )
        try:
            workdir = launch.workdir or "/game"
            for name in ("scratch", "game", "root"):
                (attempt.folder / name).mkdir(mode=0o755, exist_ok=True)
            namespace = self._network.attach(seat, _mapped(launch))
            self._groups.make(
                self._group(attempt),
                cpu_cores=launch.cpu_cores,
                memory_mib=launch.memory_mib,
                pids=PIDS_MAX,
            )
            self._cores.take(self._group(attempt), launch.cores)
            mounts = [(attempt.folder / "game", workdir if workdir != "/" else "/game", True)]
            mounts.append((attempt.run_folder, RUN, False))
            if launch.image:
                write_resolvers(attempt.folder / "resolv.conf", self._resolvers)
                mounts.append((attempt.folder / "resolv.conf", "/etc/resolv.conf", False))
            elif self._base is None:
                mounts += base_mounts()
            spec = config(
                command=words(launch, environment, game="/game"),
                environment=environment,
                workdir=workdir,
                seat=seat,
                hostname=launch.instance_id[:63],
                root=attempt.folder / "root" if launch.image else self._base or self._root / "base",
                namespace=namespace,
                cgroup=f"/{self._group(attempt)}/server",
                mounts=mounts,
                init=Path(_INIT),
                cores=launch.cores,
            )
            replace(attempt.folder / "config.json", msgspec.json.encode(spec))
            replace(attempt.folder / "build", str(build or "").encode())
        except (OSError, CommandFailed, ValueError) as error:
            raise CannotStart(str(error)) from error

    def start(self, attempt: Attempt) -> bool:
        """See Driver."""
        launch = attempt.launch
        build = (attempt.folder / "build").read_text() or str(self._root / "empty")
        below = build
        if launch.image:
            inner = Path(build, (launch.workdir or "/game").lstrip("/"))
            below = (
                str(inner)
                if launch.workdir not in {None, "/"} and inner.is_dir()
                else str(self._root / "empty")
            )
        runtime = [self._runtime, "--root", str(self._state), "--log", "runtime.log", "run"]
        runtime += ["--bundle", str(attempt.folder), "--pid-file", "pid", attempt.id]
        return spawn(
            attempt,
            _PARENT,
            [str(self._seat(attempt).uid), build, "image" if launch.image else "", below, *runtime],
            before=("unshare", "--mount", "--propagation", "private"),
        )

    def stats(self, attempt: Attempt) -> Stats | None:
        """See Driver. Traffic is what passed the server's own link."""
        server = self.server(attempt)
        if server is None:
            return None
        net = Path(f"/proc/{server.pid}/net")
        try:
            received, sent = sockets.traffic(net)
            return Stats(
                cpu_ns=self._groups.cpu_ns(self._group(attempt)),
                memory_bytes=self._groups.memory_bytes(self._group(attempt)),
                received_bytes=received,
                sent_bytes=sent,
                tcp_connections=sockets.established(net),
            )
        except OSError:  # it has just ended
            return None

    def bound(self, attempt: Attempt) -> set[tuple[str, int]]:
        """See Driver."""
        server = self.server(attempt)
        return sockets.bound(Path(f"/proc/{server.pid}/net")) if server is not None else set()

    def ports(self, attempt: Attempt) -> tuple[Port, ...]:
        """As configured: each server has all ports of its own network."""
        return attempt.launch.ports

    def namespace(self, attempt: Attempt) -> Path | None:
        """See Driver."""
        return Path("/run/netns") / self._seat(attempt).device

    def clean(self, attempt: Attempt) -> None:
        """See Driver."""
        if (self._state / attempt.id).exists():
            with contextlib.suppress(CommandFailed):
                run(self._runtime, "--root", str(self._state), "delete", "--force", attempt.id)
            shutil.rmtree(self._state / attempt.id, ignore_errors=True)
        self._network.detach(self._seat(attempt), _mapped(attempt.launch))
        self._cores.give_back(self._group(attempt))
        self._groups.remove(self._group(attempt))
        self._relay_groups.remove(attempt)

    def certify(self, certificate: bytes) -> None:
        """See Driver."""
        relays.certify(self._root, certificate, relays_gid(self._slot))

    def _doors(self, attempt: Attempt) -> list[Door]:
        """A relay comes from loopback, as players of this machine do: the kernel translates that."""
        address = self._seat(attempt).address
        return [
            Door(
                external=port.external,
                host=address,
                port=port.internal,
                source="127.0.0.1",
                proxy=port.proxy,
            )
            for port in attempt.launch.ports
            if port.tls
        ]

    def _relay_user(self, attempt: Attempt) -> tuple[int, int] | None:
        return self._seat(attempt).relay_uid, relays_gid(self._slot)

    def _seat(self, attempt: Attempt) -> Seat:
        return Seat(self._slot, attempt.spec.seat)

    def _group(self, attempt: Attempt) -> str:
        return f"{table_name(self._slot)}/{attempt.id}"

    def _members(self, attempt: Attempt) -> set[int]:
        return self._groups.pids(self._group(attempt))

    _grouped = _members

    def _believed(self, attempt: Attempt, pid: int) -> bool:
        return pid in self._members(attempt)

    def _out_of_memory(self, attempt: Attempt) -> bool:
        return self._groups.out_of_memory(self._group(attempt), attempt.launch.memory_mib)


def _mapped(launch: Launch) -> list[Port]:
    """The ports that players reach without a relay."""
    return [port for port in launch.ports if not port.tls]


def oci_lacks(groups: Groups | None = None) -> list[str]:
    """What this machine lacks for the driver; empty where it can run."""
    lacks = []
    if os.geteuid() != 0:
        lacks.append("root")
    if not any(shutil.which(name) for name in RUNTIMES):
        lacks.append("crun or runc")
    lacks += [name for name in ("ip", "nft", "unshare", "mount", "tini-static") if shutil.which(name) is None]
    if "root" not in lacks and groups is None and groups_of_machine() is None:
        lacks.append("writable control groups")
    return lacks
