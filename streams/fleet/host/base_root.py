"""The root that zip builds run on: the host's /usr, read-only, in a skeleton with nothing else of the host.

Programs built against a C library need one, with the loader and certificates; binding the host's costs
nothing and is patched with it. It shows which packages the host has. A deployment that would rather not names
a folder with a root of its own (for example one unpacked from an image).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

_FOLDERS: Final = (
    "proc",
    "dev",
    "sys",
    "tmp",
    "run",
    "game",
    "etc/ssl/certs",
    "etc/alternatives",
    "usr",
    "home",
)
_LINKS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_BOUND: Final = ("/usr", "/etc/alternatives", "/etc/ssl/certs")


def make_base_root(folder: Path, resolvers: Sequence[IPv4Address]) -> None:
    """Makes or completes the skeleton. Twice is as once."""
    for name in _FOLDERS:
        (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in _LINKS:
        link = folder / name
        if Path(f"/usr/{name}").is_dir() and not link.is_symlink():
            link.symlink_to(f"usr/{name}")
    _complete(folder / "etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n")
    _complete(folder / "etc/group", "root:x:0:\n")
    _complete(folder / "etc/hosts", "127.0.0.1 localhost\n")
    _complete(folder / "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    write_resolvers(folder / "etc/resolv.conf", resolvers)


def base_mounts() -> list[tuple[Path, str, bool]]:
    """What of the host is bound into it, read-only."""
    return [(Path(name), name, False) for name in _BOUND if Path(name).is_dir()]


def write_resolvers(file: Path, resolvers: Sequence[IPv4Address]) -> None:
    """A resolv.conf of exactly these."""
    lines = [f"nameserver {resolver}\n" for resolver in resolvers]
    _complete(file, "".join([*lines, "options timeout:2 attempts:2\n"]))


def _complete(file: Path, text: str) -> None:
    """A file that has this text is left alone: on a full disk a new one could not be written."""
    if not file.exists() or file.read_text() != text:
        file.write_text(text)


def host_resolvers(file: Path = Path("/etc/resolv.conf")) -> list[IPv4Address]:
    """The host's own resolvers that a server can reach: IPv4, and not on the host's loopback."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else []:
        words = line.split()
        if len(words) == 2 and words[0] == "nameserver" and words[1].count(".") == 3:
            address = IPv4Address(words[1])
            if not address.is_loopback:
                found.append(address)
    return found[:3]
