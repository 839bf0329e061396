"""Records an operator's act in the log: before it is done, and how it ended."""

from __future__ import annotations

import getpass
import socket
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.brokers import brokers_of
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

_UNKNOWN: Final = "unknown"


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
    """Do something that is in the log before it begins. Where the log is away it is not done.

    Raises LogUnavailable, and what is raised within, whose kind is recorded. An end that can't be recorded is
    left out: the act itself is in the log.
    """
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
        await _append(appender, began)
        try:
            yield
        except BaseException as error:
            await _append(appender, _ended(began, type(error).__name__))
            raise
        await _append(appender, _ended(began, DONE))
    finally:
        await appender.stop()


def _ended(began: Operation, outcome: str) -> Operation:
    return msgspec.structs.replace(began, outcome=outcome)


async def _append(appender: KafkaAppender, operation: Operation) -> None:
    await appender.append(OPERATIONS.name, 0, encode_operation(operation), operation.id.encode())
