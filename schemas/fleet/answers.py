"""Outcome bodies of the fleet's commands, and the one pure function from a command's events to its outcome.

A retry under the same idempotency key gets the same answer, so all that it shows is in the outcome, as it was
when the command was decided. Bodies are MessagePack of these structs, by command: StartServer 201,
StopServer, UpdateServer and RestartServer 200 ServerAnswer; CreateBuild 201, ProcessBuild 202, DeleteBuild
200 BuildAnswer; ChangeSettings 200 SettingsAnswer; JoinHost 200 HostAnswer; all others, and what changed
nothing (a second stop, a build that is processed already), 200 DoneAnswer.

Refusals (`CommandRejected`) keep their envelope's struct as body, with the codes of `refusals`. Failures (500
`CommandFailed`) keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from schemas.codec import Message
from schemas.envelope import Decided, Outcome
from schemas.fleet import events as ev
from schemas.fleet.views import Build, Server, Settings
from schemas.outcomes import outcome


class ServerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A server after a command."""

    server: Server


class BuildAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A build after a command."""

    build: Build


class SettingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A project's settings after a change."""

    settings: Settings


class HostAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The epoch of an agent that has joined."""

    host_id: str
    epoch: int


class DoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """It is so."""


def outcome_of(decided: Decided, messages: Sequence[Message]) -> Outcome | None:
    """The stored answer, from the command's own events alone. None for a repeat: the first one answers.

    `messages` are its events, read (`messages_of`).
    """
    return outcome(decided, lambda: answer_to(messages))


def answer_to(messages: Sequence[Message]) -> tuple[int, msgspec.Struct]:
    """HTTP status and body of a command that was decided, from its events in order. Pure.

    The first event says which answer; what it is about is shown as its last event left it, so that a restart
    that is placed at once shows its address.
    """
    if not messages:
        return 200, DoneAnswer()
    answer = _ANSWERS.get(type(messages[0]))
    return answer(messages) if answer is not None else (200, DoneAnswer())


def _server(status: int) -> Callable[[Sequence[Message]], tuple[int, msgspec.Struct]]:
    def answered(messages: Sequence[Any]) -> tuple[int, msgspec.Struct]:
        instance_id = messages[0].server.instance_id
        own = (m for m in messages if isinstance(m, ev.ServerEvent) and m.server.instance_id == instance_id)
        *_, last = own
        return status, ServerAnswer(server=last.server)

    return answered


def _build(messages: Sequence[Any]) -> tuple[int, msgspec.Struct]:
    build_id = messages[0].build.id
    *_, last = (m for m in messages if isinstance(m, ev.BuildEvent) and m.build.id == build_id)
    status = {ev.BuildCreated: 201, ev.BuildProcessing: 202}.get(type(messages[0]), 200)
    return status, BuildAnswer(build=last.build)


def _settings(messages: Sequence[Any]) -> tuple[int, msgspec.Struct]:
    return 200, SettingsAnswer(settings=messages[0].settings)


def _joined(messages: Sequence[Any]) -> tuple[int, msgspec.Struct]:
    host = messages[0].host
    return 200, HostAnswer(host_id=host.id, epoch=host.epoch)


_ANSWERS: Final[dict[type[Message], Callable[[Sequence[Message]], tuple[int, msgspec.Struct]]]] = {
    ev.ServerPlaced: _server(201),
    ev.ServerClaimed: _server(201),
    ev.ServerStopping: _server(200),
    ev.ServerStopped: _server(200),
    ev.ServerRestarting: _server(200),
    ev.ServerUpdated: _server(200),
    ev.BuildCreated: _build,
    ev.BuildProcessing: _build,
    ev.BuildDeleted: _build,
    ev.SettingsChanged: _settings,
    ev.HostJoined: _joined,
}
