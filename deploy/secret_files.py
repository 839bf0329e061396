"""Secrets that are files: where a variable would show in listings of processes and deployments."""

from __future__ import annotations

from pathlib import Path

from deploy.settings import SettingsError


def read_secret(variable: str, path: str) -> str:
    """The file's text without the end of its line.

    Raises SettingsError, which names the variable and the file and shows nothing of the text.
    """
    try:
        secret = Path(path).read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        # A text that is no UTF-8 is shown by its error: only its kind may be.
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{variable}: {path} can't be read: {why}") from None
    if not secret:
        raise SettingsError(f"{variable}: {path} is empty")
    return secret
