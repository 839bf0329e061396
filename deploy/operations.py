"""Records an operator's act in the log: before it is done, and how it ended."""

from __future__ import annotations

import getpass
import logging
import socket
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.brokers import brokers_of
from schemas.log import LogUnavailable
from schemas.operations import (
    BEGAN,
    DONE,
    OPERATION_VERSION,
    OPERATIONS,
    TEXT_CHARACTERS_MAX,
    Operation,
    encode_operation,
)
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.settings import Settings
    from schemas.log import Appender

_UNKNOWN: Final = "unknown"
_log: Final = logging.getLogger(__name__)


def operator() -> str:
    """Who runs this process: `operator NAME@HOST`, by the operating system's word."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = _UNKNOWN
    return f"operator {name}@{socket.gethostname()}"


@asynccontextmanager
async def recorded(
    settings: Settings, act: str, *, target: str = "", studio_id: str = ""
) -> AsyncIterator[None]:
    """Do something that is in the log before it begins, as `recorded_in` says."""
    appender = KafkaAppender(brokers_of(settings), client_id="questlog-operations")
    began = Operation(
        version=OPERATION_VERSION,
        id=str(uuid.uuid4()),
        act=act,
        outcome=BEGAN,
        by=operator(),
        studio_id=studio_id,
        target=target[:TEXT_CHARACTERS_MAX],
    )
    try:
        async with recorded_in(appender, began):
            yield
    finally:
        await appender.stop()


@asynccontextmanager
async def recorded_in(appender: Appender, began: Operation) -> AsyncIterator[None]:
    """Do something once its beginning is in the log, then record how it ended.

    Raises LogUnavailable where the log is away: it is not done. What is raised within is recorded by its kind
    and raised again. An end that can't be recorded is left out, and said: what was done is done, and the act
    itself is in the log.
    """
    await _append(appender, began)
    try:
        yield
    except BaseException as error:
        await _append_end(appender, began, type(error).__name__)
        raise
    await _append_end(appender, began, DONE)


async def _append_end(appender: Appender, began: Operation, outcome: str) -> None:
    try:
        await _append(appender, msgspec.structs.replace(began, outcome=outcome))
    except LogUnavailable as error:
        _log.warning("that `%s` ended (%s) is not in the log: %s", began.act, outcome, error)


async def _append(appender: Appender, operation: Operation) -> None:
    await appender.append(OPERATIONS.name, 0, encode_operation(operation), operation.id.encode())
