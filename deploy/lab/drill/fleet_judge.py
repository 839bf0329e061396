"""What the fleet drill says of answers, lines and processes, beside what the log has. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from deploy.lab.drill.fleet_server import CRASHED, INTERRUPTED, printed
from schemas.fleet import names
from schemas.outcomes import failure, rejection, repetition
from streams.fleet.host.wanted import attempt_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from deploy.lab.drill.decided_log import Entry
    from deploy.lab.drill.fleet_clients import Answered
    from deploy.lab.drill.fleet_lives import Record
    from deploy.lab.drill.fleet_model import Attempt, FleetModel
    from deploy.lab.drill.fleet_server import Heard, Printed
    from schemas.envelope import Decided
    from streams.fleet.host.processes import Identity

NOT_REMEMBERED: Final = frozenset({403, 503})
"""Refusals after which the same key may succeed."""


def judge_answers(answers: Sequence[Answered], log: Sequence[Entry]) -> list[str]:
    """Answers that are not what the log says of their commands, and commands that were decided twice."""
    decided: dict[str, list[Decided]] = defaultdict(list)
    for entry in log:
        refused = rejection(entry.decided)
        passing = refused is not None and refused.status in NOT_REMEMBERED
        if repetition(entry.decided) is None and not passing:
            decided[entry.decided.command_id].append(entry.decided)
    return [
        f"{answer.operation} {answer.instance_id}: {problem}"
        for answer in answers
        for problem in _problems(answer, decided.get(answer.command_id, []))
    ]


def _problems(answer: Answered, found: Sequence[Decided]) -> list[str]:
    if len(found) != 1:
        return [f"answered {answer.status}, and decided {len(found)} times"]
    if failure(found[0]) is not None:
        return [f"answered {answer.status}, and the decider failed"]
    refused = rejection(found[0])
    status = None if refused is None else refused.status
    if (status or answer.status) != answer.status or (status is None) != (answer.status < 300):
        return [f"answered {answer.status}, the log says {status or 'success'}"]
    if answer.operation == "start_server" and names.instance_id(answer.command_id) != answer.instance_id:
        return ["the server is not the one that the command makes"]
    return []


def judge_servers(record: Record, model: FleetModel, game_id: str) -> list[str]:
    """What was accepted and is not so in the end, and servers that were not asked for."""
    problems = []
    own = {name: server for name, server in model.servers.items() if server.game_id == game_id}
    asked = set(record.instances)
    problems += [f"{name} was answered and is not in the log" for name in sorted(asked - own.keys())]
    problems += [f"{name} is in the log, and no client started it" for name in sorted(own.keys() - asked)]
    for name in sorted(asked & own.keys()):
        server = own[name]
        if server.phase != "stopped":
            problems.append(f"{name} was told to stop and is {server.phase}")
        last = record.custom_data.get(name)
        if last is not None and server.custom_data != f'{{"mark":"{last["mark"]}"}}':
            problems.append(f"{name} has {server.custom_data}, and {last} was accepted")
    return problems


def judge_processes(
    seen: Mapping[str, Collection[Identity]],
    together: Mapping[tuple[str, str], int],
    attempts: Mapping[str, Attempt],
    lost: Mapping[str, int],
) -> list[str]:
    """Launches that ran as more than one process, and servers whose attempts ran beside each other.

    Two attempts may be there at once where the older one's host was lost: it kills that when it is back.
    """
    problems = [
        f"{name} ran as {len(processes)} processes: {sorted(one.pid for one in processes)}"
        for name, processes in seen.items()
        if name in attempts and len(processes) > 1
    ]
    for (older, newer), looks in together.items():
        was, now = attempts.get(older), attempts.get(newer)
        if was is None or now is None:
            continue
        if was.host_id == now.host_id or not lost.get(was.host_id):
            problems.append(f"{older} and {newer} ran at the same time, in {looks} looks")
    return problems


def judge_lines(
    instance_id: str, messages: Sequence[str], attempts: Mapping[str, Attempt], heard: Sequence[Heard]
) -> list[str]:
    """What is wrong with a server's log: lines missing, twice or out of order, and processes too many.

    Of an attempt that ended by itself or was asked to, the last line is there; of one that was killed,
    everything that it had printed when it was last heard.
    """
    problems: list[str] = []
    by_attempt: dict[int, list[Printed]] = defaultdict(list)
    for message in messages:
        line = printed(message)
        if line is None:
            problems.append(f"{instance_id} has a strange line: {message[:80]!r}")
        else:
            by_attempt[line.attempt].append(line)
    known = [one for one in attempts.values() if one.instance_id == instance_id]
    strange = sorted(by_attempt.keys() - {one.number for one in known})
    problems += [f"{instance_id} has lines of attempt {one}, which the log does not know" for one in strange]
    for attempt in known:
        lines = by_attempt.get(attempt.number, [])
        own = [one for one in heard if one.attempt == attempt.number]
        name = attempt_id(instance_id, attempt.number)
        problems += [f"{name} {problem}" for problem in _of_attempt(attempt, lines, own)]
    return problems


def _of_attempt(attempt: Attempt, lines: Sequence[Printed], heard: Sequence[Heard]) -> list[str]:
    problems = []
    nonces = {one.nonce for one in lines} | {one.nonce for one in heard}
    if len(nonces) > 1:
        problems.append(f"was {len(nonces)} processes: {sorted(nonces)}")
    numbers = [line.number for line in lines]
    if numbers != list(range(1, len(lines) + 1)):
        wrong = next((where for where, number in enumerate(numbers, 1) if number != where), len(numbers))
        around = numbers[max(0, wrong - 3) : wrong + 2]
        problems.append(
            f"has {len(numbers)} lines, which are not 1, 2, 3 …: around {wrong} they are {around}"
        )
    reached = max((one.number for one in heard), default=0)
    if len(lines) < reached:
        problems.append(f"had printed {reached} lines when it was heard, and {len(lines)} are there")
    if attempt.ready_at_ms is not None and not lines:
        problems.append("was ready and has no line")
    words = [line.word for line in lines]
    if lines and (words[0] != "begun" or words.count("begun") > 1):
        problems.append(f"has {words.count('begun')} beginnings, the first of its lines says {words[0]}")
    if lines and attempt.exit_code in {INTERRUPTED, CRASHED} and words[-1] != "last":
        problems.append(f"ended with {attempt.exit_code}, and its last line says {words[-1]}")
    if "last" in words[:-1]:
        problems.append("has lines behind its last one")
    return problems
