"""`questlog export` on the real stack: what it writes, what it says, what it refuses."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys

import pytest

from tests.duck import duck_rows
from tests.outside.world import eventually
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack


def questlog(stack: QuestlogStack, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "export", *words, "--home", str(stack.home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_a_studio_s_games_are_in_the_object_store(questlog_stack: QuestlogStack) -> None:
    slug = questlog_stack.demo["studio"]["slug"]
    # Of a stack that has just started, ClickHouse may not hold the games yet.
    done = eventually(
        lambda: questlog(questlog_stack, slug),
        lambda ended: ended.returncode != 0 or "whole: " in ended.stdout,
    )
    assert done.returncode == 0, done.stderr
    (manifest,) = [line.split()[0] for line in done.stdout.splitlines() if "/manifest.json in " in line]
    objects = questlog_stack.home / "objects"
    studio = json.loads((objects / manifest).read_bytes())
    whole = json.loads((objects / studio["days"]["whole"]["manifest"]).read_bytes())
    (games,) = [table for table in whole["tables"] if table["name"] == "catalog"]
    files = [str(objects / file["key"]) for file in games["files"]]
    found = duck_rows(f"SELECT DISTINCT studio_id FROM read_parquet({files})")
    assert found == [(studio["studio_id"],)]
    again = questlog(questlog_stack, slug, "--json")
    assert again.returncode == 0, again.stderr
    for line in again.stdout.splitlines():  # the shared stack may still take in what other tests sent
        assert json.loads(line)["revision"] > 1


def test_what_can_t_be_exported_is_refused(questlog_stack: QuestlogStack) -> None:
    slug = questlog_stack.demo["studio"]["slug"]
    for words, why in (
        (["nowhere"], "there is no studio nowhere"),
        ([slug, "--from", "5 May"], "is no day"),
        ([slug, "--from", "2026-05-02", "--through", "2026-05-01"], "there is no day from"),
    ):
        done = questlog(questlog_stack, *words)
        assert (done.returncode, why in done.stderr) == (1, True), done.stderr
    with (questlog_stack.home / f"export-{slug}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = questlog(questlog_stack, slug)
    assert (done.returncode, "runs already" in done.stderr) == (1, True), done.stderr
