import hashlib
import io
import struct
import tarfile
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streams.fleet.builds import archive as archives
from streams.fleet.builds.refused import BuildRefused
from tests.streams.fleet.builds.zips import (
    FOLDER_MODE,
    SCRIPT,
    Item,
    Lines,
    archive,
    central,
    deflated,
    elf,
    end,
    end_64,
    link,
    local,
    parts,
    process,
    script,
    unpacked,
    with_zip64,
)

LYING = 0x00400000


def refusal(data: bytes, folder: Path, executable: str = "run") -> str:
    with pytest.raises(BuildRefused) as refused:
        process(data, folder, executable)
    message = str(refused.value)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 700
    return message


def test_an_archive_becomes_a_sorted_artefact_of_owner_0_and_no_times(tmp_path: Path) -> None:
    made, artefact = process(
        archive(
            script(),
            Item(b"lib/b.so", b"\x00" * 700, mode=0o104775),
            Item(b"lib/a.txt", b"text", mode=0o100600),
            Item(b"empty/", mode=FOLDER_MODE),
            link(b"lib/c.so", b"../lib/./b.so"),
            Item("lib/größe/雪".encode(), b"", method=0),
        ),
        tmp_path,
    )
    assert unpacked(artefact) == {
        "empty": (tarfile.DIRTYPE, 0o755, ""),
        "lib": (tarfile.DIRTYPE, 0o755, ""),
        "lib/a.txt": (tarfile.REGTYPE, 0o644, b"text"),
        "lib/b.so": (tarfile.REGTYPE, 0o755, b"\x00" * 700),
        "lib/c.so": (tarfile.SYMTYPE, 0o777, "../lib/./b.so"),
        "lib/größe": (tarfile.DIRTYPE, 0o755, ""),
        "lib/größe/雪": (tarfile.REGTYPE, 0o644, b""),
        "run": (tarfile.REGTYPE, 0o755, SCRIPT),
    }
    assert (made.files, made.unpacked_bytes, made.executable_path) == (4, 700 + 4 + len(SCRIPT), "run")
    assert (made.sha256, made.size_bytes) == (hashlib.sha256(artefact).hexdigest(), len(artefact))


def test_the_same_content_gives_the_same_bytes_however_it_is_archived(tmp_path: Path) -> None:
    items = [script(), Item(b"a/b", b"content"), Item(b"a/c", b"x" * 900)]
    _, one = process(archive(*items), tmp_path)
    _, same = process(archive(*items), tmp_path)
    _, other = process(
        archive(Item(b"a/", mode=FOLDER_MODE), *[replace(item, method=0) for item in reversed(items)]),
        tmp_path,
    )
    assert one == same == other


def test_archives_of_other_writers_are_read(tmp_path: Path) -> None:
    for streamed in (False, True):
        written = io.BytesIO()
        target: Any = _Unseekable(written) if streamed else written
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("Game/run", SCRIPT)
            with file.open("Game/data.bin", "w", force_zip64=True) as entry:
                entry.write(b"y" * 3000)
        made, artefact = process(written.getvalue(), tmp_path)
        assert unpacked(artefact)["data.bin"][2] == b"y" * 3000
        assert made.files == 2


class _Unseekable:
    def __init__(self, written: io.BytesIO) -> None:
        self.write = written.write
        self.flush = written.flush


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"../run", "'..'"),
        (b"a/../../run", "'..'"),
        (b"a/..", "'..'"),
        (b"/etc/passwd", "absolute"),
        (b"C:/run", "absolute"),
        (b"a\\b", "backslash"),
        (b"..\\run", "backslash"),
        (b"caf\xe9", "not UTF-8"),
        (b"\xc0\xae\xc0\xae/run", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"a\x00b", "control characters"),
        (b"a\nlog line", "control characters"),
        (b"\x1b[2J", "control characters"),
        (b"a//b", "empty name"),
        (b"a/./b", "empty name or '.'"),
        (b"x" * 256, "longer than"),
        (b"/".join([b"y" * 200] * 6), "longer than"),
        (b"d/" * 65 + b"f", "folders deep"),
    ],
)
def test_names_that_lead_elsewhere_or_cannot_be_kept_are_refused(
    tmp_path: Path, name: bytes, why: str
) -> None:
    assert why in refusal(archive(script(), Item(name, b"x")), tmp_path)


def test_the_deepest_tree_that_is_taken(tmp_path: Path) -> None:
    _, artefact = process(archive(script(), Item(b"d/" * 63 + b"f", b"x")), tmp_path)
    assert len(unpacked(artefact)) == 65


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([Item(b"a", b"1"), Item(b"a", b"2")], "twice"),
        ([Item(b"a", b"1"), Item(b"./a", b"2")], "twice"),
        ([Item(b"a", b"1"), Item(b"a/", mode=FOLDER_MODE)], "twice"),
        ([Item(b"a", b"1"), Item(b"a/b", b"2")], "lies below 'a', which is a file"),
        ([link(b"a", b"b"), Item(b"a/x", b"written through")], "lies below 'a', which is a link"),
        ([Item(b"a/x", b"written through"), link(b"a", b"/etc")], "lies below 'a', which is a link"),
        ([link(b"a", b"/etc/passwd")], "absolute"),
        ([link(b"a", b"..")], "leads out"),
        ([link(b"a/b/c", b"../../../etc")], "leads out"),
        ([link(b"a/b", b".."), link(b"c", b"a/b/../x")], "leads out"),
        ([link(b"x/y/up", b"../.."), link(b"a", b"x/y/up/../..")], "leads out"),
        ([link(b"a", b"b"), link(b"b", b"a")], "circles"),
        ([link(b"a", b"a/x")], "circles"),
        ([link(b"a", b"b\x00c")], "target is empty"),
        ([link(b"a", b"")], "target is empty"),
        ([link(b"a", b"\xff")], "target is not UTF-8"),
        ([link(b"a", b"x/" * 2048)], "target of more than"),
        ([Item(b"a", mode=0o020666)], "device"),
        ([Item(b"a", mode=0o060660)], "device"),
        ([Item(b"a", mode=0o010644)], "pipe"),
        ([Item(b"a", mode=0o140755)], "socket"),
        ([Item(b"a/", b"content", mode=FOLDER_MODE)], "has content"),
        ([Item(b"a/", mode=0o100644)], "folder by its name"),
        ([Item(b"a", b"1", flags=1)], "encrypted"),
        ([Item(b"a", b"1", flags=1 << 6 | 1)], "encrypted"),
        ([Item(b"a", b"1", flags=1 << 13)], "encrypted"),
        ([Item(b"a", b"1", method=12)], "method 12"),
        ([Item(b"a", b"1", method=99)], "method 99"),
        ([Item(b"a", b"1", method=9)], "method 9"),
        ([Item(b"a", b"1", disk=1)], "split"),
    ],
)
def test_entries_that_do_not_belong_into_a_build_are_refused(
    tmp_path: Path, items: list[Item], why: str
) -> None:
    assert why in refusal(archive(script(), *items), tmp_path)


def test_links_that_stay_are_kept_as_they_are_and_dangling_ones_too(tmp_path: Path) -> None:
    _, artefact = process(
        archive(script(), link(b"a/up", b".."), link(b"b", b"a/up/run"), link(b"c", b"not/there")), tmp_path
    )
    found = unpacked(artefact)
    assert [found[name][2] for name in ("a/up", "b", "c")] == ["..", "a/up/run", "not/there"]


def test_a_link_that_leaves_the_only_top_folder_is_refused(tmp_path: Path) -> None:
    data = archive(script(b"top/run"), link(b"top/a", b"../top/run"))
    assert "leads out" in refusal(data, tmp_path)
    process(data, tmp_path, "top/run")


@pytest.mark.parametrize("declared", [0, 5, 100_000])
def test_what_is_written_counts_and_not_what_is_declared(tmp_path: Path, declared: int) -> None:
    message = refusal(archive(script(), Item(b"a", b"z" * 50_000, size=declared)), tmp_path)
    assert "holds more" in message or "damaged" in message


def test_a_bomb_that_declares_little_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = Item(b"a", bytes(30 * 2**20))
    assert "times its size" in refusal(archive(script(), bomb), tmp_path)
    assert "holds more" in refusal(archive(script(), replace(bomb, size=100, crc=1)), tmp_path)
    monkeypatch.setattr(archives, "UNPACKED_BYTES_MAX", 1000)
    assert "more than 1,000 bytes" in refusal(archive(script(), Item(b"a", b"q" * 1000, method=0)), tmp_path)


def test_terabytes_that_are_only_declared_are_refused_at_once(tmp_path: Path) -> None:
    item = with_zip64(script(), 0)
    size = struct.pack("<2H3Q", 1, 24, 2**62, len(item.packed_content()), 0)
    assert "contradict" in refusal(archive(replace(item, extra=size)), tmp_path)
    both = replace(
        item, extra=size, local_extra=size[:2] + struct.pack("<HQQ", 16, 2**62, len(deflated(SCRIPT)))
    )
    assert "more than 8,589,934,592 bytes" in refusal(archive(both), tmp_path)


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    inner = local(Item(b"b", b"y" * 100, method=0))
    outer = Item(b"a", inner, method=0)
    body, directory = parts(script(), outer)
    hidden = replace(Item(b"b", b"y" * 100, method=0), offset=len(body) - len(inner))
    directory += central(hidden, 0)
    assert "share bytes" in refusal(body + directory + end(3, len(directory), len(body)), tmp_path)

    body, directory = parts(script())
    directory *= 2
    directory = directory.replace(b"run", b"ran", 1)
    message = refusal(body + directory + end(2, len(directory), len(body)), tmp_path)
    assert "contradict" in message or "share" in message


def test_an_overlapping_bomb_by_quoting_is_refused(tmp_path: Path) -> None:
    """Local headers are quoted in non-final stored blocks of the entry before (Fifield's construction)."""
    kernel = deflated(bytes(1_000_000))
    last = Item(b"b", bytes(1_000_000), packed=kernel)
    quoted = local(last)[: 30 + 1]
    block = b"\x00" + struct.pack("<2H", len(quoted), len(quoted) ^ 0xFFFF) + quoted
    whole = quoted + bytes(1_000_000)
    first = Item(b"a", whole, packed=block + kernel)
    body, directory = parts(script(), first)
    at = len(body) - len(quoted) - len(kernel)
    directory += central(last, at)
    assert zlib.decompress(block + kernel, -15) == whole
    assert "share bytes" in refusal(body + directory + end(3, len(directory), len(body)), tmp_path)


@pytest.mark.parametrize("cut", [1, 10, 21, 22, 60, 100])
def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    data = archive(script(), Item(b"a", b"1" * 10))
    assert "cut off" in refusal(data[:-cut], tmp_path)
    assert "cut off" in refusal(data[: len(data) // 3], tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK", b"\x1f\x8b" + bytes(100), b"PK\x05\x06" + bytes(17)])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "no ZIP archive" in refusal(data, tmp_path)


def test_content_that_is_not_as_the_directory_says_is_refused(tmp_path: Path) -> None:
    good = Item(b"a", b"content " * 50)
    packed = good.packed_content()
    assert "damaged" in refusal(archive(script(), replace(good, crc=1)), tmp_path)
    assert "ends too early" in refusal(archive(script(), replace(good, packed=packed[:-3])), tmp_path)
    assert "behind its content" in refusal(
        archive(script(), replace(good, packed=packed + b"more")), tmp_path
    )
    assert "can't be inflated" in refusal(archive(script(), replace(good, packed=b"\xff" * 30)), tmp_path)
    assert "declares" in refusal(archive(script(), replace(good, method=0, size=3)), tmp_path)


def test_headers_that_contradict_the_directory_are_refused(tmp_path: Path) -> None:
    good = Item(b"a", b"content")
    for item in (
        replace(good, local_name=b"b"),
        replace(good, local_size=3),
        replace(good, local_numbers=False),
        replace(good, offset=3),
    ):
        message = refusal(archive(script(), item), tmp_path)
        assert "contradict" in message or "not where" in message
    process(archive(script(), replace(good, local_numbers=False, flags=1 << 3)), tmp_path)
    assert "cut off" in refusal(archive(script(), replace(good, offset=2**31)), tmp_path)


def test_end_records_that_two_readers_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    body, directory = parts(script())
    plain = (1, len(directory), len(body))
    process(body + directory + end(*plain, comment=b"a comment"), tmp_path)
    second = end(*plain, comment=end(0, 0, 0))
    assert "several end records" in refusal(body + directory + second, tmp_path)
    assert "bytes were put before" in refusal(b"#!/bin/sh\n" + body + directory + end(*plain), tmp_path)
    assert "no ZIP archive" in refusal(body + directory + end(*plain) + b"behind", tmp_path)
    assert "split" in refusal(body + directory + end(*plain, disk=1), tmp_path)
    assert "fewer entries" in refusal(body + directory + end(2, *plain[1:]), tmp_path)
    assert "more entries" in refusal(body + directory + end(0, *plain[1:]), tmp_path)


def test_zip64_is_read_and_its_contradictions_are_refused(tmp_path: Path) -> None:
    items = [with_zip64(script(), 0)]
    body, directory = parts(*items)
    at = len(body) + len(directory)
    wide = end_64(1, len(directory), len(body), at)
    maxed = end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    made, _ = process(body + directory + wide + maxed, tmp_path)
    assert made.files == 1
    process(body + directory + wide + end(1, len(directory), len(body)), tmp_path)
    process(body + directory + end(1, len(directory), len(body)), tmp_path)

    assert "contradict" in refusal(body + directory + wide + end(2, len(directory), len(body)), tmp_path)
    assert "not where" in refusal(
        body + directory + end_64(1, len(directory), len(body), at - 5) + maxed, tmp_path
    )
    assert "not where" in refusal(
        body + directory + end_64(1, len(directory), len(body), 2**63) + maxed, tmp_path
    )
    assert "65,535 entries" in refusal(body + directory + maxed, tmp_path)
    for extra in (b"", b"\x01\x00\x08\x00" + bytes(8), items[0].extra * 2, b"\x01\x00\xff\xff"):
        assert "ZIP64" in (message := refusal(archive(replace(items[0], extra=extra)), tmp_path)) or (
            "extra fields" in message
        )


def numbered(count: int) -> bytes:
    """A script and so many empty files."""
    body, directory = parts(script())
    last = Item(b"00000", method=0)
    head, listed, name = local(last), central(last, 0), last.name
    place = len(listed) - len(name) - 4
    bodies, directories = [body], [directory]
    offset = len(body)
    for number in range(count):
        new = b"%05d" % number
        bodies.append(head.replace(name, new))
        directories.append(listed[:place] + offset.to_bytes(4, "little") + new)
        offset += len(head)
    body, directory = b"".join(bodies), b"".join(directories)
    wide = end_64(count + 1, len(directory), len(body), len(body) + len(directory))
    return body + directory + wide + end(min(count + 1, 0xFFFF), len(directory), len(body))


def test_a_build_has_at_most_50_000_entries(tmp_path: Path) -> None:
    made, _ = process(numbered(49_999), tmp_path)
    assert made.files == 50_000
    assert "50,001 entries, more than 50,000" in refusal(numbered(50_000), tmp_path)


def test_folders_that_no_entry_names_count_too(tmp_path: Path) -> None:
    deep = [Item(b"%d/" % number + b"d/" * 60 + b"f", method=0) for number in range(1_000)]
    assert "more than 50,000 files and folders" in refusal(archive(script(), *deep), tmp_path)


def test_the_only_top_folder_is_the_root_where_the_executable_lies_below_it(tmp_path: Path) -> None:
    inside = [script(b"Game/bin/run"), Item(b"Game/a", b"1"), link(b"Game/l", b"a")]
    log = Lines()
    _, artefact = process(archive(*inside, Item(b"__MACOSX/._run", b"fork")), tmp_path, "bin/run", log)
    assert set(unpacked(artefact)) == {"a", "bin", "bin/run", "l"}
    assert any("root" in message for _, _, message in log.told)
    _, artefact = process(archive(*inside), tmp_path, "Game/bin/run")
    assert "Game/a" in unpacked(artefact)
    assert "such as 'Game/bin/run'" in refusal(archive(*inside, Item(b"b", b"1")), tmp_path, "bin/run")


@pytest.mark.parametrize("head", [elf(), elf(kind=3), b"#!/usr/bin/env python3\n"])
def test_an_executable_is_a_program_for_x86_64_or_a_script_and_gets_its_bit(
    tmp_path: Path, head: bytes
) -> None:
    made, artefact = process(archive(Item(b"s/game", head), link(b"game", b"s/game")), tmp_path, "./game")
    assert unpacked(artefact)["s/game"][1] == 0o755
    assert made.executable_path == "game"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "neither"),
        (b"echo hello", "neither"),
        (b"MZ" + bytes(100), "Windows"),
        (b"\xcf\xfa\xed\xfe" + bytes(100), "macOS"),
        (elf(machine=183), "another machine"),
        (elf(kind=1), "another machine"),
        (elf(bits=1), "another machine"),
        (elf()[:10], "another machine"),
    ],
)
def test_an_executable_that_no_host_can_run_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refusal(archive(Item(b"run", content)), tmp_path)


@pytest.mark.parametrize("executable", ["missing", "folder", "", "/run", "../run", "a\\b", "dangling"])
def test_an_executable_that_is_not_there_is_refused(tmp_path: Path, executable: str) -> None:
    refusal(archive(script(), Item(b"folder/x", b"1"), link(b"dangling", b"nothing")), tmp_path, executable)
