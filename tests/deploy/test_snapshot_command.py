"""`questlog snapshot` beside a running stack: what it keeps is what a decider of this code starts from."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from deploy.objects import FolderObjects
from schemas.fleet.noun import FLEET_COMMANDS
from schemas.liveops.noun import LIVEOPS_COMMANDS, LIVEOPS_EVENTS
from schemas.playtests.noun import PLAYTESTS_COMMANDS
from schemas.studio.noun import STUDIO_EVENTS
from streams.deciders.decider import DeciderReader
from streams.deciders.liveops.noun import LIVEOPS
from streams.deciders.snapshots import ObjectSnapshots
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


def snapshot(stack: QuestlogStack, *options: str) -> str:
    command = [sys.executable, "-m", "deploy.cli", "snapshot", "--home", str(stack.home), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)  # noqa: S603 - our own
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def test_every_partition_is_folded_and_kept(questlog_stack: QuestlogStack) -> None:
    made = [json.loads(line) for line in snapshot(questlog_stack, "--json").splitlines()]
    assert [(one["noun"], one["partition"]) for one in made] == [
        ("studio", 0),
        *(("liveops", partition) for partition in range(LIVEOPS_COMMANDS.partitions)),
        *(("playtests", partition) for partition in range(PLAYTESTS_COMMANDS.partitions)),
        *(("fleet", partition) for partition in range(FLEET_COMMANDS.partitions)),
    ]
    settings = json.loads((questlog_stack.home / "settings.json").read_bytes())
    tail = KafkaTail(settings["kafka"])
    try:
        assert made[0]["records"] <= await tail.end_offset(STUDIO_EVENTS.name, 0)
        kept = FolderObjects(questlog_stack.home / "objects", base_url="http://localhost", secret=b"")
        log_id = await tail.log_id(LIVEOPS_EVENTS.name)
        for one in made[1 : 1 + LIVEOPS_COMMANDS.partitions]:
            names = await kept.names(f"snapshots/liveops/{log_id}/{one['partition']}")
            begins, ends = f"{one['records']:020d}.{LIVEOPS.code_hash()}.", ".snapshot"
            assert [name for name in names if name.startswith(begins) and name.endswith(ends)], names
        heir = DeciderReader(
            LIVEOPS,
            commands=LIVEOPS_COMMANDS,
            events=LIVEOPS_EVENTS,
            tail=tail,
            appender=KafkaAppender(settings["kafka"]),
            snapshots=ObjectSnapshots(kept),
        )
        await heir.assigned(0)
        assert heir._snapshot_at[0] >= made[1]["records"]  # it began there, or at a later one of the stack's
    finally:
        await tail.stop()


def test_it_says_what_it_did(questlog_stack: QuestlogStack) -> None:
    lines = snapshot(questlog_stack).splitlines()
    counted = (LIVEOPS_COMMANDS, PLAYTESTS_COMMANDS, FLEET_COMMANDS)
    assert len(lines) == 1 + sum(topic.partitions for topic in counted)
    assert lines[0].startswith("studio[0]: ")
    assert " records folded, " in lines[0]
