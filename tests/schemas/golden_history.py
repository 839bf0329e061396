"""A noun's golden examples as one history: commands and what came of each, numbered as they happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided, Event, EventsRecord
from schemas.log import LogRecord
from streams.deciders.noun import Noun

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden"
Plain = Callable[[Path], object]


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def plain(path: Path) -> object:
    """The example as data."""
    return msgspec.json.decode(path.read_bytes())


class GoldenHistory:
    """The examples in `schemas/golden/<noun>` that the noun's codecs name."""

    def __init__(
        self, noun: Noun[Any], *, studio_id: str, game_id: str, at_ms: int, plain: Plain = plain
    ) -> None:
        self._noun = noun
        self._studio_id = studio_id
        self._game_id = game_id
        self._at_ms = at_ms
        self._plain = plain
        names = noun.commands.wire_names | noun.events.wire_names
        found = (path for name in names for path in (GOLDEN / noun.name / name).iterdir())
        self.examples = sorted(found, key=lambda path: path.name)
        self.commands = [path for path in self.examples if self._is_command(path)]

    def _is_command(self, path: Path) -> bool:
        return path.parent.name in self._noun.commands.wire_names

    def read(self, path: Path) -> Message:
        codec = self._noun.commands if self._is_command(path) else self._noun.events
        return codec.decode(path.parent.name, msgspec.msgpack.encode(self._plain(path)))

    def pairs(self) -> list[tuple[Path, list[Path]]]:
        """Each command, and the events that came of it."""
        found: list[tuple[Path, list[Path]]] = []
        for path in self.examples:
            if self._is_command(path):
                found.append((path, []))
            else:
                found[-1][1].append(path)
        return found

    def decided(self, command: Path, events: list[Path]) -> Decided:
        messages = [(path.parent.name, self.read(path)) for path in events]
        return Decided(
            command_id=command.stem,
            studio_id=self._studio_id,
            game_id=self._game_id,
            keyed=False,
            fingerprint=b"f" * 32,
            events=[
                Event(
                    type=name,
                    aggregate_id=self._noun.aggregate_of(message),
                    sequence=1,
                    at_ms=self._at_ms,
                    data=self._noun.events.encode(message),
                )
                for name, message in messages
            ],
        )

    def records(self) -> Iterator[LogRecord]:
        """One events record for each command."""
        for src, (command, events) in enumerate(self.pairs()):
            record = EventsRecord(
                version=1, src=src, gateway_id="g", record_id="r", decided=[self.decided(command, events)]
            )
            value = msgspec.msgpack.encode(record)
            yield LogRecord(
                topic="e", partition=0, offset=src, appended_at_ms=self._at_ms, key=None, value=value
            )

    def are_numbered(self) -> bool:
        """Whether the examples are numbered from 1 without gaps."""
        return [path.name[:3] for path in self.examples] == [
            f"{number + 1:03d}" for number in range(len(self.examples))
        ]
