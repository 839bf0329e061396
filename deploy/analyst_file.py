"""Analysts' accounts of the embedded ClickHouse: `<home>/clickhouse/readers.json`, for its owner alone.

The server reads the file again when it changes, so that a new account works and one that was taken out ends
at the next request; a statement of it that runs ends with the next piece of its result.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from deploy.analysts import Account, AnalystRefused, ListedAccount
from deploy.private_files import for_its_owner, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def accounts_path(home: Path) -> Path:
    """Where the embedded ClickHouse of a home looks for them."""
    return home / "clickhouse" / "readers.json"


def read_accounts(path: Path) -> dict[str, Account]:
    """All accounts by name; none where there is no file. Raises AnalystRefused where it can't be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Account])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise AnalystRefused(f"{path} does not hold accounts of analysts: {error}") from None


class AccountFile:
    """Changes the file of a home, one command at a time."""

    def __init__(self, home: Path) -> None:
        self._path = accounts_path(home)

    async def create(self, name: str, account: Account) -> None:
        """Raises AnalystRefused where the name is taken."""
        with self._changed() as accounts:
            if name in accounts:
                raise AnalystRefused(
                    f"there is an analyst {name} already: revoke that one, or take another name"
                )
            accounts[name] = account

    async def revoke(self, name: str, studio_id: str) -> None:
        """Raises AnalystRefused where the studio has no such account."""
        with self._changed() as accounts:
            if name not in accounts or accounts[name].studio_id != studio_id:
                raise AnalystRefused(f"the studio has no analyst {name}")
            del accounts[name]

    async def listed(self) -> list[ListedAccount]:
        """All accounts by name."""
        return [
            ListedAccount(name=name, studio_id=account.studio_id, created_at_ms=account.created_at_ms)
            for name, account in sorted(read_accounts(self._path).items())
        ]

    async def renew(self) -> int:
        """Nothing is to be done: the server looks at its tables with every statement."""
        return len({one.studio_id for one in await self.listed()})

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Account]]:
        """What the file holds, to be changed: written whole, or not at all where the block raises."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path.with_suffix(".lock"), "a", opener=for_its_owner) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            accounts = read_accounts(self._path)
            yield accounts
            write_private(self._path, msgspec.json.encode(accounts, order="sorted").decode())
