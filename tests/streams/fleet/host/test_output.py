"""Paging through what a server printed, with deaths of the reader between."""

from __future__ import annotations

import os
import random
from pathlib import Path

from streams.fleet.host.attempts import Attempt, Attempts
from streams.fleet.host.driver import Stats
from streams.fleet.host.launch import Launch
from streams.fleet.host.lines import Printed
from streams.fleet.host.output import UNREAD_BYTES_MAX, Output, punch
from streams.fleet.host.sampler import Sampler


def make(root: Path) -> Attempt:
    launch = Launch(instance_id="i", attempt=1, region="eu-west", command=("x",), cpu_cores=1, memory_mib=64)
    return Attempts(root).make(launch, driver="process", now_ms=0)


def test_pages_with_deaths_between_equal_the_raw_output(tmp_path: Path) -> None:
    attempt, chance = make(tmp_path), random.Random(7)
    raw = {
        stream: [f"{stream} {number} {'x' * chance.randrange(60)}" for number in range(900)]
        for stream in ("stdout", "stderr")
    }
    pending = {stream: "".join(f"{line}\n" for line in lines).encode() for stream, lines in raw.items()}
    output, told, now_s = Output(attempt, 0), dict[tuple[str, int], Printed](), 0.0
    while any(pending.values()) or not output.finished():
        for stream in raw:
            piece = chance.randrange(4000)
            with open(attempt.folder / stream, "ab") as file:
                file.write(pending[stream][:piece])
            pending[stream] = pending[stream][piece:]
        now_s += 5
        ended = not any(pending.values())
        for line in output.read(now_s=now_s, now_ms=int(now_s * 1000), lines_max=50, ended=ended):
            known = told.setdefault((line.stream, line.offset), line)
            assert (known.message, known.level) == (line.message, line.level)
        if chance.random() < 0.5:
            output.appended()
        if chance.random() < 0.3:
            output = Output(attempt, now_s)
    for stream, lines in raw.items():
        assert [told[key].message for key in sorted(told) if key[0] == stream] == lines


def test_what_was_told_takes_no_space_and_keeps_its_offsets(tmp_path: Path) -> None:
    attempt = make(tmp_path)
    (attempt.folder / "stdout").write_bytes(b"x" * 99 + b"\n" + (b"y" * 8000 + b"\n") * 1000)
    output = Output(attempt, 0)
    found = output.read(now_s=0, now_ms=0, lines_max=10_000)
    assert len(found) == 1001
    output.appended()
    status = (attempt.folder / "stdout").stat()
    assert status.st_size == 100 + 8001 * 1000
    assert status.st_blocks * 512 < 1024 * 1024
    with open(attempt.folder / "stdout", "ab") as file:
        file.write(b"more\n")
    (line,) = Output(attempt, 0).read(now_s=0, now_ms=0, lines_max=10)
    assert (line.offset, line.message) == (status.st_size, "more")


def test_what_was_punched_out_unread_is_one_warning(tmp_path: Path) -> None:
    attempt = make(tmp_path)
    path = attempt.folder / "stdout"
    path.write_bytes((b"z" * 999 + b"\n") * 4096)
    punch(path, 0, 3_072_000)
    found = Output(attempt, 0).read(now_s=0, now_ms=0, lines_max=10_000)
    assert found[0].level == "warn"
    assert found[0].offset == 0
    assert "dropped" in found[0].message
    assert found[-1].offset == 4095 * 1000
    assert len(found) == 1 + 1024


def test_more_than_can_be_read_is_skipped(tmp_path: Path) -> None:
    attempt = make(tmp_path)
    path = attempt.folder / "stdout"
    os.truncate(path, 3 * UNREAD_BYTES_MAX)
    with open(path, "ab") as file:
        file.write(b"last\n")
    found = Output(attempt, 0).read(now_s=0, now_ms=0, lines_max=10)
    assert [line.level for line in found] == ["warn", "info"]
    assert found[-1].message == "last"


def test_samples_are_differences() -> None:
    sampler = Sampler(2.0, 64)
    assert sampler.sample(Stats(0, 5, 0, 0, 0), now_ns=0, at_ms=0) is None
    first = sampler.sample(Stats(15_000_000_000, 7, 1, 2, 3), now_ns=15_000_000_000, at_ms=15_000)
    assert first is not None
    assert (first.cpu_percent, first.load, first.memory_bytes) == (50.0, 1.0, 7)
    second = sampler.sample(Stats(15_000_000_000, 7, 1, 2, 3), now_ns=30_000_000_000, at_ms=30_000)
    assert second is not None
    assert (second.cpu_percent, second.load, second.tcp_connections) == (0.0, 0.5, 3)
