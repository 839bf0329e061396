from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.ports import KeyKind
from schemas.identifiers import (
    COMMANDS_NAMESPACE,
    KEY_PREFIXES,
    derived_id,
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
