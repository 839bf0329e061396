from __future__ import annotations

import io
import logging

from streams.runtime.process import quiet_libraries


def test_a_library_says_the_same_thing_once() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("aiokafka", "faust", "mode", "kafka")}
    root.addHandler(handler)
    try:
        quiet_libraries()
        quiet_libraries()
        for number in range(5):
            logging.getLogger("aiokafka.client").warning("no node %d", number)
            logging.getLogger("streams.runtime").warning("ours %d", number)
        logging.getLogger("aiokafka.client").warning("another thing")
        assert len(handler.filters) == 1
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    lines = out.getvalue().splitlines()
    assert lines.count("no node 0") == 1
    assert sum("no node" in line for line in lines) == 1
    assert sum("ours" in line for line in lines) == 5
    assert "another thing" in lines
