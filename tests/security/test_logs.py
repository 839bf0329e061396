"""Log lines: one object each, whatever is in them, with their time in UTC."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from deploy.logging import JsonFormatter


def test_a_line_is_one_object_with_its_time_in_utc() -> None:
    record = logging.LogRecord(
        "questlog", logging.WARNING, __file__, 1, "first\nsecond %s", ("\r\n{}",), None
    )
    address = '203.0.113.7"}\n{"level": "critical"'
    vars(record)["address"] = address
    text = JsonFormatter("edge-0").format(record)
    assert "\n" not in text
    assert "\r" not in text
    line = json.loads(text)
    assert line["message"] == "first\nsecond \r\n{}"
    assert line["level"] == "warning"
    assert line["address"] == address
    assert (line["process"], line["logger"]) == ("edge-0", "questlog")
    assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta()
