"""What a process does to itself before it reads hostile input or becomes a program that does.

Each part that can't be had (no root, no user namespaces, a container that forbids them) is named instead:
the process goes on with the others, and its parent warns. Linux alone.
Source: unshare(2), mount_namespaces(7), user_namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

OWN_USER: Final = "own user"
NETWORK: Final = "no network"
FILES: Final = "no files of the host"
PROCESSES: Final = "no processes of the host"
SYSTEM_CALLS: Final = "few system calls"

_NEW_NAMESPACE: Final = 0x00020000
"""Of mounts."""
_NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NETWORK = (
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH: Final = 2
_PIVOT_ROOT: Final = 155
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_HOST_FOLDERS: Final = ("usr", "lib", "lib64", "bin", "sbin")

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Missing:
    """Collects the parts that could not be had."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    @contextlib.contextmanager
    def unless(self, part: str) -> Iterator[None]:
        """Names the part where the block fails with OSError."""
        try:
            yield
        except OSError:
            if part not in self.parts:
                self.parts.append(part)


def die_with_parent(parent: int | None) -> None:
    """Be killed when the parent dies, however it does. To be called again after the user has changed.

    None: the parent is outside of this process's processes, and can't be seen.
    """
    _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def limit(*, memory_bytes: int, file_bytes: int, cpu_s: int, files: int, processes: int | None) -> None:
    """Set the resource limits; `processes` counts all of the user's, so None where it is not its own."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NOFILE: files,
        resource.RLIMIT_CORE: 0,
    }
    if processes is not None:
        limits[resource.RLIMIT_NPROC] = processes
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def leave_host(missing: Missing, *, processes: bool) -> None:
    """Enter namespaces of its own: mounts, network, messages; with `processes`, of what it forks next.

    Without root by way of a user namespace, where the kernel lets every user have one.
    """
    if os.geteuid() != 0:
        user, group = os.geteuid(), os.getegid()
        with missing.unless(NETWORK):
            _call(_libc.unshare, _NEW_USER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with missing.unless(NETWORK):
        _call(_libc.unshare, _NEW_NETWORK)
    with missing.unless(FILES):
        _call(_libc.unshare, _NEW_NAMESPACE)
        _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    for kind, wanted in ((_NEW_IPC, True), (_NEW_UTS, True), (_NEW_PID, processes)):
        with missing.unless(PROCESSES):
            if wanted:
                _call(_libc.unshare, kind)


def raise_loopback() -> None:
    """Bring up the loopback interface of a new network namespace. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))


def see_nothing(missing: Missing, empty: str) -> None:
    """Make an empty folder the root. What is open stays open."""
    with missing.unless(FILES):
        _call(_libc.chroot, empty.encode())
        os.chdir("/")


def see_only(missing: Missing, root: Path, work: Path, *, files: dict[str, str]) -> bool:
    """Make a new root of the host's programs, read-only, and the folder `work` as `/work`; whether it is so.

    `root` is an empty folder to build it on. `files` are files by path in it: the host's where the text is
    a path there, else the text itself. The mounts end with the last process that sees them.
    """
    with missing.unless(FILES):
        _mount("tmpfs", str(root), "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
        for name in _HOST_FOLDERS:
            _show(Path("/", name), root / name)
        for name, text in files.items():
            _show_file(root / name.lstrip("/"), text)
        _show_file(root / "dev/null", "/dev/null", devices=True)
        (root / "tmp").mkdir()
        (root / "work").mkdir()
        _bind(work, root / "work", _NO_SUID | _NO_DEVICES)
        _mount("none", str(root), "", _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)
        os.chdir(root)
        _call(_libc.syscall, _PIVOT_ROOT, b".", b".")
        _call(_libc.umount2, b".", _DETACH)
        os.chdir("/work")
        return True
    return False


def become(missing: Missing, user: int) -> None:
    """Become a user without groups and capabilities. Nothing happens where it is no root."""
    if os.geteuid() != 0:
        missing.parts.append(OWN_USER)
        return
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    with missing.unless(PROCESSES):
        _call(_libc.prctl, _PR_SET_DUMPABLE, 0, 0, 0, 0)


def _show(here: Path, there: Path) -> None:
    if here.is_symlink():
        there.symlink_to(here.readlink())
    elif here.is_dir():
        there.mkdir(parents=True, exist_ok=True)
        _bind(here, there, _READ_ONLY | _NO_SUID | _NO_DEVICES)


def _show_file(there: Path, text: str, *, devices: bool = False) -> None:
    there.parent.mkdir(parents=True, exist_ok=True)
    if not text.startswith("/"):
        there.write_text(text)
    elif Path(text).is_dir():
        _show(Path(text), there)
    else:
        there.touch()
        _bind(Path(text), there, (0 if devices else _READ_ONLY | _NO_DEVICES) | _NO_SUID)


def _bind(here: Path, there: Path, flags: int) -> None:
    _mount(str(here), str(there), "", _BIND | _RECURSIVE)
    _mount("none", str(there), "", _REMOUNT | _BIND | flags)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _call(
        _libc.mount,
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
