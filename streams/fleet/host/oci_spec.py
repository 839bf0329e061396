"""The container of a server, as the OCI runtime specification's config.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from streams.fleet.host.place import BUILDS_GID, Seat
from streams.fleet.host.seccomp import profile

FILES_MAX: Final = 4096
PIDS_MAX: Final = 512
SCRATCH_MIB: Final = 256
INIT: Final = "/run/init"
"""tini: pid 1 of a namespace ignores signals that it does not handle, and has to reap orphans."""
_MASKED: Final = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
]
_READONLY: Final = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
]


def config(
    *,
    command: Sequence[str],
    environment: Mapping[str, str],
    workdir: str,
    seat: Seat,
    hostname: str,
    root: Path,
    namespace: Path,
    cgroup: str,
    mounts: Sequence[tuple[Path, str, bool]],
    init: Path,
    cores: Sequence[int] = (),
) -> dict[str, Any]:
    """`mounts` are (source on the host, place inside, writable). `namespace` is the network's.

    `cores` are those that it may run on; none: all.
    """
    cpu = {"cpu": {"cpus": ",".join(map(str, cores))}} if cores else {}
    limits = {"RLIMIT_NOFILE": FILES_MAX, "RLIMIT_CORE": 0, "RLIMIT_MEMLOCK": 8 * 1024 * 1024}
    return {
        "ociVersion": "1.0.2",
        "hostname": hostname,
        "root": {"path": str(root), "readonly": True},
        "process": {
            "terminal": False,
            "user": {"uid": seat.uid, "gid": seat.uid, "umask": 0o022, "additionalGids": [BUILDS_GID]},
            "args": [INIT, "--", *command],
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": workdir,
            "capabilities": {
                name: [] for name in ("bounding", "effective", "inheritable", "permitted", "ambient")
            },
            "rlimits": [{"type": name, "hard": value, "soft": value} for name, value in limits.items()],
            "noNewPrivileges": True,
            "oomScoreAdj": 500,
        },
        "mounts": [
            {
                "destination": "/proc",
                "type": "proc",
                "source": "proc",
                "options": ["nosuid", "noexec", "nodev"],
            },
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=64k"],
            },
            {
                "destination": "/dev/shm",  # noqa: S108 - a mount point
                "type": "tmpfs",
                "source": "shm",
                "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"],
            },
            {
                "destination": "/tmp",  # noqa: S108 - a mount point
                "type": "tmpfs",
                "source": "tmp",
                "options": ["nosuid", "nodev", "mode=1777", "size=64m"],
            },
            {
                "destination": "/run",
                "type": "tmpfs",
                "source": "run",
                "options": ["nosuid", "nodev", "mode=755", "size=1m"],
            },
            _bind(init, INIT, writable=False),
            *(_bind(source, place, writable=writable) for source, place, writable in mounts),
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [
                {"type": "pid"},
                {"type": "ipc"},
                {"type": "uts"},
                {"type": "mount"},
                {"type": "cgroup"},
                {"type": "network", "path": str(namespace)},
            ],
            "resources": {"devices": [{"allow": False, "access": "rwm"}], **cpu},
            "maskedPaths": _MASKED,
            "readonlyPaths": _READONLY,
            "seccomp": profile(),
        },
    }


def _bind(source: Path, place: str, *, writable: bool) -> dict[str, Any]:
    return {
        "destination": place,
        "type": "bind",
        "source": str(source),
        "options": ["rbind", "nosuid", "nodev", "rw" if writable else "ro"],
    }
