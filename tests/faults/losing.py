"""A loss of power, as one broker suffers it: a partition's newest batches are gone, the last one is torn."""

from __future__ import annotations

from pathlib import Path


def batches(home: Path, topic: str, partition: int) -> list[tuple[int, int]]:
    """Where each batch of the partition's newest segment begins, and its size in bytes."""
    content = _segment(home, topic, partition).read_bytes()
    found, at = [], 0
    while at + 12 <= len(content):
        size = 12 + int.from_bytes(content[at + 8 : at + 12], "big")
        if at + size > len(content) or size == 12:
            break
        found.append((at, size))
        at += size
    return found


def lose(home: Path, topic: str, partition: int, count: int = 1) -> None:
    """Of a stopped stack: tear the `count`th last batch, and drop what stood behind it."""
    start, size = batches(home, topic, partition)[-count]
    with _segment(home, topic, partition).open("r+b") as segment:
        segment.truncate(start + size - 1)
    (home / "kafka" / "data" / ".kafka_cleanshutdown").unlink(missing_ok=True)


def _segment(home: Path, topic: str, partition: int) -> Path:
    return max((home / "kafka" / "data" / f"{topic}-{partition}").glob("*.log"))
