"""One folder for each attempt of a server: what was to run, what runs, what it printed, how it ended.

The folder is complete before anything starts and is made by one rename, so an attempt is started once: the
process that starts it holds the folder's `lock` (a lock of the kernel, inherited by the small parent of the
server and released when that ends). The folder tells the state:

| lock | files | |
|---|---|---|
| held | | it runs, or is just being started |
| free | no `parent` | it never started |
| free | `exit` | it ended with this code |
| free | `parent`, no `exit` | its parent was killed: what it was can be asked of pid and start time alone |

The lock, and what its parent writes (`parent`, `pid`, `exit`), have their room on the disk from the start, as
empty files. What an agent notes beside is noted where there is room: on a full disk it warns and goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from streams.fleet.host.disk_room import reserve
from streams.fleet.host.launch import Launch
from streams.fleet.host.place import SEATS
from streams.fleet.host.processes import Identity, boot_id, identify

Stream = Literal["stdout", "stderr"]
STREAMS: Final[tuple[Stream, Stream]] = ("stdout", "stderr")


_log: Final = logging.getLogger(__name__)
_FLOCK: Final = struct.Struct("hhqqi4x")
_RESERVED: Final = ("parent", "pid", "exit")
_NOTE_BYTES: Final = 512
"""A line of /proc/PID/stat has fewer."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What is run and where. Written once."""

    launch: Launch
    seat: int
    sdk_port: int | None = None
    inner_ports: dict[str, int] = {}
    """By port with TLS, where servers share the host's network: what the server binds behind its relay."""
    driver: str
    made_at_ms: int


class Attempt:
    """An attempt's folder. The object knows nothing beyond it: two of the same folder are the same."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self.folder = folder
        self.spec = spec
        self._complained: set[str] = set()

    @property
    def launch(self) -> Launch:
        """What it was asked to run."""
        return self.spec.launch

    @property
    def id(self) -> str:
        """The instance and the number of its attempt."""
        return self.folder.name

    def output(self, stream: Stream) -> Path:
        """The file of what it prints there."""
        return self.folder / stream

    @property
    def run_folder(self) -> Path:
        """What the server sees as /run/questlog."""
        return self.folder / "run"

    def parent(self) -> Identity | None:
        """The small parent, running or not; None where it never began."""
        return self._identity("parent")

    def server(self) -> Identity | None:
        """The server's first process, running or not; None where none was noted."""
        return self._identity("server")

    def noted(self, name: str, write: Callable[[], object]) -> bool:
        """Whether it could be written; False where the disk is full, said once for each name."""
        try:
            write()
        except FileNotFoundError:  # the folder is gone, and with it those who would read it
            return True
        except OSError as error:
            if name not in self._complained:
                _log.warning("%s of %s can't be noted: %s", name, self.id, error)
            self._complained.add(name)
            return False
        return True

    def note_server(self, server: Identity) -> None:
        """Notes who the server is. Its pid alone is noted by the parent."""
        self.noted("server", lambda: replace(self.folder / "server", msgspec.json.encode(server)))

    def noted_pid(self) -> int | None:
        """The server's pid as the parent or the runtime wrote it, before it was checked."""
        try:
            return int((self.folder / "pid").read_text() or "0") or None
        except (FileNotFoundError, ValueError):
            return None

    def exit_code(self) -> int | None:
        """As the parent noted it; None until then."""
        try:
            return int((self.folder / "exit").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def note_exit(self, code: int) -> None:
        """For a server whose parent could not."""
        self.noted("exit", lambda: replace(self.folder / "exit", str(code).encode()))

    def mark(self, name: str) -> None:
        """Writes that something about the attempt is so (`asked`). Raises OSError."""
        (self.folder / f"is-{name}").touch()

    def note_mark(self, name: str) -> bool:
        """As `mark` where there is room; whether there was."""
        return self.noted(name, lambda: self.mark(name))

    def unmark(self, name: str) -> None:
        """Notes that it is not so."""
        (self.folder / f"is-{name}").unlink(missing_ok=True)

    def marked(self, name: str) -> bool:
        """Whether this was noted."""
        return (self.folder / f"is-{name}").exists()

    def lock(self, name: str = "lock") -> int | None:
        """An open file that holds the attempt's lock; None where another process does. Close it to let go.

        Raises OSError.
        """
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK))
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def locked(self, name: str = "lock") -> bool:
        """Whether it is held: the parent lives, or a start is under way."""
        try:
            descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK))
        finally:
            os.close(descriptor)
        return answer != _lock(fcntl.F_UNLCK)

    def remove(self) -> None:
        """Removes the folder. Twice is as once."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _identity(self, name: str) -> Identity | None:
        try:
            text = (self.folder / name).read_text()
        except FileNotFoundError:
            return None
        if not text:
            return None
        if name == "parent":  # a line of /proc/PID/stat, written by a shell
            pid, _, rest = text.partition(" ")
            return Identity(int(pid), int(rest.rpartition(")")[2].split()[19]), self._boot())
        return msgspec.json.decode(text, type=Identity)

    def _boot(self) -> str:
        return (self.folder / "boot").read_text()


class Attempts:
    """The folders of one host, in `root`/attempts. Its methods may be called from several threads."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "attempts"
        self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._making = root / "attempts.lock"
        self._next_seat = 0

    def __iter__(self) -> Iterator[Attempt]:
        """Every attempt that is on this machine."""
        for folder in sorted(self._folder.iterdir()):
            if folder.name.startswith("."):
                continue
            with contextlib.suppress(FileNotFoundError):  # just removed
                yield Attempt(folder, msgspec.json.decode((folder / "spec.json").read_bytes(), type=Spec))

    def get(self, attempt_id: str) -> Attempt | None:
        """The attempt of this id, if its folder is here."""
        return next((attempt for attempt in self if attempt.id == attempt_id), None)

    def make(
        self,
        launch: Launch,
        *,
        driver: str,
        now_ms: int,
        sdk_port: int | None = None,
        inner_ports: dict[str, int] | None = None,
    ) -> Attempt:
        """The attempt's folder, made now if it is not there: an existing one is given back as it is.

        Raises OSError where the disk is full or 2,048 attempts are here.
        """
        folder = self._folder / launch.attempt_id
        with open(self._making, "w") as making:
            fcntl.flock(making, fcntl.LOCK_EX)
            if (folder / "spec.json").exists():
                return Attempt(folder, msgspec.json.decode((folder / "spec.json").read_bytes(), type=Spec))
            spec = Spec(
                launch=launch,
                seat=self._free_seat(),
                sdk_port=sdk_port,
                inner_ports=inner_ports or {},
                driver=driver,
                made_at_ms=now_ms,
            )
            unfinished = self._folder / f".{launch.attempt_id}"
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                unfinished.mkdir(mode=0o711)
                (unfinished / "run").mkdir(mode=0o755)
                for stream in STREAMS:
                    (unfinished / stream).touch(mode=0o600)
                (unfinished / "lock").touch(mode=0o600)
                for name in _RESERVED:
                    _reserve(unfinished / name)
                (unfinished / "boot").write_text(boot_id())
                _write(unfinished / "spec.json", msgspec.json.encode(spec))
                unfinished.rename(folder)
            except OSError:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            return Attempt(folder, spec)

    def _free_seat(self) -> int:
        taken = {attempt.spec.seat for attempt in self}
        for step in range(SEATS):
            seat = (self._next_seat + step) % SEATS
            if seat not in taken:
                self._next_seat = seat + 1
                return seat
        raise OSError(f"{SEATS} attempts are on this host: none more has room")


def _lock(kind: int) -> bytes:
    """The kernel's `struct flock` for a whole file. Such a lock belongs to the open file."""
    return _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)


def running_server(attempt: Attempt) -> Identity | None:
    """The server's first process if it was noted and runs."""
    server = attempt.server()
    return server if server is not None and identify(server.pid) == server else None


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Writes the file so that readers see the old content or the new one, whole."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(unfinished, content, mode=mode)
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _reserve(path: Path) -> None:
    """An empty file whose first bytes have their room, for writers that do not truncate it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        reserve(descriptor, _NOTE_BYTES)
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
