"""Compares what the tables hold with what was accepted, field by field. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import orjson

from deploy.lab.drill.checks import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from deploy.lab.drill.fuzz_cases import Case, Fields, Row

SHARED: Final = ("build_id", "environment", "source", "session_id", "player_id", "room", "properties")
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "events": (*SHARED, "event_name", "input_method", "x", "y", "z", "seq"),
    "positions": (*SHARED, "x", "y", "z", "seq"),
    "funnel_steps": (*SHARED, "step_name"),
    "performance": (*SHARED, "status", "input_method", "fps_mean", "fps_low_5", "fps_low_1", "points"),
    "players": ("player_id", "build_id", "region", "hardware", "properties"),
    "feedback": ("form_id", "submission_id", "session_id", "player_id", "answers"),
    "messages": ("message_id", "author", "text"),
}
"""What is compared of each table."""
PLACES: Final = {"feedback": "submission_id", "messages": "message_id"}
"""Tables of what is found by its own id, and the column of that."""
SESSION_COLUMNS: Final = (
    *("session_id", "player_id", "tester_handle", "title", "source", "build_id", "environment", "platform"),
    *("metadata", "experiments"),
)
_JSON: Final = frozenset({"properties", "hardware", "answers", "metadata", "experiments"})
EXAMPLES_MAX: Final = 5
_SHOWN: Final = 160
Found = dict[str, dict[Any, list["Fields"]]]
"""By table: an item's time (its own id where it has one, for players the player) to the rows there."""


def read_row(columns: Sequence[str], values: Sequence[Any]) -> Fields:
    """A row as it is compared: JSON columns decoded, an empty one None. Raises ValueError."""
    row = dict(zip(columns, values, strict=True))
    for column in _JSON & row.keys():
        row[column] = orjson.loads(row[column]) if row[column] else None
    return row


def place_of(row: Row) -> Any:
    """Under what a row is found: see `Found`."""
    if row.table in PLACES:
        return row.columns[PLACES[row.table]]
    return row.columns["player_id"] if row.table == "players" else row.at_ms


def expected_rows(accepted: Iterable[Case]) -> Found:
    """What the tables must hold. Of a player the latest counts, of a submission the first."""
    rows: Found = {table: {} for table in COLUMNS}
    latest: dict[str, int] = {}
    for row in (row for case in accepted for row in case.rows):
        place = place_of(row)
        if row.table == "players" and latest.get(place, 0) > row.at_ms:
            continue
        if row.table == "players":
            latest[place] = row.at_ms
            rows["players"][place] = [row.columns]
        elif row.table in PLACES:
            rows[row.table].setdefault(place, [row.columns])
        else:
            rows[row.table].setdefault(place, []).append(row.columns)
    return rows


def judge_rows(wanted: Found, found: Found) -> list[Verdict]:
    """For each table whether every accepted row is there once and equal, and nothing else."""
    verdicts = []
    for table, rows in wanted.items():
        wrong = []
        for place, expected in rows.items():
            there = found.get(table, {}).get(place, [])
            if there != expected:
                wrong.append(difference(place, expected, there))
        strangers = found.get(table, {}).keys() - rows.keys()
        wrong += [f"{place!r:.{_SHOWN}}: was not accepted" for place in strangers]
        count = sum(map(len, rows.values()))
        verdicts.append(
            Verdict(f"{table}: every accepted row once and equal", not wrong, some(wrong) or f"{count:,}")
        )
    return verdicts


def difference(place: Any, expected: Sequence[Fields], there: Sequence[Fields]) -> str:
    """The first thing that is wrong with the rows of one item."""
    if len(expected) != len(there):
        return f"{place!r:.{_SHOWN}}: {len(there)} rows instead of {len(expected)}"
    for own, other in zip(expected, there, strict=True):
        for column in own:
            if own[column] != other.get(column):
                return (
                    f"{place!r:.{_SHOWN}}.{column}: {own[column]!r:.{_SHOWN}} "
                    f"became {other.get(column)!r:.{_SHOWN}}"
                )
    return f"{place!r:.{_SHOWN}}: different"


def only_sessions(accepted: Sequence[Case]) -> dict[str, Fields]:
    """Of sessions that one request alone has named, what it says of them."""
    times: Counter[str] = Counter()
    for case in accepted:
        times.update(set(case.sessions))
    return {
        case.session["session_id"]: case.session
        for case in accepted
        if case.session is not None and times[case.session["session_id"]] == 1
    }


def judge_sessions(wanted: Mapping[str, Fields], found: Mapping[str, Fields]) -> Verdict:
    """Whether each session says of itself what its request said."""
    wrong = [
        difference(session_id, [expected], [found[session_id]] if session_id in found else [])
        for session_id, expected in wanted.items()
        if found.get(session_id) != expected
    ]
    return Verdict("sessions: described as sent", not wrong, some(wrong) or f"{len(wanted):,}")


def judge_answers(answers: Sequence[tuple[str, int, bool, str]]) -> list[Verdict]:
    """Of (surface, status, allowed, what was sent): nothing 5xx, and each as the contract has it."""
    by_status: dict[str, Counter[int]] = defaultdict(Counter)
    for surface, status, _, _ in answers:
        by_status[surface][status] += 1
    failed = [f"{surface} {status}: {said}" for surface, status, _, said in answers if not 0 < status < 500]
    wrong = [f"{surface} {status}: {said}" for surface, status, allowed, said in answers if not allowed]
    figures = "; ".join(
        f"{surface} " + ", ".join(f"{status} {count:,} times" for status, count in sorted(counts.items()))
        for surface, counts in sorted(by_status.items())
    )
    return [
        Verdict("nothing was answered 5xx or not at all", not failed, some(failed) or figures),
        Verdict("every answer is the contract's", not wrong, some(wrong) or f"{len(answers):,} requests"),
    ]


def judge_parts(before: Mapping[str, Fields], after: Mapping[str, Fields]) -> Verdict:
    """Whether every part is still the same process, and none was started again."""
    wrong = [
        f"{name}: pid {part['pid']} became {after.get(name, {}).get('pid')}"
        for name, part in before.items()
        if any(part[field] != after.get(name, {}).get(field) for field in ("pid", "restarts"))
    ]
    return Verdict("no process has restarted", not wrong, some(wrong) or f"{len(before)} parts")


def some(lines: Sequence[str]) -> str:
    """A few of many lines."""
    if not lines:
        return ""
    more = f"; and {len(lines) - EXAMPLES_MAX} more" if len(lines) > EXAMPLES_MAX else ""
    return "; ".join(lines[:EXAMPLES_MAX]).encode("utf-8", "backslashreplace").decode() + more
