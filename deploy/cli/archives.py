"""What `questlog backup` and `restore` say where they can't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.cli.errors import RequestRefused
from deploy.home_archive import ArchiveRefused


@contextmanager
def archiving(outcome: str) -> Iterator[None]:
    """Raise RequestRefused for what an archive refuses; for what can't be read or written with `outcome`."""
    try:
        yield
    except ArchiveRefused as refused:
        raise RequestRefused(str(refused)) from None
    except OSError as error:
        raise RequestRefused(f"{outcome}: {error}") from None
