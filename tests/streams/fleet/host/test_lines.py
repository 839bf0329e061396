from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fleet.telemetry import LINE_BYTES_MAX
from streams.fleet.host.attempts import Stream
from streams.fleet.host.lines import Allowance, LineCutter, Printed, clean, level_of


def cut(pieces: list[bytes], position: int = 0, allowance: Allowance | None = None) -> list[Printed]:
    cutter = LineCutter("stdout", position, allowance or _plenty())
    found = [line for piece in pieces for line in cutter.feed(piece, 1)]
    return [*found, *cutter.end(1)]


@given(st.binary(max_size=300).map(lambda data: data.replace(b"a", b"\n")), st.data())
def test_lines_do_not_depend_on_how_the_bytes_came(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=5)))
    pieces = [data[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(data)])]
    assert cut(pieces) == cut([data])


@given(st.binary(max_size=300).map(lambda data: data.replace(b"a", b"\n")), st.integers(0, 300))
def test_who_goes_on_at_the_position_repeats_and_loses_nothing(data: bytes, dies_at: int) -> None:
    cutter = LineCutter("stdout", 0, _plenty())
    before = list(cutter.feed(data[:dies_at], 1))
    after = cut([data[cutter.position :]], cutter.position)
    assert before + after == cut([data])


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40), max_size=20))
def test_the_lines_are_what_was_printed(texts: list[str]) -> None:
    data = "".join(f"{text}\n" for text in texts).encode()
    found = cut([data])
    assert [line.message for line in found] == texts
    lengths = [len(f"{text}\n".encode()) for text in texts]
    assert [line.offset for line in found] == [sum(lengths[:index]) for index in range(len(texts))]


def test_long_lines_are_split_between_characters() -> None:
    text = "ü" * (LINE_BYTES_MAX + 10)
    found = cut([b"a" + text.encode() + b"\n"])
    assert "".join(line.message for line in found) == "a" + text
    assert all(len(line.message.encode()) <= LINE_BYTES_MAX for line in found)
    assert [line.offset for line in found] == [0, LINE_BYTES_MAX - 1, 2 * LINE_BYTES_MAX - 1]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m text\r\n", "red text"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\xff\xfe bad \xc3", "\ufffd\ufffd bad \ufffd"),
        (b"tab\there\x00\x07", "tab\there"),
        (b"\x1b(Bplain", "plain"),
        (b"", ""),
    ],
)
def test_escapes_and_bad_bytes(printed: bytes, shown: str) -> None:
    assert clean(printed) == shown


@pytest.mark.parametrize(
    ("text", "stream", "level"),
    [
        ("[ERROR] no", "stdout", "error"),
        ("System.NullReferenceException: x", "stdout", "error"),
        ("WARNING: error follows", "stdout", "warn"),
        ("debug: x", "stderr", "debug"),
        ("all well", "stdout", "info"),
        ("all well", "stderr", "warn"),
        ("forewarned terrors tracer", "stdout", "info"),
        ("x" * 200 + " error", "stdout", "info"),
    ],
)
def test_levels(text: str, stream: Stream, level: str) -> None:
    assert level_of(text, stream) == level


def test_what_is_over_the_allowance_is_dropped_and_counted_once() -> None:
    allowance = Allowance(0)
    cutter = LineCutter("stdout", 0, allowance)
    first = list(cutter.feed(b"x\n" * 5000, 1))
    assert len(first) == 2000
    assert cutter.position == 4000
    allowance.refill(1)
    second = list(cutter.feed(b"y\n" * 3, 2))
    assert second[0] == Printed(
        "agent", 8000, 2, "warn", "3000 lines of stdout were dropped: more than 200 a second"
    )
    assert [line.offset for line in second[1:]] == [10_000, 10_002, 10_004]
    assert list(cutter.end(3)) == []


def _plenty() -> Allowance:
    allowance = Allowance(0)
    allowance._left = allowance._most = 1e9
    return allowance
