"""The process that reads a build: it confines itself, then makes the artefact of files that are open already.

Its request is one line of JSON on stdin. On stdout it writes lines of JSON: first `Confined`, then what
`messages` says. It is run by `sandbox` as `python -I -m streams.fleet.builds.child`.
"""

from __future__ import annotations

import os
import sys
from typing import Final, Literal

import msgspec

from streams.fleet.builds import confinement
from streams.fleet.builds.archive import archive_to_artefact
from streams.fleet.builds.image_layout import read_image
from streams.fleet.builds.image_tree import tree_to_artefact
from streams.fleet.builds.messages import (
    Configured,
    Confined,
    Level,
    LogLine,
    Made,
    Refused,
    Reply,
    Step,
    bounded,
    encode_reply,
)
from streams.fleet.builds.refused import BuildRefused
from streams.fleet.builds.system_calls import install_reader_filter

FILES_MAX: Final = 128


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, with which open files, and within what."""

    task: Literal["archive", "image", "tree"]
    parent: int
    """The process that asks: without it this one ends."""
    user: int
    """Whom to become where it is root."""
    empty: str
    """An empty folder."""
    input: int
    """Open: the archive, or the folder of the image's layout, or its unpacked root."""
    output: int | None = None
    """Open for writing: the artefact."""
    executable_path: str = ""
    memory_bytes: int
    file_bytes: int
    cpu_s: int


class _File:
    """Writes all of what it gets, unbuffered."""

    def __init__(self, file: int) -> None:
        self._file = file

    def write(self, data: bytes, /) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        return len(data)


def main() -> None:
    """Serve the one request on stdin."""
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    _say(Confined(missing=_confine(request)))
    try:
        made = _make(request)
    except BuildRefused as refused:
        _say(Refused(message=bounded(str(refused))))
    else:
        _say(made)


def _make(request: Request) -> Made | Configured:
    if request.output is None:
        return read_image(request.input, _log)
    make = archive_to_artefact if request.task == "archive" else tree_to_artefact
    return make(request.input, request.executable_path, _File(request.output), _log)


def _confine(request: Request) -> list[str]:
    confinement.die_with_parent(request.parent)
    missing = confinement.Missing()
    root = os.geteuid() == 0
    confinement.leave_host(missing, processes=False)
    confinement.see_nothing(missing, request.empty)
    confinement.become(missing, request.user)
    confinement.die_with_parent(request.parent)
    confinement.limit(
        memory_bytes=request.memory_bytes,
        file_bytes=request.file_bytes,
        cpu_s=request.cpu_s,
        files=FILES_MAX,
        processes=1 if root else None,
    )
    with missing.unless(confinement.SYSTEM_CALLS):
        install_reader_filter()
    return missing.parts


def _log(level: Level, step: Step, message: str) -> None:
    _say(LogLine(level=level, step=step, message=bounded(message)))


def _say(reply: Reply) -> None:
    _File(sys.stdout.fileno()).write(encode_reply(reply))


if __name__ == "__main__":
    main()
