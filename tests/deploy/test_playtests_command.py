"""The operator's part of `questlog playtests` on the real stack: credit, payouts, free trials, forgetting."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from deploy.cli import app
from streams.asking import CommandRefused
from tests import plain_http
from tests.deploy.test_persons_command import lasting, places, until
from tests.deploy.test_persons_command import questlog as persons
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


class Other:
    """The second studio, which no other test orders for, by its API and by the command line."""

    def __init__(self, stack: QuestlogStack, client: httpx.Client) -> None:
        self.stack = stack
        self.client = client
        self.keys = stack.demo["other"]["keys"]
        self.game = stack.demo["other"]["games"][0]["id"]
        self.tester_key = self.keys["wpg_pt"][0]

    def call(self, method: str, path: str, *, tester: bool = False, **body: Any) -> Any:
        key = self.tester_key if tester else self.keys["wpg_sk"]
        answer = self.client.request(
            method,
            f"{self.stack.base_url}/api/v1{path}",
            json=body if method != "GET" else None,
            headers={"authorization": f"Bearer {key}"},
        )
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def say(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["playtests", *words, "--home", str(self.stack.home)])

    def read(self, *words: str) -> Any:
        said = self.say(*words, "--json")
        assert said.exit_code == 0, said.output + repr(said.exception)
        return json.loads(said.stdout)

    def become(self) -> str:
        """Another playtester, by a key of their own: their id."""
        tester = str(uuid.uuid4())
        words = ["keys", "create", "wpg_pt", "--studio", "other", "--tester", tester, "--json"]
        made = CliRunner().invoke(app, [*words, "--home", str(self.stack.home)])
        self.tester_key = json.loads(made.stdout)["value"]
        return tester

    def accepted(self, **more: Any) -> dict[str, Any]:
        """A slot that was played and paid for."""
        path = f"/games/{self.game}/playtests"
        ordered = self.call("POST", path, payFromCredit=True, quantity=1, **more)
        playtest = ordered["playtest"]["id"]
        slot = self.call("POST", f"/playtests/{playtest}/claim", tester=True)["slot"]["id"]
        offered = self.call(
            "POST", f"/playtests/slots/{slot}/upload-url", tester=True, size=5, contentType="video/mp4"
        )
        self.client.put(
            offered["uploadUrl"], content=b"video", headers={"content-type": "video/mp4"}
        ).raise_for_status()
        submission = {"uploadId": offered["uploadId"], "notes": "It was dark."}
        self.call("POST", f"/playtests/slots/{slot}/submit", tester=True, **submission)
        self.call("POST", f"/playtests/slots/{slot}/accept")
        found: dict[str, Any] = self.call("GET", f"/playtests/slots/{slot}")["slot"]
        return found


@pytest.fixture
def other(questlog_stack: QuestlogStack) -> Any:
    with plain_http.client(timeout=30) as client:
        yield Other(questlog_stack, client)


def test_credit_is_given_and_taken(other: Other) -> None:
    before = other.call("GET", "/billing/balance")["balanceCents"]
    assert other.say("credit", "other", "5000", "--reason", "a gift").exit_code == 0
    taken = other.say("credit", "other", "-1000", "--reason", "a mistake")
    assert (taken.exit_code, taken.stdout) == (0, f"other has {before + 4000:,} cents\n")
    newest = other.call("GET", "/billing/ledger")["ledger"][:2]
    assert [(row["amountCents"], row["reason"]) for row in newest] == [(-1000, "a mistake"), (5000, "a gift")]
    assert other.say("credit", "other", "0", "--reason", "nothing").exit_code == 2
    assert other.call("GET", "/billing/balance")["balanceCents"] == before + 4000
    row = other.read("credit", "other", "100", "--reason", "for a script")
    assert (row["amount_cents"], row["balance_cents"], row["reason"]) == (100, before + 4100, "for a script")


def test_a_payout_is_sent_fails_and_is_owed_again(other: Other) -> None:
    assert other.say("credit", "other", "4000", "--reason", "to play").exit_code == 0
    tester = other.accepted()["playtester"]["id"]
    owed = {
        row["playtester_id"]: row["balance_cents"] for row in other.read("payouts", "list", "other")["owed"]
    }
    cents = owed[tester]
    assert cents >= 1000
    said = other.say("payouts", "sent", "other", tester, str(cents), "--external-id", "transfer 1")
    assert said.stdout.endswith(f"{tester} is owed 0 cents\n")
    listed = other.read("payouts", "list", "other")
    assert tester not in {row["playtester_id"] for row in listed["owed"]}
    sent = listed["payouts"][0]
    assert (sent["playtester_id"], sent["amount_cents"], sent["status"], sent["external_id"]) == (
        *(tester, cents, "sent", "transfer 1"),
    )
    too_much = other.say("payouts", "sent", "other", tester, "1")
    assert isinstance(too_much.exception, CommandRefused)
    assert too_much.exception.code == "insufficient_balance"
    said = other.say("payouts", "failed", "other", sent["id"], "--reason", "no such account")
    assert said.stdout == f"{tester} is owed {cents:,} cents\n"
    again = other.read("payouts", "sent", "other", tester, str(cents))
    assert (again["payout"]["playtester_id"], again["balance_cents"]) == (tester, 0)
    back = other.read("payouts", "failed", "other", again["payout"]["id"], "--reason", "no such account")
    assert (back["payout"]["status"], back["balance_cents"]) == ("failed", cents)
    assert other.read("payouts", "list", "other")["payouts"][0]["reason"] == "no such account"
    assert sent["id"] in other.say("payouts", "list", "other").stdout


def test_free_trials_are_listed_until_they_are_decided(other: Other) -> None:
    for word, status in (("decline", "cancelled"), ("approve", "active")):
        ordered = other.call("POST", f"/games/{other.game}/playtests", isFreePublicTrial=True)
        trial = ordered["playtest"]["id"]
        assert trial in {row["id"] for row in other.read("trials", "list")}
        assert trial in other.say("trials", "list").stdout
        assert other.read("trials", word, trial)["status"] == status
        assert trial not in {row["id"] for row in other.read("trials", "list")}
        found = other.call("GET", f"/playtests/{trial}")["playtest"]
        assert (found["status"], found["needsAdminApproval"]) == (status, False)


def test_a_person_is_forgotten(other: Other) -> None:
    tester = other.become()
    assert other.call("PATCH", "/playtests/me", tester=True, displayName="Sam")["displayName"] == "Sam"
    assert other.read("validate", "other", tester)["validated_at_ms"] > 0
    assert other.read("validate", "other", tester, "--revoke")["validated_at_ms"] is None
    for _ in range(2):
        assert other.read("forget", "other", "--playtester", tester) == {"forgotten": True}
        assert other.call("GET", "/playtests/me", tester=True)["displayName"] is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("credit", "nobody", "1", "--reason", "x"), "there is no studio nobody"),
        (("credit", "other", "-99999999", "--reason", "x"), "The balance is too small"),
        (("forget", "other", "--playtester", str(uuid.UUID(int=7))), "playtester"),
        (("payouts", "failed", "other", str(uuid.UUID(int=7))), "has no payout"),
        (("trials", "approve", str(uuid.UUID(int=7))), "there is no playtest"),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_1(other: Other, words: tuple[str, ...], says: str) -> None:
    said = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "deploy.cli", "playtests", *words, "--home", str(other.stack.home)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert says in said.stderr


def test_a_person_is_forgotten_everywhere_and_what_they_earned_stays(other: Other) -> None:
    assert other.say("credit", "other", "9000", "--reason", "to play").exit_code == 0
    stack, tester = other.stack, other.become()
    other.call("PATCH", "/playtests/me", tester=True, displayName=f"Sam {tester}")
    slot_id = other.accepted(visibility="public")["id"]

    def slot() -> Any:
        return other.call("GET", f"/playtests/slots/{slot_id}")["slot"]

    def stored() -> list[Path]:
        return [
            path for path in (stack.home / "objects").rglob("*") if slot_id in str(path) and path.is_file()
        ]

    until(slot, lambda now: now["status"] == "accepted")
    assert {path.parts[len(stack.home.parts) + 1] for path in stored()} == {"public", "submissions"}
    found = until(
        lambda: places(stack, "other", tester), lambda now: now.get("clickhouse/playtest_ledger") == 1
    )
    assert (found["clickhouse/playtest_slots"], found["objects/submissions/{studio}/{id}"]) == (1, 1)
    dry = persons(stack, "forget", "other", tester, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    goes, _, stays = dry.stdout.partition("stays (telemetry, liveops, playtests forget):")
    assert "would go:" in goes
    for place in (
        "clickhouse  playtest_slots",
        "clickhouse  playtest_ledger",
        "redis       playtests playtester:{studio}/{playtester}",
        "objects     submissions/{studio}/{id}",
    ):
        assert f"           1  playtests   {place}\n" in goes
    assert stays.startswith(" nothing\n")
    assert "questlog playtests forget --email" in stays
    assert places(stack, "other", tester) == found  # nothing was done

    done = persons(stack, "forget", "other", tester, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["left"], report["stays"], report["again"]) == ([], [], False)
    assert {one["place"] for one in report["went"]} >= {"playtest_slots", "submissions/{studio}/{id}"}
    assert stored() == []
    keys_alone = until(lambda: lasting(stack, tester), lambda now: all("studio" in place for place in now))
    assert {place.split(":")[2] for place in keys_alone} == {"credentials", "keys-of"}
    assert json.loads(persons(stack, "forget", "other", tester, "--json").stdout)["again"]

    pseudonym = slot()["playtester"]["id"]
    assert (slot()["status"], slot()["playtester"]["displayName"]) == ("accepted", None)
    assert (uuid.UUID(pseudonym).version, pseudonym != tester) == (8, True)
    owed = other.read("payouts", "list", "other")["owed"]
    (cents,) = [row["balance_cents"] for row in owed if row["playtester_id"] == pseudonym]
    assert other.read("payouts", "sent", "other", pseudonym, str(cents))["balance_cents"] == 0
    assert other.call("GET", "/playtests/me", tester=True)["displayName"] is None
    assert other.call("GET", "/playtests/me/slots", tester=True)["slots"] == []
    answer = other.client.patch(
        f"{stack.base_url}/api/v1/playtests/me",
        json={"displayName": "Sam"},
        headers={"authorization": f"Bearer {other.tester_key}"},
    )
    assert answer.status_code == 404
