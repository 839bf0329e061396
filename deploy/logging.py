"""JSON logs on standard error: one object a line, with whatever a call site puts into `extra`.

Request and command ids travel as `extra={"request_id": …, "command_id": …}`.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET: Final = ("aiokafka", "faust", "mode", "urllib3", "asyncio", "clickhouse_connect")
"""Libraries that log from WARNING on, so that they build no records that are dropped."""


class JsonFormatter(logging.Formatter):
    """One line of JSON: time, level, logger, message, process, the call's extras, the exception."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; values that JSON can't hold become their text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": self._process,
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(process: str, level: str) -> None:
    """Send all logging of this process through JsonFormatter. Called again: replaces what was configured."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


def exception(message: str) -> None:
    """Log the current exception, for a process that can't go on."""
    logging.getLogger("questlog").exception(message)  # noqa: LOG004 - it is called from handlers
