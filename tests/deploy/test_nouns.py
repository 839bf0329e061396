from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import get_args

import pytest

from deploy import nouns
from deploy.noun import Effect
from deploy.nouns import NOUNS, deciding
from deploy.settings import Settings
from deploy.stack.programs import HOSTING, ROLES
from schemas.log import LogReader
from schemas.studio.definitions_webhooks import EventName
from schemas.studio.noun import STUDIO_EVENTS


def test_a_game_s_webhooks_may_ask_for_what_nouns_tell() -> None:
    assert [*get_args(EventName)] == [event for noun in NOUNS for event in noun.schema.webhook_events]


def test_no_two_nouns_have_a_name_a_topic_a_surface_or_a_document_in_common() -> None:
    for names in (
        [noun.name for noun in NOUNS],
        [topic.name for noun in NOUNS for topic in noun.schema.topics],
        [surface.name for noun in NOUNS for surface in noun.schema.surfaces],
        [document for noun in NOUNS for document in noun.served().documents],
    ):
        assert len(names) == len(set(names))


def test_a_noun_that_decides_has_its_topics_by_name_and_a_projection() -> None:
    for noun in NOUNS:
        topics = {topic.name: topic for topic in noun.schema.topics}
        assert (noun.decider is None) == (noun.projection is None)
        if noun.decider is not None and noun.projection is not None:
            assert noun.decider.name == noun.projection.noun == noun.name
            assert (noun.decider.commands, noun.decider.events) == (noun.schema.commands, noun.schema.events)
            assert noun.projection.topic is topics[f"{noun.name}.events"]
            assert topics[f"{noun.name}.commands"].partitions == noun.projection.topic.partitions


def test_the_positions_of_effects_are_those_that_releases_before_have_kept() -> None:
    keys = {noun.name: noun.effect_keys for noun in deciding(Settings())}
    assert keys["liveops"] == ("effects:rank-rewards", "effects:lobby-servers", "webhooks:positions")


def test_an_effect_is_looked_for_where_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> LogReader:
        raise AssertionError("nothing is opened here")

    liveops = next(noun for noun in NOUNS if noun.name == "liveops")
    another = {"elsewhere": Effect(open=never, reads=STUDIO_EVENTS), **liveops.effects}
    monkeypatch.setattr(nouns, "NOUNS", (NOUNS[0], dataclasses.replace(liveops, effects=another)))
    keys = {noun.name: noun.effect_keys for noun in deciding(Settings())}
    assert keys == {
        "studio": (
            "effects:ai-requests",
            "effects:ai-texts",
            "effects:discord-sessions",
            "effects:elsewhere",
        ),
        "liveops": ("effects:rank-rewards", "webhooks:positions"),
    }


@pytest.mark.parametrize("role", [*ROLES, HOSTING])
def test_a_worker_starts_without_the_edge(role: str) -> None:
    """What a role imports is half of its start, and of its recovery after a kill."""
    spared = {"api", "deploy.serving", "fastapi", "pydantic", "starlette", "uvicorn"}
    if role != "timer":  # exports decode S4, whose costs are counted in arrays
        spared |= {"numpy", "pyarrow"}
    if role == HOSTING:
        spared |= {"deploy.nouns", "faust", "projections", "redis"}
    code = f"import sys, deploy.worker, deploy.roles.{role}; print({spared!r} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert ran.stdout.strip() == "set()"
