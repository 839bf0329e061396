from __future__ import annotations

import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.ports import KeyKind
from schemas.identifiers import (
    COMMANDS_NAMESPACE,
    KEY_PREFIXES,
    derived_id,
    id_problem,
    idempotency_key_problem,
    key_hash,
    key_kind,
    key_value,
    keyed_command_id,
    partition_of,
    random_command_id,
)


def command(**changes: str) -> str:
    names = {"game_id": "g", "subject": "p", "operation": "start/e1", "idempotency_key": "k"}
    return keyed_command_id(**{**names, **changes})


def test_the_same_request_is_the_same_command_everywhere() -> None:
    assert command() == command() == "5adf326b-3bd5-5e92-85af-f24c8c89448e"


@pytest.mark.parametrize("name", ["game_id", "subject", "operation", "idempotency_key"])
def test_each_part_tells_commands_apart(name: str) -> None:
    assert command(**{name: "other"}) != command()


def test_parts_do_not_run_into_each_other() -> None:
    assert command(game_id="ab", subject="c") != command(game_id="a", subject="bc")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=4, max_size=4))
def test_a_keyed_id_is_the_version_5_uuid_of_its_parts(parts: list[str]) -> None:
    names = dict(zip(("game_id", "subject", "operation", "idempotency_key"), parts, strict=True))
    wanted = uuid.uuid5(COMMANDS_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts))
    assert keyed_command_id(**names) == str(wanted)


def test_a_random_id_is_a_version_4_uuid() -> None:
    assert uuid.UUID(random_command_id(bytes(range(16)))).version == 4


def test_a_derived_id_follows_from_its_seed() -> None:
    assert derived_id("game_", b"seed", "doom") == derived_id("game_", b"seed", "doom")
    assert derived_id("game_", b"seed", "doom") != derived_id("game_", b"seed", "relay")
    assert len(derived_id("game_", b"seed")) == len("game_") + 16


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_says_its_kind_and_can_be_made_again(kind: KeyKind) -> None:
    value = key_value(b"deployment secret", kind, "c1")
    assert value == key_value(b"deployment secret", kind, "c1")
    assert value != key_value(b"deployment secret", kind, "c2")
    assert value != key_value(b"another secret", kind, "c1")
    assert len(value) == len(KEY_PREFIXES[kind]) + 40
    assert key_kind(value) is kind
    assert len(key_hash(value)) == 64


def test_what_is_no_key_has_no_kind() -> None:
    assert key_kind("Bearer") is None
    assert key_hash("\ud800")


def test_partitions_are_fixed_for_ever() -> None:
    assert [partition_of(name, 8) for name in ("a", "b", "game:player")] == [3, 1, 7]


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "a b",
        " a",
        "x" * 128,
        "Łukasz",
        "プレイヤー",
        "❤\ufe0f",
        "é",
        "e\u0301",
        "a/b",
        "100%",
        "\U0001fae8",
        "\ufffd",
    ],
)
def test_what_can_be_seen_is_an_id(value: str) -> None:
    assert id_problem(value) is None


@pytest.mark.parametrize(
    "character",
    [
        *(
            "\x00",
            "\n",
            "\x7f",
            "\x85",
            "\xa0",
            "\xad",
            "\u034f",
            "\u115f",
            "\u1680",
            "\u200b",
            "\u200d",
            "\u200e",
            "\u2028",
        ),
        *(
            "\u2029",
            "\u202e",
            "\u2060",
            "\u2066",
            "\u3000",
            "\u3164",
            "\ud800",
            "\udfff",
            "\ue02f",
            "\ufdd0",
            "\ufeff",
        ),
        *("\uffff", "\U0001fffe", "\U000e0041", "\U0010ffff", "\u2800", "\u180e"),
    ],
)
def test_what_can_not_be_seen_is_no_id(character: str) -> None:
    for value in (character, f"a{character}", f"é{character}b"):
        assert f"U+{ord(character):04X}" in (id_problem(value) or "")


def test_an_id_is_neither_empty_nor_blank_nor_long() -> None:
    for value in ("", "x" * 129, "é" * 129):
        assert id_problem(value) == "must have 1 to 128 characters"
    assert id_problem("  ") == "must not be blank"


def test_no_category_of_unseen_characters_is_left_out() -> None:
    unseen = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"}
    for point in range(0x110000):
        character = chr(point)
        if unicodedata.category(character) in unseen and character != " ":
            assert id_problem("a" + character) is not None, hex(point)


@pytest.mark.parametrize(
    "value", ["a", "a b", "x" * 255, "!~", "1b4e28ba-2fa1-4f1d-883f-0016d3cca427", "aGk="]
)
def test_what_every_header_carries_is_an_idempotency_key(value: str) -> None:
    assert idempotency_key_problem(value) is None


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "aGk=\n", "a\tb", "é", "\u043a\u043b\u044e\u0447", "x" * 256, "\x7f", "a\x00"]
)
def test_what_some_header_changes_is_no_idempotency_key(value: str) -> None:
    assert idempotency_key_problem(value) is not None
