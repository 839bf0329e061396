"""How a worker process runs: uvloop everywhere, quiet libraries, stop on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvloop

EXIT_FAILED: Final = 70
_log: Final = logging.getLogger(__name__)
_NOISY: Final = ("aiokafka", "faust", "mode", "kafka")


_REPEAT_SECONDS: Final = 10.0


class _Repeats(logging.Filter):
    """Lets a library say the same thing once in 10 s: without a broker aiokafka says it 30 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_NOISY):
            return True
        what = (record.name, str(record.msg))
        said_at, unsaid = self._said.get(what, (-_REPEAT_SECONDS, 0))
        if record.created - said_at < _REPEAT_SECONDS:
            self._said[what] = (said_at, unsaid + 1)
            return False
        if len(self._said) > 1000:
            self._said.clear()
        self._said[what] = (record.created, 0)
        if unsaid:
            record.msg, record.args = f"{record.getMessage()} ({unsaid} more like it unsaid)", ()
        return True


def quiet_libraries() -> None:
    """Keep aiokafka and Faust from building log records that are dropped, and from repeating themselves.

    The first is a third of a record's cost. Call it after the handlers are set up; again changes nothing.
    """
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, _Repeats) for known in handler.filters):
            handler.addFilter(_Repeats())


def end_process(code: int, reason: str, leave: Callable[[int], Any] = os._exit) -> None:
    """Leave at once, saying why: its supervisor starts it again."""
    _log.critical("%s; the process ends with code %d", reason, code)
    for handler in logging.getLogger().handlers:
        handler.flush()
    leave(code)


def run_worker(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` until it returns. Its event is set by the first SIGTERM or SIGINT.

    The policy is set, not only this loop: Faust's consumer thread makes a loop of its own.
    """
    quiet_libraries()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_with_signals(main))


async def _with_signals(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(stop)
