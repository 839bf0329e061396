from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.zod import Issue
from schemas.telemetry import s1
from schemas.telemetry.identity import identities
from schemas.telemetry.s1_batch import SOURCES, Batch, InvalidBatch, Metadata
from schemas.telemetry.s1_feedback import check_against_form, decode_feedback, validate_feedback
from tests.schemas.telemetry.s4_samples import patient, text, values

NOW: Final = 1_778_715_000_000
BATCH: Final[dict[str, Any]] = {
    "gameId": "game_abc123",
    "sessionId": "sess_1",
    "deviceId": "device_1",
    "source": "unity-telemetry",
    "metadata": {"gameVersion": "0.4.9", "environment": "production", "platform": "Win64"},
    "title": "optional",
    "testerHandle": "optional",
    "experiments": {"exp_tutorial_v2": "treatment"},
    "startedAt": 1778714850693,
    "events": [
        {
            "name": "player_pos",
            "t": 1778714850793,
            "x": 1.5,
            "y": 2.0,
            "z": 0.0,
            "room": "act2_corridor",
            "seq": 17,
            "props": {"any": "json"},
        },
        {"name": "level_completed", "t": 1778714990000, "props": {"level": "act1"}},
    ],
    "ended": False,
}
FORMS: Final[list[dict[str, Any]]] = [
    {
        "id": "ff_session",
        "active": True,
        "fields": [
            {"id": "q1", "label": "Rating", "kind": "rating-1-5", "required": True},
            {"id": "q2", "label": "What worked?", "kind": "short-text"},
            {"id": "q3", "label": "Again?", "kind": "yes-no"},
        ],
    },
    {"id": "ff_old", "active": False, "fields": []},
]


def changed(**fields: object) -> bytes:
    return json.dumps({name: value for name, value in (BATCH | fields).items() if value is not ...}).encode()


def refused(body: bytes) -> Issue:
    with pytest.raises(InvalidBatch) as caught:
        s1.validate_batch(body, NOW)
    return caught.value.issues[0]


def test_the_contract_s_example() -> None:
    batch = s1.validate_batch(json.dumps(BATCH).encode(), NOW)
    assert (batch.game, batch.session_id, batch.device_id) == ("game_abc123", "sess_1", "device_1")
    assert batch.labels == Metadata("0.4.9", "production", "Win64")
    assert batch.started_at_ms == 1778714850693
    assert [event.at_ms for event in batch.events] == [1778714850793, 1778714990000]
    assert batch.events[0].props == {"any": "json"}


def test_what_may_be_missing_or_null() -> None:
    optional = ("source", "metadata", "title", "testerHandle", "experiments", "startedAt", "ended")
    for body in (changed(**dict.fromkeys(optional, ...)), changed(**dict.fromkeys(optional))):
        batch = s1.validate_batch(body, NOW)
        assert (batch.source, batch.started_at_ms, batch.title) == ("python-telemetry", None, None)
        assert batch.labels == Metadata()
        assert not batch.ended
    assert s1.validate_batch(changed(events=[], ended=True), NOW).events == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"gameId": ...}, ["gameId"]),
        ({"sessionId": ""}, ["sessionId"]),
        ({"sessionId": "s" * 129}, ["sessionId"]),
        ({"deviceId": 5}, ["deviceId"]),
        ({"source": "smoke"}, ["source"]),
        ({"metadata": []}, ["metadata"]),
        ({"metadata": {"environment": "BadEnv"}}, ["metadata", "environment"]),
        ({"metadata": {"gameVersion": 5}}, ["metadata", "gameVersion"]),
        ({"title": 1}, ["title"]),
        ({"experiments": {"a": 1}}, ["experiments", "*"]),
        ({"startedAt": "yesterday"}, ["startedAt"]),
        ({"startedAt": 5}, ["startedAt"]),
        ({"ended": "yes"}, ["ended"]),
        ({"events": {}}, ["events"]),
        ({"events": [{"name": "a", "t": NOW}] * 1001}, ["events"]),
        ({"events": [1]}, ["events", 0]),
        ({"events": [{"name": "a"}]}, ["events", 0, "t"]),
        ({"events": [{"name": "", "t": NOW}]}, ["events", 0, "name"]),
        ({"events": [{"name": "a", "t": NOW}, {"name": "a", "t": True}]}, ["events", 1, "t"]),
        ({"events": [{"name": "a", "t": NOW + 86_400_001}]}, ["events", 0, "t"]),
        ({"events": [{"name": "a", "t": NOW, "x": "1"}]}, ["events", 0, "x"]),
        ({"events": [{"name": "a", "t": NOW, "seq": 2**63}]}, ["events", 0, "seq"]),
        ({"events": [{"name": "a", "t": NOW, "seq": 1.5}]}, ["events", 0, "seq"]),
        ({"events": [{"name": "a", "t": NOW, "seq": 2.0**53}]}, ["events", 0, "seq"]),
        ({"sessionId": "a\u200bb"}, ["sessionId"]),
        ({"sessionId": "\n"}, ["sessionId"]),
        ({"deviceId": "a\u3000"}, ["deviceId"]),
        ({"deviceId": " "}, ["deviceId"]),
        ({"title": "x" * 257}, ["title"]),
        ({"metadata": {"gameVersion": "x" * 257}}, ["metadata", "gameVersion"]),
        ({"events": [{"name": "a", "t": NOW, "room": "x" * 257}]}, ["events", 0, "room"]),
        ({"events": [{"name": "a", "t": NOW, "props": [1]}]}, ["events", 0, "props"]),
        ({"events": [{"name": "a", "t": NOW, "props": {"a": 2**64}}]}, ["events", 0, "props"]),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], path: list[str | int]) -> None:
    issue = refused(changed(**fields))
    assert issue.path == path
    assert issue.message


def test_discord_is_no_source_of_an_ingest_key() -> None:
    issue = refused(changed(source="discord"))
    assert (issue.code, issue.path, issue.received) == ("invalid_enum_value", ["source"], "discord")
    assert isinstance(issue.options, list)
    assert "discord" not in issue.options
    assert set(issue.options) | {"discord"} == set(SOURCES)
    assert s1.decode_batch(changed(source="discord")).source == "discord"  # what is in the log is read


def test_ids_of_older_logs_are_read() -> None:
    assert s1.decode_batch(changed(sessionId="a\u200bb", title="x" * 1000)).session_id == "a\u200bb"


def test_a_whole_float_is_the_integer() -> None:
    body = changed(events=[{"name": "a", "t": NOW, "seq": 17}])
    whole = s1.validate_batch(body, NOW)
    for spelled in (b"17.0", b"1.7e1", b"170E-1"):
        batch = s1.validate_batch(body.replace(b'"seq": 17', b'"seq": ' + spelled), NOW)
        assert batch == whole
        assert type(batch.events[0].seq) is int


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"[" * 100_000,
        b'{"gameId":' * 50_000,
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_json_object(body: bytes) -> None:
    assert refused(body).path == []


def test_unusual_values_are_kept() -> None:
    deep: object = 2**64 - 1
    for _ in range(12):
        deep = [deep]
    events = [{"name": "a", "t": "2026-05-13T23:27:30Z", "props": {"deep": deep}, "mood": "calm"}]
    batch = s1.validate_batch(changed(events=events, metadata={"deep": deep}, surprise={"b": 1}), NOW)
    assert batch.events[0].props == {"deep": deep}
    assert batch.events[0].extras == {"mood": "calm"}
    assert batch.events[0].at_ms == 1778714850000
    assert batch.metadata == {"deep": deep}


@patient
@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_random_bytes_raise_nothing_else(body: bytes) -> None:
    with pytest.raises(InvalidBatch):
        s1.validate_batch(body, NOW)


@patient
@given(
    st.dictionaries(st.sampled_from([*BATCH, "more"]), values, max_size=3),
    st.lists(st.dictionaries(st.sampled_from([*BATCH["events"][0], "more"]), values, max_size=4), max_size=3),
)
def test_random_fields_are_taken_or_refused(fields: dict[str, Any], events: list[dict[str, Any]]) -> None:
    content = BATCH | {"events": [BATCH["events"][0] | event for event in events]} | fields
    try:
        s1.validate_batch(json.dumps(content).encode(), NOW)
    except InvalidBatch as error:
        assert error.issues[0].path  # noqa: PT017 - refusing is one of two right answers


def test_a_field_called_as_a_derived_one_is_an_unknown_one() -> None:
    odd: dict[str, Any] = {"·at_ms": "x", "·extras": {"a": 1}, "·labels": None}
    event = {"name": "a", "t": NOW} | odd
    batch = s1.validate_batch(changed(events=[event], **{"·started_at_ms": 5, "·labels": {}}), NOW)
    assert batch.events[0].extras == odd
    assert batch.events[0].at_ms == NOW
    assert batch.started_at_ms == BATCH["startedAt"]


def batch_of(*events: dict[str, Any], session: str = "sess_1") -> Batch:
    return s1.decode_batch(changed(events=list(events), sessionId=session))


def test_an_identity_is_its_seq_within_its_session() -> None:
    first, other = {"name": "a", "t": NOW, "seq": 1}, {"name": "b", "t": NOW + 5, "seq": 1}
    (one,), (two,) = identities("g", batch_of(first)), identities("g", batch_of(other))
    assert one == two
    assert identities("g", batch_of(first | {"seq": 2})) != [one]
    assert identities("h", batch_of(first)) != [one]
    assert identities("g", batch_of(first, session="sess_2")) != [one]
    assert 0 <= one < 2**128


def test_without_seq_equal_events_of_a_batch_differ_by_their_ordinal() -> None:
    event = {"name": "a", "t": NOW, "props": {"x": 1, "y": 2}}
    one, two, three = identities("g", batch_of(event, event, event | {"props": {"y": 2, "x": 1}}))
    assert len({one, two, three}) == 3
    assert identities("g", batch_of(event, event)) == [one, two]
    for change in ({"t": NOW + 1}, {"name": "b"}, {"props": {"x": 2}}, {"room": "r"}, {"x": 0}, {"more": 1}):
        assert identities("g", batch_of(event | change)) != [one]


@patient
@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=50))
def test_no_two_seq_meet(seqs: list[int]) -> None:
    found = identities("g", batch_of(*({"name": "a", "t": NOW, "seq": seq} for seq in seqs)))
    assert len(set(found)) == len(seqs)


FEEDBACK: Final[dict[str, Any]] = {
    "gameId": "doom",
    "sessionId": "s",
    "deviceId": "d",
    "formId": "ff_session",
    "submissionId": "sub_1",
    "answers": [{"fieldId": "q1", "value": 5}, {"fieldId": "q2", "value": "All of it"}],
}


def test_feedback_s_ids_and_whole_floats() -> None:
    body = json.dumps(FEEDBACK | {"answers": [{"fieldId": "q1", "value": 4.0}]}).encode()
    assert type(validate_feedback(body).answers[0].value) is int
    check_against_form(validate_feedback(body), FORMS)
    for field in ("sessionId", "deviceId", "formId", "submissionId"):
        odd = json.dumps(FEEDBACK | {field: "a\u200b"}).encode()
        decode_feedback(odd)
        with pytest.raises(InvalidBatch) as caught:
            validate_feedback(odd)
        assert caught.value.issues[0].path == [field]


def test_feedback_that_fits_its_form() -> None:
    yes = [{"fieldId": "q1", "value": 1}, {"fieldId": "q3", "value": True}, {"fieldId": "q2", "value": None}]
    for answers in (FEEDBACK["answers"], yes):
        feedback = decode_feedback(json.dumps(FEEDBACK | {"answers": answers}).encode())
        check_against_form(feedback, FORMS)
        assert len(feedback.answers) == len(answers)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"formId": "ff_none"}, ["formId"]),
        ({"formId": "ff_old"}, ["formId"]),
        ({"submissionId": ""}, ["submissionId"]),
        ({"answers": {}}, ["answers"]),
        ({"answers": []}, ["answers"]),
        ({"answers": [{"value": 1}]}, ["answers", 0, "fieldId"]),
        ({"answers": [{"fieldId": "q9", "value": 1}]}, ["answers", 0, "fieldId"]),
        ({"answers": [{"fieldId": "q1", "value": 1}] * 2}, ["answers", 1, "fieldId"]),
        ({"answers": [{"fieldId": "q1", "value": 6}]}, ["answers", 0, "value"]),
        ({"answers": [{"fieldId": "q1", "value": True}]}, ["answers", 0, "value"]),
        ({"answers": [{"fieldId": "q1"}]}, ["answers", 0, "value"]),
        ({"answers": [{"fieldId": "q2", "value": "x" * 501}]}, ["answers", 0, "value"]),
        ({"answers": [{"fieldId": "q3", "value": "maybe"}]}, ["answers", 0, "value"]),
    ],
)
def test_feedback_that_does_not(fields: dict[str, Any], path: list[str | int]) -> None:
    with pytest.raises(InvalidBatch) as caught:
        check_against_form(decode_feedback(json.dumps(FEEDBACK | fields).encode()), FORMS)
    assert caught.value.issues[0].path == path


@patient
@given(st.dictionaries(text | st.sampled_from([*FEEDBACK]), values, max_size=6))
def test_random_feedback_is_taken_or_refused(fields: dict[str, Any]) -> None:
    try:
        check_against_form(decode_feedback(json.dumps(FEEDBACK | fields).encode()), FORMS)
    except InvalidBatch as error:
        assert error.issues  # noqa: PT017 - refusing is one of two right answers
