"""With a cluster's settings no row is there twice or lost in the model; without any of them some are."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

import pytest

from projections.clickhouse.cluster import TOKENS_SECONDS, Cluster, placed, read_settings, write_settings
from tests.projections.clickhouse.replicas import HOUR_S, Choice, run

SEEDS: Final = 60
CHOSEN: Final = {"one shard": Choice(), "two shards": Choice(shards=2)}
PLANTED: Final = {
    "no tokens": Choice(tokens=False),
    "tokens for an hour": Choice(token_seconds=HOUR_S),
    "no quorum": Choice(quorum=False),
    "quorum inserts in parallel": Choice(one_after_the_other=False),
    "reads without sequential consistency": Choice(sequential=False),
    "inserts from a queue": Choice(foreground=False, shards=2),
    "another number of shards meanwhile": Choice(shards=2, shards_change=True),
    "replicas that count without all earlier parts": Choice(in_order=False),
}


def found(choice: Choice) -> str:
    """The first thing wrong within the seeds, with its seed."""
    for seed in range(SEEDS):
        if wrong := run(choice, Random(seed)):
            return f"seed {seed}: {wrong}"
    return ""


@pytest.mark.parametrize("name", CHOSEN)
def test_every_row_is_there_once(name: str) -> None:
    assert not found(CHOSEN[name])


@pytest.mark.parametrize("name", PLANTED)
def test_each_setting_is_needed(name: str) -> None:
    assert found(PLANTED[name])


def test_the_model_runs_with_what_is_sent() -> None:
    cluster = Cluster("live", 2, frozenset({"events"}))
    sent = write_settings(cluster)
    (rows, _) = placed(
        "CREATE TABLE IF NOT EXISTS events (studio_id String) ENGINE = MergeTree ORDER BY studio_id"
        " SETTINGS non_replicated_deduplication_window = 10000",
        "q",
        cluster,
    )
    said = Choice(
        tokens="replicated_deduplication_window = 10000" in rows,
        token_seconds=TOKENS_SECONDS if f"window_seconds = {TOKENS_SECONDS}" in rows else HOUR_S,
        quorum=sent["insert_quorum"] == "auto",
        one_after_the_other=sent["insert_quorum_parallel"] == "0",
        sequential=read_settings(cluster)["select_sequential_consistency"] == "1",
        foreground=sent["distributed_foreground_insert"] == "1",
        shards=2,
    )
    assert said == replace(Choice(), shards=2)
