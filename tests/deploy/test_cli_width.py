"""The command line in a terminal of 80 columns: helps and ids are whole. Piped, lists are rows with tabs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from deploy.analysts import ListedAccount
from deploy.cli import (
    COMMANDS,
    Listed,
    ai,
    analysts,
    app,
    dlq,
    experiments,
    load,
    playtests_operation,
    webhooks,
)
from deploy.cli.piped import rows_text, say_tables
from deploy.cli.plain_help import first_paragraph, with_narrow_name
from schemas.dead_letters import DEAD_LETTER_VERSION, DeadLetter
from schemas.playtests.account_views import Payout
from schemas.playtests.views import Order
from schemas.timestamps import iso_ms
from schemas.webhooks import Delivery
from streams.webhooks.undelivered import Undelivered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 80
DEPLOY_TEST = Path(__file__).parents[2] / "deploy/test"
NARROW = dict.fromkeys(("TERMINAL_WIDTH", "COLUMNS"), str(WIDTH))
AT_MS = 1_790_000_000_000
UUID = "72ab8f81-ef36-4712-a046-399a62b9afaa"
OTHER = "0e2f5d3a-4f0e-4a55-8a33-6f6a2f0c9b11"


def commands_of(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A command and those below it, by their words."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands_of(below, (*path, name))


def help_of(*words: str) -> str:
    asked = CliRunner().invoke(app, [*words, "--help"], prog_name="questlog", env=NARROW)
    assert asked.exit_code == 0, words
    return asked.output


def names_of(parameter: Any) -> list[str]:
    """What a reader copies of a parameter: options, its environment variable, its choices, its default."""
    names = [name for name in (*parameter.opts, *parameter.secondary_opts) if name[0] == "-"]
    if isinstance(parameter.envvar, str):
        names.append(parameter.envvar)
    names += [str(choice) for choice in parameter.type_descriptor.choices or ()]
    return names


@pytest.mark.parametrize("listed", [None, *COMMANDS], ids=lambda listed: listed.name if listed else "all")
def test_no_help_is_cut_on_80_columns(listed: Listed | None) -> None:
    top: Any = typer.main.get_command(app) if listed is None else load(listed)
    whole = [((), top)] if listed is None else list(commands_of(top, (listed.name,)))
    for path, command in whole:
        output = help_of(*path)
        assert [line for line in output.splitlines() if len(line) > WIDTH] == [], path
        words = set(re.split(r"[\s,;:/<>|\[\]]+", output))
        named = [name for one in command.params for name in names_of(one)]
        below = [one for one in getattr(command, "commands", {}).values() if not one.hidden]
        named += [one.name for one in below]
        assert [name for name in named if name not in words] == [], path
        said = "".join(output.split())
        texts = [command.help, *(one.help for one in command.params)]
        texts += [first_paragraph(one.help) for one in below]
        assert [text for text in texts if text and "".join(text.split()) not in said] == [], path


def test_the_help_of_the_tests_is_whole_on_80_columns() -> None:
    said = subprocess.run([DEPLOY_TEST, "--help"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    lines = said.splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []
    assert (lines[0].split()[0], lines[-1].split()[-1]) == ("Installs", "print).")
    assert all(option in said for option in ("--quick", "--repeat N TESTS", "`-n 0`"))


def test_choices_that_are_too_wide_stand_in_the_text() -> None:
    assert with_narrow_name("kind <a|b>", "What.") == ("kind <a|b>", "What.")
    wide = "|".join(f"choice{number}" for number in range(9))
    name, text = with_narrow_name(f"kind <{wide}>", "What.")
    assert (name, text) == ("kind", f"What.  [one of: {wide.replace('|', ', ')}]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rest"], "Did you mean 'restore'?"),
        (["analysts", "rene"], "Did you mean 'renew', 'revoke'?"),
        (["up", "--kafka-ports"], "(Possible options: --admin-port, --kafka-port)"),
        (["up", "--flee"], "(Possible options: --fleet, --no-fleet)"),
    ],
)
def test_at_most_two_names_are_suggested(words: list[str], said: str) -> None:
    asked = CliRunner().invoke(app, words, prog_name="questlog", env=NARROW)
    assert (asked.exit_code, said in asked.output) == (2, True), asked.output


def test_an_account_of_an_analyst() -> None:
    one = ListedAccount(name="a" * 63, studio_id=UUID, created_at_ms=AT_MS)
    assert analysts.account_line(one, "demo").splitlines() == [
        "a" * 63,
        f"    studio demo, since {iso_ms(AT_MS)}",
    ]
    cells = analysts.account_cells(one, "demo")
    assert row_of(analysts.COLUMNS, cells) == f"{'a' * 63}\tdemo\t{iso_ms(AT_MS)}"


def test_a_dead_letter() -> None:
    letter = DeadLetter(
        version=DEAD_LETTER_VERSION,
        topic="liveops.commands",
        partition=1,
        offset=2,
        index=3,
        reader="decider.liveops",
        reason="undecodable-command",
        error="a line\nand another",
        appended_at_ms=AT_MS,
        key=None,
        body=None,
    )
    cells = dlq.entry_cells(dlq.Entry(letter, replays=2))
    assert row_of(dlq.COLUMNS, cells).split("\t") == [
        *("liveops.commands-1-2-3", iso_ms(AT_MS), "decider.liveops", "undecodable-command"),
        *("liveops.commands-1@2", "2", "a line and another"),
    ]


def test_a_webhook_that_was_given_up() -> None:
    identifier = f"evt_{'f' * 32}"
    delivery = Delivery(
        id=identifier,
        type="playtest.submission.accepted",
        game_id=UUID,
        target_id="main",
        line="l",
        sequence=2,
        queued_at_ms=AT_MS,
        body=b"{}",
    )
    name = f"{UUID}/main/{identifier}"
    letter = Undelivered(delivery, "answered 500 " + "x" * 300, replays=1)
    lines = webhooks.undelivered_lines(name, letter)
    assert (lines[0], lines[3]) == (name, f"    {letter.error}")
    assert max(map(len, lines[1:3])) <= WIDTH
    cells = webhooks.undelivered_cells(name, letter)
    assert row_of(webhooks.UNDELIVERED, cells).split("\t")[::4] == [name, letter.error]


def test_a_key_of_an_ai_provider() -> None:
    row: dict[str, object] = {"for": "embedding", "model": "m" * 60, "setAt": AT_MS, "refusedWith": 401}
    lines = ai.key_line(row).splitlines()
    assert lines[0] == f"embedding  {'m' * 60}"
    assert [len(line) <= WIDTH for line in lines] == [True, True, True]
    assert row_of(ai.COLUMNS, ai.key_cells(row)) == f"embedding\t{'m' * 60}\t{iso_ms(AT_MS)}\t401"
    assert ai.key_cells(row | {"refusedWith": None})[-1] == ""


def test_an_experiment() -> None:
    row: dict[str, Any] = {"id": f"exp_{'x' * 60}", "status": "running", "studio": "demo", "game": "doom"}
    row |= {"startedAt": AT_MS, "winner": None}
    assert experiments.experiment_lines(row).splitlines() == [
        f"exp_{'x' * 60}  running",
        f"    studio demo, game doom, started {iso_ms(AT_MS)}",
    ]
    cells = experiments.experiment_cells(row)
    assert row_of(experiments.COLUMNS, cells) == f"exp_{'x' * 60}\trunning\tdemo\tdoom\t{iso_ms(AT_MS)}\t"


def test_a_payout_and_a_free_trial() -> None:
    payout = Payout(id=UUID, playtester_id=OTHER, amount_cents=123_456, status="sent", sent_at_ms=AT_MS)
    lines = playtests_operation.payout_line(payout).splitlines()
    assert (lines[0], lines[2]) == (UUID, f"    to {OTHER}")
    assert "123,456 cents" in lines[1]
    cells = playtests_operation.payout_cells(payout)
    assert row_of(playtests_operation.SENT, cells) == f"{UUID}\t{iso_ms(AT_MS)}\tsent\t123456\t{OTHER}\t"
    order = Order(
        id=UUID,
        studio_id=OTHER,
        game_id=UUID,
        visibility="public",
        quantity=1,
        duration_minutes=30,
        player_count=1,
        cost_per_slot_cents=0,
        payout_cents=0,
        status="active",
        created_at_ms=AT_MS,
    )
    lines = playtests_operation.trial_line(order).splitlines()
    assert (lines[0], max(map(len, lines)) <= WIDTH) == (UUID, True)
    cells = playtests_operation.trial_cells(order)
    assert row_of(playtests_operation.TRIALS, cells) == f"{UUID}\t{iso_ms(AT_MS)}\t{OTHER}\t{UUID}"


def test_two_tables_are_piped_with_an_empty_line_between(capsys: pytest.CaptureFixture[str]) -> None:
    say_tables(((("a", "b"), [("1", "x\ty")]), (("c",), [])), ["for a terminal"])
    assert capsys.readouterr().out == "a\tb\n1\tx y\n\nc\n"


def row_of(columns: Sequence[str], cells: Sequence[str]) -> str:
    """The line that a pipe gets for it; it has a value for each column."""
    assert len(columns) == len(cells)
    return rows_text(columns, [cells]).splitlines()[1]
