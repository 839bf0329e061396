from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgpack
import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.telemetry import s4
from schemas.telemetry.s4_complete import decode_completely
from tests.schemas.telemetry import s4_samples as sample
from tests.schemas.telemetry.s4_samples import GAMEPLAY, NOW, TRAJECTORY, changed, pack, patient

KINDS = {
    s4.PLAYER: sample.PLAYER,
    s4.FUNNEL_STEP: sample.FUNNEL,
    s4.GAMEPLAY: GAMEPLAY,
    s4.TRAJECTORY: TRAJECTORY,
}


def refused(content: object) -> s4.InvalidPayload:
    body = content if isinstance(content, bytes) else pack(content)
    with pytest.raises(s4.InvalidPayload):
        s4.check(body, NOW, sample.APP)
    with pytest.raises(s4.InvalidPayload) as caught:
        s4.validate(body, NOW)
    assert caught.value.message
    return caught.value


def as_data(items: list[s4.Item]) -> list[dict[str, Any]]:
    return [{name: getattr(item, name) for name in s4.Item.__struct_fields__} for item in items]


@pytest.mark.parametrize("kind", KINDS)
def test_each_sample_of_the_reference_is_its_kind(kind: int) -> None:
    for body in (pack(KINDS[kind]), pack([KINDS[kind]])):
        (item,) = s4.validate(body, NOW)
        assert item.kind == kind
        assert item.at_ms == NOW
        assert item.end_ms == (NOW + 5000 if kind == s4.TRAJECTORY else 0)
        assert item.extras is None
        for field, value in KINDS[kind].items():
            assert getattr(item, field) == value


@patient
@given(st.lists(sample.items(), min_size=1, max_size=4))
def test_both_paths_give_the_same_items(items: list[dict[str, Any]]) -> None:
    body = pack(items)
    assert as_data(s4.validate(body, NOW)) == as_data(decode_completely(body))


@patient
@given(st.lists(sample.mutants(), min_size=1, max_size=3))
def test_both_paths_refuse_alike_and_name_the_item(items: list[dict[str, Any]]) -> None:
    body = pack(items)
    complete, either = outcome(lambda: decode_completely(body)), outcome(lambda: s4.validate(body, NOW))
    if isinstance(complete, tuple):
        assert complete[0] is not None
    if either != complete:  # only the range of time is judged by validate alone
        assert isinstance(either, tuple)
        assert either[1] in {"timestamp", "timestamp_start", "timestamp_end"}


def outcome(decode: Callable[[], list[s4.Item]]) -> list[dict[str, Any]] | tuple[int | None, str | None]:
    try:
        return as_data(decode())
    except s4.InvalidPayload as error:
        return error.index, error.field


@patient
@given(st.lists(sample.items() | sample.mutants(), min_size=1, max_size=3))
def test_the_gateway_s_check_judges_alike(items: list[dict[str, Any]]) -> None:
    body = pack(items)
    whole = outcome(lambda: s4.validate(body, NOW))
    try:
        checked: s4.Checked | tuple[int | None, str | None] = s4.check(body, NOW, sample.APP)
    except s4.InvalidPayload as error:
        checked = error.index, error.field
    if isinstance(whole, tuple):
        assert checked == whole
    else:
        in_scope = all(item["app_id"] == sample.APP for item in whole)
        assert checked == s4.Checked(len(whole), whole[0]["player_id"], in_scope)


@patient
@given(sample.items(), st.data())
def test_damaged_bytes_raise_nothing_else(item: dict[str, Any], data: st.DataObject) -> None:
    body = bytearray(pack([item, item]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    for damaged in (bytes(body), cut):
        try:
            said: Any = s4.validate(damaged, NOW)
        except (s4.InvalidPayload, s4.PayloadTooLarge) as refused:
            said = str(refused)
        assert len(said) > 0


@patient
@given(st.binary(max_size=64))
def test_random_bytes_raise_nothing_else(body: bytes) -> None:
    with pytest.raises(s4.InvalidPayload):
        s4.validate(body, NOW)


@patient
@given(st.lists(sample.items(), min_size=1, max_size=3))
def test_what_was_accepted_can_be_written_as_json(items: list[dict[str, Any]]) -> None:
    for item in s4.validate(pack(items), NOW):
        assert orjson.loads(msgspec.json.encode([item.extras, item.custom_data, item.hardware, item.fps]))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"app_id": 5}, "app_id"),
        ({"build_id": None}, "build_id"),
        ({"player_id": ["a"]}, "player_id"),
        ({"session_id": ...}, "session_id"),
        ({"session_id": ""}, "session_id"),
        ({"event_name": 7}, "event_name"),
        ({"event_name": ...}, "event_name"),
        ({"level_id": 4}, "level_id"),
        ({"position": [1.0]}, "position"),
        ({"position": [1, 2, 3, 4]}, "position"),
        ({"position": [1.0, math.nan]}, "position"),
        ({"position": [True, 1.0]}, "position"),
        ({"position": "here"}, "position"),
        ({"input_method": b"pad"}, "input_method"),
        ({"custom_data": {"a": math.inf}}, "custom_data"),
        ({"custom_data": {None: 1}}, "custom_data"),
        ({"custom_data": msgpack.ExtType(5, b"abc")}, "custom_data"),
        ({"mood": msgpack.Timestamp(1, 0)}, "mood"),
        ({"timestamp": msgpack.Timestamp(1, 0)}, "timestamp"),
        ({"timestamp": 12}, "timestamp"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-02-30T00:00:00Z"}, "timestamp"),
        ({"timestamp": "2026-02-12T10:00:00.0123456789Z"}, "timestamp"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "timestamp"),
        ({"timestamp": "2026-02-13T10:00:00.001Z"}, "timestamp"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], field: str) -> None:
    error = refused([GAMEPLAY, changed(GAMEPLAY, **fields), GAMEPLAY])
    assert (error.index, error.field) == (1, field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"positions": [1.0, 2.0]}, "positions"),
        ({"positions": [0.0] * 30_003}, "positions"),
        ({"positions": [math.nan] * 3}, "positions"),
        ({"positions": {"x": 1}}, "positions"),
        ({"positions": None}, "positions"),
        ({"timestamp_start": ...}, "timestamp_start"),
        ({"timestamp_end": 5}, "timestamp_end"),
        ({"timestamp_end": "2026-02-12T09:59:59Z"}, "timestamp_start"),
        ({"timestamp_end": "2026-02-13T10:00:01Z"}, "timestamp_end"),
        ({"fps": {"mean": "60"}}, "fps"),
        ({"fps": 60}, "fps"),
        ({"status": 1}, "status"),
    ],
)
def test_a_bad_trajectory_is_named(fields: dict[str, Any], field: str) -> None:
    error = refused([changed(TRAJECTORY, **fields)])
    assert (error.index, error.field) == (0, field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"player_id": "x" * 129}, "player_id"),
        ({"session_id": "x" * 129}, "session_id"),
        ({"player_id": "a\u200b"}, "player_id"),
        ({"session_id": "a\u3000b"}, "session_id"),
        ({"player_id": "\n"}, "player_id"),
        ({"session_id": " "}, "session_id"),
        *(({name: "x" * 257}, name) for name in ("event_name", "build_id", "level_id", "input_method")),
    ],
)
def test_ids_and_names_have_a_rule_on_arrival_and_older_logs_are_read(
    fields: dict[str, Any], field: str
) -> None:
    body = pack([GAMEPLAY, changed(GAMEPLAY, **fields), GAMEPLAY])
    error = refused(body)
    assert (error.index, error.field) == (1, field)
    assert error.message.startswith(field)
    assert len(s4.decode_items(body)) == 3
    with_extras = [changed(GAMEPLAY, **fields, extra=1)]
    assert refused(with_extras).field == field


def test_the_longest_ids_and_names() -> None:
    longest = {
        "player_id": "é" * 128,
        "session_id": "x" * 128,
        "event_name": "n" * 256,
        "level_id": "l" * 256,
    }
    body = pack([changed(GAMEPLAY, **longest)])
    assert s4.check(body, NOW, sample.APP) == s4.Checked(1, "é" * 128, in_scope=True)
    funnel = changed(sample.FUNNEL, funnel_step_name="n" * 257)
    assert refused([funnel]).field == "funnel_step_name"
    assert refused([changed(TRAJECTORY, status="s" * 257)]).field == "status"
    assert refused([changed(sample.PLAYER, region="r" * 257)]).field == "region"


def test_whole_float_keys_are_integer_keys() -> None:
    (item,) = s4.validate(pack(changed(GAMEPLAY, custom_data={5.0: 1, 6: 2, -0.0: 3})), NOW)
    assert item.custom_data == {"5": 1, "6": 2, "0": 3}
    for key in (5.5, 2.0**53, 1e300):
        assert refused([changed(GAMEPLAY, custom_data={key: 1})]).field == "custom_data"


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def test_depth_and_map_size() -> None:
    for levels in (3, 10, 15):
        s4.validate(pack(changed(GAMEPLAY, custom_data=deep(levels))), NOW)
    for content in (deep(16), {"a": deep(15)}, deep(500), {str(n): n for n in range(257)}):
        assert refused([changed(GAMEPLAY, custom_data=content)]).field == "custom_data"
    wide = changed(GAMEPLAY, **{f"f{n}": n for n in range(256)})
    assert refused([wide]).index == 0
    assert refused(b"\x91" * 1_000_000).message == "nested deeper than 16 levels"


def test_item_count() -> None:
    body = pack([changed(GAMEPLAY, custom_data=None)] * 10_000)
    assert len(s4.validate(body, NOW)) == 10_000
    assert refused([GAMEPLAY] * 10_001).index == 10_000
    for empty in (b"", pack([]), b"\xdd\x00\x00\x00\x00"):
        assert refused(empty).index is None


def test_points_of_a_request() -> None:
    full = changed(TRAJECTORY, positions=[1] * 30_000)
    assert len(s4.validate(pack([full] * 100), NOW)) == 100
    for judge in (s4.validate, lambda body, now: s4.check(body, now, sample.APP)):
        with pytest.raises(s4.PayloadTooLarge):
            judge(pack([full] * 100 + [TRAJECTORY]), NOW)


def test_many_small_containers_end_early() -> None:
    assert "lists and maps" in refused([changed(GAMEPLAY, custom_data={1: [[]] * 3_000_000})]).message


@pytest.mark.parametrize("bad", [b"\xed\xa0\x80ABCDE", b"\xff\xfeABCDEF"])
def test_text_that_is_not_utf8(bad: bytes) -> None:
    body = pack([GAMEPLAY, changed(GAMEPLAY, event_name="ABCDEFGH")]).replace(b"ABCDEFGH", bad)
    error = refused(body)
    assert (error.index, error.field) == (1, "event_name")


def test_extras_are_kept_in_a_form_json_can_hold() -> None:
    (item,) = s4.validate(
        pack(changed(GAMEPLAY, blob=b"\x00\xff", source=5, fps={"mean": 1}, tree={1: {2: 3}})), NOW
    )
    assert item.extras == {"blob": "AP8=", "source": 5, "fps": {"mean": 1}, "tree": {"1": {"2": 3}}}
    assert item.source is None
    (labelled,) = s4.validate(pack(changed(GAMEPLAY, source="godot-telemetry", environment="demo")), NOW)
    assert (labelled.source, labelled.environment, labelled.extras) == ("godot-telemetry", "demo", None)


def test_a_nil_field_does_not_decide_the_kind() -> None:
    (item,) = s4.validate(pack(changed(GAMEPLAY, funnel_step_name=None, positions=None)), NOW)
    assert (item.kind, item.extras) == (s4.GAMEPLAY, None)


def test_the_order_in_which_the_kind_is_inferred() -> None:
    everything = GAMEPLAY | TRAJECTORY | sample.FUNNEL
    (step,) = s4.validate(pack(everything), NOW)
    assert step.kind == s4.FUNNEL_STEP
    assert step.extras is not None
    assert {"event_name", "positions", "fps"} <= step.extras.keys()
    (moving,) = s4.validate(pack(GAMEPLAY | TRAJECTORY), NOW)
    assert moving.kind == s4.TRAJECTORY


def test_belongs_to() -> None:
    items = s4.validate(pack([GAMEPLAY, changed(GAMEPLAY, app_id="another")]), NOW)
    assert not s4.belongs_to(items, sample.APP)
    assert s4.belongs_to(items[:1], sample.APP)
