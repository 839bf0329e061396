"""An unpacked image's root becomes an artefact, as an archive does.

It runs in the sandboxed child, beside nothing that could change the tree. Devices, pipes and sockets are left
out, hard links are files of their own, and links are kept as they are: the artefact is a whole root, which
they can't leave. Source: contract/fleet.md, "Builds".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final, NamedTuple

from streams.fleet.builds.artefact import ArtefactWriter, Output
from streams.fleet.builds.executables import HEAD_BYTES, is_runnable, what_it_is
from streams.fleet.builds.limits import (
    DEPTH_MAX,
    IMAGE_ENTRIES_MAX,
    PATH_BYTES_MAX,
    PIECE_BYTES,
    UNPACKED_BYTES_MAX,
)
from streams.fleet.builds.messages import Log, Made
from streams.fleet.builds.paths import CONTROL, resolved
from streams.fleet.builds.refused import BuildRefused, shown

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _Node(NamedTuple):
    mode: int
    size: int


def tree_to_artefact(root: int, executable_path: str, output: Output, log: Log) -> Made:
    """Write the artefact of an open folder. Raises BuildRefused; then the output is void.

    `executable_path` is the file that is to be run, from the image's root, absolute or not; `""` where the
    image's own entrypoint is. Called twice with an equal tree it writes equal bytes.
    """
    nodes = _nodes(root)
    special = [path for path, node in nodes.items() if not _is_kept(node.mode)]
    for path in special:
        del nodes[path]
    if special:
        log(
            "info",
            "archive",
            f"left out {len(special):,} devices, pipes and sockets, such as {shown(special[0])}",
        )
    links = {path: _target(root, path) for path, node in nodes.items() if stat.S_ISLNK(node.mode)}
    executable = _executable(root, nodes, links, executable_path) if executable_path else None
    writer = ArtefactWriter(output)
    for path in sorted(nodes):
        node = nodes[path]
        if stat.S_ISDIR(node.mode):
            writer.folder(path)
        elif stat.S_ISLNK(node.mode):
            writer.link(path, links[path])
        else:
            runs = bool(node.mode & 0o111) or path == executable
            writer.file(path, node.size, _content(root, path), executable=runs)
    sha256, size = writer.end()
    log("info", "archive", f"{writer.files:,} files, {writer.unpacked_bytes:,} bytes, as {size:,} bytes")
    return Made(
        sha256=sha256,
        size_bytes=size,
        unpacked_bytes=writer.unpacked_bytes,
        files=writer.files,
        executable_path=executable or "",
    )


def _nodes(root: int) -> dict[str, _Node]:
    """Everything below the root, by path."""
    found: dict[str, _Node] = {}
    folders = [""]
    size = 0
    while folders:
        above = folders.pop()
        for name, node in _listed(root, above):
            path = f"{above}/{name}" if above else name
            found[path] = node
            if stat.S_ISDIR(node.mode):
                folders.append(path)
            elif stat.S_ISREG(node.mode):
                size += node.size
            if len(found) > IMAGE_ENTRIES_MAX:
                raise BuildRefused(f"the image has more than {IMAGE_ENTRIES_MAX:,} files: leave some out")
            if size > UNPACKED_BYTES_MAX:
                raise BuildRefused(f"the image has more than {UNPACKED_BYTES_MAX:,} bytes: leave files out")
            if len(path.encode()) > PATH_BYTES_MAX or path.count("/") >= DEPTH_MAX:
                raise BuildRefused(
                    f"{shown(path)} is longer than {PATH_BYTES_MAX} bytes, or over {DEPTH_MAX} folders deep"
                )
    return found


def _listed(root: int, path: str) -> list[tuple[str, _Node]]:
    folder = _opened(root, path or ".", _FOLDER_FLAGS, 0o700)
    try:
        with os.scandir(folder) as entries:
            found = []
            for entry in entries:
                about = entry.stat(follow_symlinks=False)
                found.append((_text(entry.name, "name"), _Node(about.st_mode, about.st_size)))
            return found
    finally:
        os.close(folder)


def _opened(root: int, path: str, flags: int, mode: int) -> int:
    """Open what may forbid its owner to read it."""
    try:
        return os.open(path, flags, dir_fd=root)
    except PermissionError:
        os.chmod(path, mode, dir_fd=root)
        return os.open(path, flags, dir_fd=root)


def _is_kept(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _target(root: int, path: str) -> str:
    return _text(os.readlink(path, dir_fd=root), f"target of {shown(path)}")


def _text(text: str, what: str) -> str:
    """A name or target as UTF-8. Raises BuildRefused."""
    try:
        name = os.fsencode(text).decode()
    except UnicodeDecodeError:
        raise BuildRefused(f"the image holds a {what} that is not UTF-8, {shown(text)}: rename it") from None
    if CONTROL.search(name):
        raise BuildRefused(f"the image holds a {what} with control characters, {shown(name)}: rename it")
    return name


def _executable(root: int, nodes: dict[str, _Node], links: dict[str, str], wanted: str) -> str:
    """The path of the file to run, through links. Raises BuildRefused."""
    path = resolved(wanted, links, whole_root=True)
    node = nodes.get(path)
    if node is None or not stat.S_ISREG(node.mode):
        raise BuildRefused(f"there is no file {shown(wanted)} in the image: give its path as executable_path")
    file = _opened(root, path, _FILE_FLAGS, 0o600)
    try:
        head = os.pread(file, HEAD_BYTES, 0)
    finally:
        os.close(file)
    if not is_runnable(head):
        raise BuildRefused(
            f"the executable {shown(wanted)} is {what_it_is(head)}: build it for Linux on x86-64, or begin "
            "a script with #!"
        )
    return path


def _content(root: int, path: str) -> Iterator[bytes]:
    file = _opened(root, path, _FILE_FLAGS, 0o600)
    try:
        while piece := os.read(file, PIECE_BYTES):
            yield piece
    finally:
        os.close(file)
