from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.deciders import studio_state
from streams.deciders.fold import Remembered
from streams.deciders.snapshots import REMEMBERED_A_FRAME, FolderSnapshots, Snapshot, SnapshotName
from streams.deciders.studio import STUDIO

NAME = SnapshotName(noun="studio", log_id="log-1", partition=0, events_next=10, code="c0de")


def snapshot(events_next: int) -> Snapshot:
    return Snapshot(
        src=events_next - 1,
        events_next=events_next,
        log_time_ms=1,
        state=[b"some", b"state"],
        remembered=[Remembered("c1", 3, 1)],
    )


def put(
    store: FolderSnapshots, events_next: int, *, remembered: list[Remembered] | None = None, **name: Any
) -> None:
    kept = snapshot(events_next)
    if remembered is not None:
        kept = msgspec.structs.replace(kept, remembered=remembered)
    store.put(msgspec.structs.replace(NAME, events_next=events_next, **name), kept)


def newest(store: FolderSnapshots, events_end: int = 100) -> int | None:
    found = store.newest(noun="studio", log_id="log-1", partition=0, code="c0de", events_end=events_end)
    return None if found is None else found.events_next


@pytest.fixture
def store(tmp_path: Path) -> FolderSnapshots:
    return FolderSnapshots(tmp_path / "snapshots")


def test_without_any_there_is_none(store: FolderSnapshots) -> None:
    assert newest(store) is None


def test_the_highest_that_is_in_the_log_wins(store: FolderSnapshots) -> None:
    put(store, 9)
    put(store, 10)
    assert newest(store) == 10
    assert newest(store, events_end=9) == 9


@pytest.mark.parametrize(
    "other", [{"log_id": "log-2"}, {"partition": 1}, {"code": "beef"}, {"noun": "fleet"}]
)
def test_only_what_matches_is_looked_at(store: FolderSnapshots, other: dict[str, Any]) -> None:
    put(store, 20, **other)
    assert newest(store) is None


def test_a_damaged_one_is_passed_over(store: FolderSnapshots, tmp_path: Path) -> None:
    put(store, 9)
    put(store, 10)
    path = next((tmp_path / "snapshots").glob("*.00000000000000000010.*"))
    path.write_bytes(path.read_bytes()[:-1])
    assert newest(store) == 9


def test_only_the_newest_two_are_kept(store: FolderSnapshots, tmp_path: Path) -> None:
    for events_next in range(1, 6):
        put(store, events_next)
    kept = sorted(int(path.name.split(".")[3]) for path in (tmp_path / "snapshots").iterdir())
    assert kept == [4, 5]


def test_what_is_kept_is_what_was_put_and_read_again_whenever_asked(store: FolderSnapshots) -> None:
    many = [Remembered(f"c{number}", number, number) for number in range(REMEMBERED_A_FRAME + 1)]
    put(store, 10, remembered=many)
    for _ in range(2):
        found = store.newest(noun="studio", log_id="log-1", partition=0, code="c0de", events_end=10)
        assert found is not None
        assert (found.src, found.events_next, found.log_time_ms) == (9, 10, 1)
        assert found.remembered == many
        assert [bytes(piece) for piece in found.state] == [b"some", b"state"]


def test_other_threads_go_on_between_the_pieces_of_one(tmp_path: Path) -> None:
    made: list[str] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(f"piece {number}")
            yield b"piece"

    store = FolderSnapshots(tmp_path, rest=lambda: made.append("rest"))
    size_bytes = store.put(NAME, msgspec.structs.replace(snapshot(10), state=pieces(), remembered=[]))
    assert made == ["rest", "piece 0", "rest", "piece 1", "rest", "piece 2", "rest"]
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [size_bytes]


def test_other_evolve_code_is_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = STUDIO.code_hash()
    original = studio_state.__spec__
    assert original is not None
    monkeypatch.setattr(
        "inspect.getsource", lambda module: f"# another text of {module.__name__}", raising=True
    )
    assert STUDIO.code_hash() != before
