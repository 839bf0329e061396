from __future__ import annotations

from typing import get_args

from deploy.nouns import NOUNS
from schemas.studio.definitions_webhooks import EventName


def test_a_game_s_webhooks_may_ask_for_what_nouns_tell() -> None:
    declared = [event for kind in get_args(EventName) for event in get_args(kind)]
    assert declared == [event for noun in NOUNS for event in noun.schema.webhook_events]


def test_no_two_nouns_have_a_name_a_topic_a_surface_or_a_document_in_common() -> None:
    for names in (
        [noun.name for noun in NOUNS],
        [topic.name for noun in NOUNS for topic in noun.schema.topics],
        [surface.name for noun in NOUNS for surface in noun.schema.surfaces],
        [document for noun in NOUNS for document in noun.documents],
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
