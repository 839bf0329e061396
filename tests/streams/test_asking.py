"""What a built command says of itself, and how an outcome becomes a success or a refusal."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from schemas.envelope import CommandFailed, CommandRejected, Outcome
from schemas.studio.commands import COMMANDS, RevokeKey
from streams.asking import CommandBuilder, CommandRefused, succeeded

BODY = RevokeKey(key_id="key_1")


def builder() -> CommandBuilder:
    return CommandBuilder(COMMANDS, clock_ms=lambda: 7, randomness=lambda size: b"r" * size)


def outcome(status: int, body: msgspec.Struct) -> Outcome:
    return Outcome(command_id="c", status=status, body=msgspec.msgpack.encode(body), fingerprint=b"")


def test_a_command_without_an_id_is_not_keyed_and_has_its_bodys_fingerprint() -> None:
    command = builder().build(BODY, aggregate_id="studio", studio_id="studio")
    assert (command.keyed, command.game_id, command.definition, command.at_ms) == (False, "", "", 7)
    assert command.command_id == builder().new_id()
    # Deciders keep fingerprints: another way to make one would make conflicts of repeats.
    said = BODY.WIRE.encode() + b"\0" + COMMANDS.encode(BODY)
    assert command.fingerprint == hashlib.sha256(said).digest()


def test_a_keyed_command_is_as_its_asker_says() -> None:
    command = builder().build(
        BODY,
        aggregate_id="a",
        studio_id="s",
        game_id="g",
        command_id="id",
        fingerprint=b"f",
        keyed=True,
        reference="r",
    )
    assert (command.command_id, command.fingerprint, command.keyed, command.definition) == (
        "id",
        b"f",
        True,
        "r",
    )


def test_a_success_is_itself() -> None:
    done = outcome(201, BODY)
    assert succeeded(done) is done


def test_a_refusal_says_field_status_and_code() -> None:
    rejected = CommandRejected(status=409, code="window_open", message="it is open", field="windowId")
    with pytest.raises(CommandRefused, match=r"^windowId: it is open$") as plain:
        succeeded(outcome(409, rejected))
    assert (plain.value.status, plain.value.code) == (409, "window_open")
    with pytest.raises(CommandRefused, match=r"^x to y: window_open: windowId: it is open$"):
        succeeded(outcome(409, rejected), "x to y: ")


def test_a_failure_is_a_500() -> None:
    with pytest.raises(CommandRefused, match=r"^x to y: ZeroDivisionError$") as failed:
        succeeded(outcome(500, CommandFailed(error="ZeroDivisionError")), "x to y: ")
    assert (failed.value.status, failed.value.code) == (500, "failed")
