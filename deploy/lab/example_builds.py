"""Builds of two real game servers, made of Debian's packages: what tests, the demo and drills upload.

`run.sh` is the executable of both: it listens at the port that the host gives as QUESTLOG_PORT_GAME.
Libraries that a base root need not have lie beside the server; what every Debian has does not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

EXECUTABLE: Final = "run.sh"
_LIBRARY: Final = re.compile(r"(?:\S+ => )?(/\S+) \(0x")
_BASE_LIBRARIES: Final = re.compile(r"(?:ld-linux-x86-64|libc|libm|libgcc_s|libstdc\+\+|libz)\.so")


class NotInstalled(Exception):
    """The server's package is missing; the message names it."""


@dataclass(frozen=True)
class Example:
    """A server of a Debian package."""

    package: str
    program: Path
    data: tuple[tuple[str, Path], ...]
    """Folders below the build's root, and what is in them."""
    protocol: str
    arguments: str
    """As a shell's words; the port is $PORT."""

    def files(self) -> Iterator[tuple[str, Path]]:
        """Paths in the build, and the host's files that are there. Raises NotInstalled."""
        if not self.program.exists():
            raise NotInstalled(f"{self.program} is missing: apt-get install {self.package}")
        yield "server", self.program
        for library in libraries(self.program):
            if not _BASE_LIBRARIES.match(library.name):
                yield f"lib/{library.name}", library
        for folder, source in self.data:
            for path in sorted(source.rglob("*")):
                if path.is_file():
                    yield f"{folder}/{path.relative_to(source)}", path

    def script(self) -> str:
        """What `run.sh` is."""
        return (
            "#!/bin/sh\n"
            "PORT=${QUESTLOG_PORT_GAME:?} LD_LIBRARY_PATH=$PWD/lib\n"
            "export LD_LIBRARY_PATH\n"
            f'exec ./server {self.arguments} "$@"\n'
        )

    def write_zip(self, target: Path) -> None:
        """The build as an archive to upload. Raises NotInstalled."""
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, source in self.files():
                archive.write(source, name)
            archive.writestr(EXECUTABLE, self.script())

    def write_root(self, target: Path) -> None:
        """The server with all that it needs, as a whole root, to make an image of. Raises NotInstalled."""
        for name, source in self.files():
            _copy(source, target / "game" / name)
        for library in libraries(self.program):
            _copy(library, target / str(library).lstrip("/"))
        for folder in ("dev", "proc", "run", "tmp"):
            (target / folder).mkdir()


def libraries(program: Path) -> list[Path]:
    """The shared libraries that a program of this host loads, where its loader finds them."""
    told = subprocess.run(["/usr/bin/ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return sorted(Path(found) for found in _LIBRARY.findall(told))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


_TEEWORLDS_DATA: Final = Path("/usr/share/games/teeworlds/data")
TEEWORLDS: Final = Example(
    package="teeworlds-server",
    program=Path("/usr/games/teeworlds-server"),
    data=(("data/maps", _TEEWORLDS_DATA / "maps"), ("data/mapres", _TEEWORLDS_DATA / "mapres")),
    protocol="udp",
    arguments='"sv_port $PORT" "sv_register 0"',
)
WESNOTH: Final = Example(
    package="wesnoth-1.16-server",
    program=Path("/usr/games/wesnothd-1.16"),
    data=(),
    protocol="tcp",
    arguments='--port "$PORT"',
)
