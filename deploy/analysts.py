"""Accounts of ClickHouse for analysts: what one is, its limits, and how a new one is made.

An account is the store's own and no event: it changes nothing of its studio, no decider and no projection
looks at it, ClickHouse alone asks for its password, and a rebuild from the log has to leave it as it is.
A hash of a password would stay in a log for ever; in the store it ends with the account.

The embedded ClickHouse reads accounts from a file (`analyst_file.py`); in production they are users of
ClickHouse (`analyst_users.py`). Both have the limits of this file and see the same tables.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS: Final = {
    "max_execution_time": "30",
    "max_memory_usage": str(1 << 30),
    "max_result_rows": "1000000",
    "max_threads": "2",
}
"""A request may ask for less of each, never for more."""
ON_DISK: Final = {
    "max_bytes_before_external_group_by": str(1 << 28),
    "max_temporary_data_on_disk_size_for_query": str(4 << 30),
}
"""Not to be chosen: from so much memory on a statement's groups wait on disk, which has its limit too."""
RUNNING_MAX: Final = 2
"""Statements that run at once: of a studio in the embedded ClickHouse, of an account in production."""
FORM_SETTINGS: Final = frozenset(
    {
        *("final", "session_timezone", "extremes", "limit", "offset", "result_overflow_mode"),
        *("join_use_nulls", "group_by_use_nulls", "transform_null_in", "cast_keep_nullable"),
        *("aggregate_functions_null_for_empty", "count_distinct_implementation", "decimal_check_overflow"),
        *("join_default_strictness", "any_join_distinct_right_table_keys", "prefer_column_name_to_alias"),
        *("union_default_mode", "except_default_mode", "intersect_default_mode", "date_time_output_format"),
        *("max_block_size", "max_result_bytes"),
    }
)
"""Settings of the answer's form, for analysts to choose; in the embedded ClickHouse `output_format_*` too."""
PASSWORD_BYTES: Final = 24
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,39}\Z")
_TAKEN: Final = frozenset({"default", "questlog"})


class AnalystRefused(Exception):
    """An account can't be made or ended. The message is for the person at the screen."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the store has it. `password_sha256` is in hex; `created_at_ms` 0: by hand."""

    password_sha256: str
    studio_id: str
    created_at_ms: int = 0


class NewAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account that was just made. `password` is shown once; only its hash is stored."""

    name: str
    studio: str
    password: str


class ListedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account as `questlog analysts list` shows it."""

    name: str
    studio_id: str
    created_at_ms: int


def make_password(randomness: Callable[[int], bytes]) -> str:
    """A password that cannot be guessed, so that a plain hash of it says nothing."""
    return base64.urlsafe_b64encode(randomness(PASSWORD_BYTES)).decode()


def password_hash(password: str) -> str:
    """As the store holds it: SHA-256 in hex."""
    return hashlib.sha256(password.encode()).hexdigest()


def check_name(name: str) -> str:
    """The name itself. Raises AnalystRefused where no account may be called so."""
    if not _NAME.match(name) or name in _TAKEN:
        raise AnalystRefused(
            f"an analyst can't be called {name!r}: take 2 to 40 of a-z, 0-9, _ and -, a letter first,"
            f" and not {' or '.join(sorted(_TAKEN))}"
        )
    return name
