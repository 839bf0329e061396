"""The demo's playtests: what `up --demo` gives once, the states a round makes, recordings that are videos."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.running_stack import of_home
from deploy.lab.demo import playtests
from deploy.lab.demo.game.play import read_demo
from deploy.lab.demo.game.playtests import Round
from deploy.lab.demo.game.recording import encode
from tests import plain_http
from tests.stack import QuestlogStack

_EBML = bytes.fromhex("1a45dfa3")


def read(stack: QuestlogStack, path: str) -> Any:
    answer = plain_http.get(
        f"{stack.base_url}/api/v1{path}",
        headers={"authorization": f"Bearer {stack.demo['keys']['wpg_sk']}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_pictures_become_a_webm_video(tmp_path: Path) -> None:
    pictures = [bytes([shade] * (160 * 120)) for shade in range(0, 250, 10)]
    size = encode(tmp_path / "a.webm", pictures, (160, 120))
    video = (tmp_path / "a.webm").read_bytes()
    assert (len(video), video[:4]) == (size, _EBML)
    assert b"V_VP8" in video


@pytest.mark.stack
def test_credit_keys_and_invites_are_given_once(questlog_stack: QuestlogStack) -> None:
    demo = questlog_stack.demo
    again = asyncio.run(playtests.load(of_home(questlog_stack.home), demo["studio"]["id"]))
    assert again == {"share_url": demo["share_url"], "invite_urls": demo["invite_urls"]}
    assert len(set(again["invite_urls"])) == len(playtests.RECIPIENTS)
    for url in (again["share_url"], *again["invite_urls"]):
        assert plain_http.get(url, timeout=30).status_code == 200
    given = [
        row["amountCents"]
        for row in read(questlog_stack, "/billing/ledger?limit=100")["ledger"]
        if row["reason"] == playtests.CREDIT_REASON
    ]
    assert given == [playtests.CREDIT_CENTS]


@pytest.mark.stack
def test_a_round_makes_every_state_that_needs_no_day(questlog_stack: QuestlogStack) -> None:
    panel = read_demo(questlog_stack.home / "demo.json").panel
    before = {one["id"] for one in read(questlog_stack, "/games/doom/playtests?limit=100")["playtests"]}
    with plain_http.client(base_url=f"{questlog_stack.base_url}/api/v1", timeout=30) as http:
        Round(panel, http, lambda number: b"a recording %d" % number).play()
    made = [
        one
        for one in read(questlog_stack, "/games/doom/playtests?limit=100")["playtests"]
        if one["id"] not in before
    ]
    for trial in (one["id"] for one in made if one["isFreePublicTrial"]):  # the game gets it back
        plain_http.post(
            f"{questlog_stack.base_url}/api/v1/playtests/{trial}/trial/decline",
            headers={"authorization": f"Bearer {questlog_stack.demo['operator_token']}"},
            timeout=30,
        ).raise_for_status()
    assert {one["status"] for one in made} == {"pending_payment", "active", "completed", "cancelled"}
    slots: Counter[str] = Counter()
    for one in made:
        slots.update(one["slots"])
    # The public one is published by an effect, whenever it comes to it.
    slots["accepted"] += slots.pop("publishing", 0)
    assert {status for status, count in slots.items() if count} == {
        *("open", "reserved", "submitted", "accepted", "rejected", "blocked", "cancelled"),
    }
