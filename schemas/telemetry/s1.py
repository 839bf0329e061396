"""S1 batches: the JSON of `POST /api/telemetry`, decoded and validated. Pure: no clock, no store.

Source: contract/telemetry.md, "S1 ingest"; the shapes are in `schemas/telemetry/s1_batch.py`. The gateway
validates with `validate_batch`; the projector reads back with `decode_batch` what was accepted.

Decisions the contract leaves open: free-form values have S4's limits of depth and map size; a whole float is
an integer where one is asked (`schemas/numbers.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
import orjson

from schemas.edge.zod import Issue, custom, issue_of, not_an_option, too_big, type_of, wrong_type
from schemas.identifiers import NAME_CHARACTERS_MAX, id_problem, name_problem
from schemas.numbers import whole
from schemas.telemetry.decoding_cost import has_costly_numbers, many_json_containers
from schemas.telemetry.s1_batch import (
    DEFAULT_SOURCE,
    EVENTS_MAX,
    SENT_SOURCES,
    Batch,
    Event,
    InvalidBatch,
    Metadata,
    Moment,
)
from schemas.telemetry.values import (
    TOO_MANY_VALUES,
    VALUES_MAX,
    Budget,
    ValueRefused,
    count_values,
    plain,
    undecodable,
)
from schemas.timestamps import AHEAD_MS_MAX, EARLIEST_MS, TimestampError, check_range, unix_ms

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_decoder = msgspec.json.Decoder(Batch)
_COSTLY_FROM_BYTES: Final = 16 * 1024
_any_decoder = msgspec.json.Decoder()
_KNOWN: Final[dict[type[msgspec.Struct], frozenset[str]]] = {
    struct: frozenset(name for name in struct.__struct_encode_fields__ if not name.startswith("·"))
    for struct in (Batch, Event)
}
"""What clients may send: a field that is called as a derived one is an unknown one."""
_REFUSED = (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError)


def decode_batch(body: bytes) -> Batch:
    """Decode a body that was accepted before. Raises `InvalidBatch` on one that can't have been."""
    try:
        if has_costly_numbers(body, from_bytes=_COSTLY_FROM_BYTES):
            batch = msgspec.convert(orjson.loads(body), Batch)
        else:
            batch = _decoder.decode(body)
    except _REFUSED:
        batch = _decode_completely(body, Budget())
    _finish(batch)
    return batch


def validate_batch(body: bytes, arrived_at_ms: int) -> Batch:
    """Decode and validate a request's body completely, except for its game. Raises `InvalidBatch`."""
    if many_json_containers(body):
        batch = _decode_completely(body, Budget(values=VALUES_MAX))
        _finish(batch)
    else:
        batch = decode_batch(body)
        if body.count(b",") > VALUES_MAX:  # there is one between two values
            _check_values(batch)
    if batch.source not in SENT_SOURCES:
        raise InvalidBatch(not_an_option(["source"], SENT_SOURCES, str(batch.source)))
    _check_texts(batch)
    if batch.started_at_ms is not None:
        _in_range(batch.started_at_ms, arrived_at_ms, ["startedAt"])
    latest = arrived_at_ms + AHEAD_MS_MAX
    for index, event in enumerate(batch.events):
        if not EARLIEST_MS <= event.at_ms <= latest:
            _in_range(event.at_ms, arrived_at_ms, ["events", index, "t"])
        room = event.room
        if room is not None and len(room) > NAME_CHARACTERS_MAX:
            check_text(["events", index, "room"], name_problem(room))
    return batch


def _check_values(batch: Batch) -> None:
    free = [batch.metadata, [event.props for event in batch.events], [event.extras for event in batch.events]]
    if count_values(free, VALUES_MAX) > VALUES_MAX:
        raise InvalidBatch(Issue(code="too_big", path=["events"], message=TOO_MANY_VALUES))


def _check_texts(batch: Batch) -> None:
    """What a batch is kept under has its bounds. Judged on arrival alone: older logs hold other ids."""
    labels = batch.labels or Metadata()
    for path, value in ((["sessionId"], batch.session_id), (["deviceId"], batch.device_id)):
        check_text(path, id_problem(value))
    for path, text in (
        (["metadata", "gameVersion"], labels.game_version),
        (["metadata", "platform"], labels.platform),
        (["testerHandle"], batch.tester_handle),
        (["title"], batch.title),
    ):
        if text is not None:
            check_text(path, name_problem(text))


def check_text(path: Sequence[str | int], problem: str | None) -> None:
    """Raise `InvalidBatch` for a problem of the field at a path."""
    if problem is not None:
        raise InvalidBatch(custom(path, f"{path[-1]} {problem}"))


def _in_range(at_ms: int, arrived_at_ms: int, path: list[str | int]) -> None:
    try:
        check_range(at_ms, arrived_at_ms)
    except TimestampError as error:
        raise InvalidBatch(custom(path, str(error))) from None


def _finish(batch: Batch) -> None:
    """Set what is derived: times, labels, defaults of fields that were null."""
    batch.source = batch.source or DEFAULT_SOURCE
    if batch.started_at is not None:
        batch.started_at_ms = _moment(batch.started_at, ["startedAt"])
    try:
        batch.labels = msgspec.convert(batch.metadata or {}, Metadata)
    except msgspec.ValidationError as error:
        raise InvalidBatch(issue_of(error, ["metadata"])) from None
    for index, event in enumerate(batch.events):
        event.at_ms = event.t if type(event.t) is int else _moment(event.t, ["events", index, "t"])


def _moment(value: Moment, path: list[str | int]) -> int:
    if type(value) is str:
        try:
            return unix_ms(value)
        except TimestampError as error:
            raise InvalidBatch(Issue(code="invalid_string", path=path, message=str(error))) from None
    return int(value)


def _decode_completely(body: bytes, budget: Budget) -> Batch:
    """The batch of a body with unknown fields or unusual values. Raises `InvalidBatch`."""
    content = json_object(body)
    events = content.pop("events", None)
    events = [] if events is None else events
    if type(events) is not list:
        raise InvalidBatch(wrong_type(["events"], "array", type_of(events)))
    if len(events) > EVENTS_MAX:
        raise InvalidBatch(
            too_big(["events"], "array", EVENTS_MAX, f"contain at most {EVENTS_MAX} element(s)")
        )
    fields = plain_fields(content, [], budget)
    batch = _convert(fields, Batch, "metadata", [])
    batch.events = [_event(index, event, budget) for index, event in enumerate(events)]
    return batch


def _event(index: int, content: Any, budget: Budget) -> Event:
    path: list[str | int] = ["events", index]
    if type(content) is not dict:
        raise InvalidBatch(wrong_type(path, "object", type_of(content)))
    fields = plain_fields(content, path, budget)
    if "seq" in fields:
        fields["seq"] = whole(fields["seq"])
    event = _convert(fields, Event, "props", path)
    extras = {name: value for name, value in fields.items() if name not in _KNOWN[Event]}
    if extras:
        event.extras = extras
    return event


def _convert(fields: dict[str, Any], to: type[_Struct], free: str, path: list[str | int]) -> _Struct:
    """The known fields as a struct. The free-form one has been checked: its type would refuse its depth."""
    known = {name: value for name, value in fields.items() if name in _KNOWN[to]}
    content = known.pop(free, None)
    if content is not None and type(content) is not dict:
        raise InvalidBatch(wrong_type([*path, free], "object", type_of(content)))
    try:
        struct = msgspec.convert(known, to)
    except msgspec.ValidationError as error:
        raise InvalidBatch(issue_of(error, path)) from None
    setattr(struct, free, content)
    return struct


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object a body holds. Raises `InvalidBatch` on anything else, however deep or broken."""
    try:
        costly = has_costly_numbers(body, from_bytes=_COSTLY_FROM_BYTES)
        content = orjson.loads(body) if costly else _any_decoder.decode(body)
    except _REFUSED as error:
        raise InvalidBatch(Issue(code="invalid_json", path=[], message=undecodable(error))) from None
    if type(content) is not dict:
        raise InvalidBatch(wrong_type([], "object", type_of(content)))
    return content


def plain_fields(content: dict[str, Any], path: list[str | int], budget: Budget) -> dict[str, Any]:
    """The fields of an object in stored form. Raises `InvalidBatch` naming the field that can't be stored."""
    if len(content) > 256:
        raise InvalidBatch(too_big(path, "object", 256, "contain at most 256 key(s)"))
    fields = {}
    for name, value in content.items():
        try:
            fields[plain(name, 1, budget)] = plain(value, 1, budget)
        except ValueRefused as error:
            raise InvalidBatch(custom([*path, name], str(error))) from None
    return fields
