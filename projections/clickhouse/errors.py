"""How statements in ClickHouse fail, for those that only need to know of it."""

from __future__ import annotations


class ClickHouseError(Exception):
    """Anything that kept a statement from succeeding."""


class ClickHouseAway(ClickHouseError):
    """No answer, or one that says "later", until the time for retries was used up. The effect is unknown."""


class ClickHouseRefused(ClickHouseError):
    """ClickHouse rejected the statement itself; asking again gives the same. `code` is its error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class NoAnswer(Exception):
    """No answer, or one that is cut off. Whether the statement had an effect is unknown."""


class StatementFailed(Exception):
    """ClickHouse, or a proxy before it, says that a statement failed; `code` is None from a proxy.

    The message is the server's, cut after 2,000 bytes.
    """

    def __init__(self, code: int | None, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
