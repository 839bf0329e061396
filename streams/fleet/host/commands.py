"""Runs the system's programs (ip, nft, mount …) and says what they said when they fail."""

from __future__ import annotations

import subprocess
from typing import Final

_RUN_S: Final = 30.0
_TOLD: Final = 500


class CommandFailed(Exception):
    """A program ended otherwise than with 0. The message has its name and its last words."""


def run(*command: str, given: str = "") -> str:
    """The program's output. Raises CommandFailed, also when it takes longer than 30 s."""
    try:
        ended = subprocess.run(  # without a shell
            command,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_RUN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"{command[0]} can't be run: {error}") from error
    if ended.returncode != 0:
        told = (ended.stderr or ended.stdout).strip()[-_TOLD:]
        raise CommandFailed(f"{' '.join(command[:3])} ended with {ended.returncode}: {told}")
    return ended.stdout
