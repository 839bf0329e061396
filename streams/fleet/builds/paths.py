"""Names in an archive: which are taken, and where its links lead. Pure.

A path here is relative to the build's root, `/` between its names, without `.`, `..` and empty names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from streams.fleet.builds.limits import (
    DEPTH_MAX,
    LINK_BYTES_MAX,
    LINKS_FOLLOWED_MAX,
    PART_BYTES_MAX,
    PATH_BYTES_MAX,
)
from streams.fleet.builds.refused import BuildRefused, shown

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_LINK_PARTS_MAX: Final = 4_096


def checked_name(raw: bytes) -> str:
    """The path that an entry's name is; `""` for the root itself. Raises BuildRefused."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise BuildRefused(
            f"entry {shown(raw)}: the name is not UTF-8: archive it with UTF-8 names"
        ) from None
    return checked_path(name, f"entry {shown(name)}")


def checked_path(name: str, what: str) -> str:
    """The path that a name is: `./` before and `/` behind it are left out. Raises BuildRefused.

    `what` begins the message.
    """
    if CONTROL.search(name):
        raise BuildRefused(f"{what}: the name holds control characters: rename it")
    if "\\" in name:
        raise BuildRefused(f"{what}: the name holds a backslash: separate folders by '/'")
    if name.startswith("/") or _DRIVE.match(name):
        raise BuildRefused(f"{what}: the path is absolute: use one relative to the build's root")
    while name.startswith("./"):
        name = name[2:]
    name = name.removesuffix("/")
    if name in {"", "."}:
        return ""
    parts = name.split("/")
    if ".." in parts:
        raise BuildRefused(f"{what}: the path holds '..': use one that stays below the build's root")
    if "" in parts or "." in parts:
        raise BuildRefused(f"{what}: the path holds an empty name or '.': write it without")
    if len(parts) > DEPTH_MAX:
        raise BuildRefused(f"{what}: {len(parts)} folders deep, more than {DEPTH_MAX}: move it up")
    if len(name.encode()) > PATH_BYTES_MAX or any(len(part.encode()) > PART_BYTES_MAX for part in parts):
        raise BuildRefused(
            f"{what}: longer than {PATH_BYTES_MAX} bytes, or {PART_BYTES_MAX} in one name: shorten it"
        )
    return name


def checked_target(raw: bytes, path: str) -> str:
    """A link's target as text. Raises BuildRefused; whether it leaves the root is for `resolved` to say."""
    try:
        target = raw.decode()
    except UnicodeDecodeError:
        raise BuildRefused(f"link {shown(path)}: the target is not UTF-8: rename it") from None
    if not target or len(raw) > LINK_BYTES_MAX or CONTROL.search(target) or "\\" in target:
        raise BuildRefused(
            f"link {shown(path)}: the target is empty, longer than {LINK_BYTES_MAX} bytes, or holds "
            "control characters or backslashes: put the file itself in its place"
        )
    return target


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, without the root."""
    while (end := path.rfind("/")) > 0:
        path = path[:end]
        yield path


def resolved(path: str, links: Mapping[str, str], *, whole_root: bool = False) -> str:
    """Where a path ends, following links as the kernel would.

    `links` are targets by path. Raises BuildRefused where a link leads out of the build, or round in circles.
    With `whole_root` the build's root is `/`: absolute links begin there, and nothing leads out.
    """
    waiting = path.split("/")[::-1]
    at: list[str] = []
    followed = taken = 0
    last = path
    while waiting:
        part = waiting.pop()
        taken += 1
        if part in {"", "."}:
            continue
        if part == "..":
            if whole_root and not at:
                continue
            if not at:
                raise BuildRefused(
                    f"link {shown(last)}: it leads out of the build: put the file in its place"
                )
            at.pop()
            continue
        at.append(part)
        here = "/".join(at)
        target = links.get(here)
        if target is None:
            continue
        followed += 1
        if followed > LINKS_FOLLOWED_MAX or taken > _LINK_PARTS_MAX:
            raise BuildRefused(f"link {shown(path)}: it goes round in circles: put the file in its place")
        if target.startswith("/") and not whole_root:
            raise BuildRefused(f"link {shown(here)}: its target is absolute: make it relative")
        last = here
        at = [] if target.startswith("/") else at[:-1]
        waiting += target.split("/")[::-1]
    return "/".join(at)


def only_top(paths: Iterable[str]) -> str | None:
    """The one name that all paths begin with; None where there are several or none."""
    tops = {path.split("/", 1)[0] for path in paths}
    return tops.pop() if len(tops) == 1 else None
