"""Runs the system's programs (ip, nft, mount …) and says what they said when they fail."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Final

_LOOK_S: Final = 1.0
_LOOKS: Final = 30
_TOLD: Final = 500


class CommandFailed(Exception):
    """A program ended otherwise than with 0. The message has its name and its last words."""


def run(*command: str, given: str = "") -> str:
    """The program's output. Raises CommandFailed, also when it takes longer than 30 s.

    Time in which this process itself was stopped does not count: the program may have ended meanwhile.
    """
    pipe = subprocess.PIPE
    try:
        # Without a shell.
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace"
        ) as process:
            output, errors = _communicate(process, given)
    except OSError as error:
        raise CommandFailed(f"{command[0]} can't be run: {error}") from error
    if process.returncode != 0:
        told = (errors or output).strip()[-_TOLD:]
        raise CommandFailed(f"{' '.join(command[:3])} ended with {process.returncode}: {told}")
    return output


def _communicate(process: subprocess.Popen[str], given: str) -> tuple[str, str]:
    """What it printed. Raises CommandFailed, once it is killed, where it does not end."""
    said: str | None = given
    try:
        for _ in range(_LOOKS):
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.communicate(said, timeout=_LOOK_S)
            said = None  # it has begun to get it
    except BaseException:
        process.kill()
        raise
    process.kill()
    process.communicate()
    raise CommandFailed(f"{process.args!r} has not ended in {_LOOKS * _LOOK_S:.0f} s")
