"""`questlog bench questions`: what the cookbooks' questions cost an analyst over a large month of a game.

Each is asked as a restricted account, one after the other: first with nothing of tables held in ClickHouse,
then again and again. What the operating system holds of files stays.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.lab.bench.question_store import GAME, STUDIO, Filled, QuestionStore, question_store
from deploy.nouns import views
from deploy.stack.clickhouse_access import STUDIO_SETTING
from projections.clickhouse.migrations import split
from schemas.edge.ports import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from projections.clickhouse.statements import Value

SECONDS_MAX: Final = 30.0
"""An analyst's limit."""
_PLACEHOLDER: Final = re.compile(r"{(\w+):")
_PLAYERS: Final = "SELECT player_id FROM players WHERE game_id = {game:String} ORDER BY sessions DESC LIMIT 1"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One of the cookbooks: its name, its statement, and what fills its placeholders."""

    name: str
    statement: str
    parameters: dict[str, str | float]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a question took, in milliseconds: asked cold, and each time after that."""

    name: str
    rows: int
    rows_read: int
    """Of tables, those of other studios that lie between left out by the index or not."""
    cold_ms: float
    warm_ms: list[float]
    cpu_ms: list[float]
    """Of the whole ClickHouse process, each time but the cold one."""
    refused: str = ""
    """Why there was no answer within an analyst's limits; then all else is empty."""


class QuestionsReport(msgspec.Struct, frozen=True, kw_only=True):
    """All questions over one store."""

    filled: Filled
    asked: list[Asked]


def cookbook() -> dict[str, str]:
    """The statements of all nouns' cookbooks by name, in the order of nouns and names."""
    return {
        path.stem: "\n".join(split(path.read_text()))
        for folder in views()
        for path in sorted((folder.parent / "cookbook").glob("*.sql"))
    }


async def ask_questions(
    home: Path, *, events: int, times: int, only: Sequence[str], tell: Callable[[str], None]
) -> QuestionsReport:
    """Fill a ClickHouse of its own in `home`, unless it is, and ask. Raises ValueError and PartFailed."""
    if unknown := set(only) - cookbook().keys():
        raise ValueError(f"no cookbook has {', '.join(sorted(unknown))}; there are {', '.join(cookbook())}")
    async with question_store(home, events, tell) as (store, filled):
        tell("waiting until nothing is merged…")
        await store.settled()
        asked = []
        for question in await _questions(store, filled):
            if not only or question.name in only:
                tell(f"{question.name}…")
                try:
                    asked.append(await _asked(store, question, times))
                except StoreUnavailable as error:
                    asked.append(_refused(question.name, str(error)))
        return QuestionsReport(filled=filled, asked=asked)


async def _questions(store: QuestionStore, filled: Filled) -> list[Question]:
    """The cookbooks' questions about the month, of the player who came most often and of the first room."""
    (player,) = (await store.reader.query(_PLAYERS, {"game": GAME}, seconds=SECONDS_MAX))[0]
    values: dict[str, str | float] = {
        "game": GAME,
        "until": f"{datetime.fromtimestamp(filled.until_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}",
        "times": 5.0,
        "player": str(player),
        "room": "E1M1",
        "cell": 25.0,
    }
    return [
        Question(
            name=name,
            statement=statement,
            parameters={key: values[key] for key in set(_PLACEHOLDER.findall(statement))},
        )
        for name, statement in cookbook().items()
    ]


async def _asked(store: QuestionStore, question: Question, times: int) -> Asked:
    await store.owner.command("SYSTEM DROP MARK CACHE")
    await store.owner.command("SYSTEM DROP UNCOMPRESSED CACHE")
    parameters: dict[str, Value] = dict(question.parameters)
    taken, used = [], []
    rows: list[list[object]] = []
    for _ in range(times + 1):
        store.cpu_ms()
        began = time.perf_counter()
        rows = await store.reader.query(question.statement, parameters, seconds=SECONDS_MAX)
        taken.append((time.perf_counter() - began) * 1000)
        used.append(store.cpu_ms())
    return Asked(
        name=question.name,
        rows=len(rows),
        rows_read=await _rows_read(store, question, parameters),
        cold_ms=taken[0],
        warm_ms=taken[1:],
        cpu_ms=used[1:],
    )


def _refused(name: str, why: str) -> Asked:
    return Asked(name=name, rows=0, rows_read=0, cold_ms=0.0, warm_ms=[], cpu_ms=[], refused=why)


async def _rows_read(store: QuestionStore, question: Question, parameters: dict[str, Value]) -> int:
    """As its owner is told who asks with the same row policies: a reader learns no such thing."""
    settings = f"SETTINGS {STUDIO_SETTING} = '{STUDIO}' FORMAT JSONCompact"
    answer = await store.owner.views.raw(f"{question.statement}\n{settings}", parameters)
    told: _Statistics = msgspec.json.decode(answer, type=_Statistics)
    return int(told.statistics["rows_read"])


class _Statistics(msgspec.Struct):
    statistics: dict[str, int | float]
