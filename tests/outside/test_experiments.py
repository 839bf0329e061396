"""An experiment from outside: declared, started, asked for, tagged, compared, stopped, told about."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.outside.world import Json, World, eventually, questlog, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack

FILE = """\
studio: {{name: Lab, slug: {slug}, plan: studio}}
games:
  - slug: arena
    name: Arena
    limits: {{telemetryPerMinute: null}}
    audiences:
      - {{id: aud_new, name: New builds, minBuild: "0.5.0"}}
    experiments:
      - id: exp_arena
        name: Arena
        audienceId: aud_new
        coverage: 60
        pins: {{dev_qa: treatment}}
        variants:
          - {{key: control, name: Control, allocation: 50}}
          - {{key: treatment, name: Treatment, allocation: 50}}
"""


class Lab:
    """A studio with one game and one experiment."""

    def __init__(self, world: World, stack: QuestlogStack, folder: Path) -> None:
        self.world = world
        self.stack = stack
        self.slug = unique("lab-")
        self.path = folder / "lab.yaml"
        self.apply(FILE)
        self.management = self._key("pl_mgmt")
        self.ingest = self._key("pl_ik")

    def apply(self, text: str) -> None:
        self.path.write_text(text.format(slug=self.slug))
        questlog(self.stack, "apply", str(self.path), "--yes")

    def refused(self, *command: str) -> str:
        """What the command line says where it refuses."""
        with pytest.raises(AssertionError) as caught:
            questlog(self.stack, *command)
        return str(caught.value)

    def experiments(self, *command: str) -> str:
        return questlog(self.stack, "experiments", *command, "--studio", self.slug)

    def _key(self, kind: str) -> str:
        made = questlog(self.stack, "keys", "create", kind, "--studio", self.slug, "--json")
        return str(json.loads(made)["value"])

    def variants(self, device: str, build: str = "0.5.0") -> Json:
        answer = self.world.http.get(
            "/api/telemetry/experiments",
            params={"gameId": "arena", "deviceId": device, "buildVersion": build},
            headers={"authorization": f"Bearer {self.ingest}"},
        )
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()["experiments"]
        return found

    def within_a_second(self, device: str, expected: Json) -> None:
        """What is asked a second after a change, or later, is answered as expected; however late."""
        a_second_later = time.monotonic() + 1.0
        while True:
            asked = time.monotonic()
            if (found := self.variants(device)) == expected:
                return
            assert asked < a_second_later, found
            time.sleep(0.05)

    def listed(self) -> list[Json]:
        answer = self.world.read("/api/v1/games/arena/experiments", key=self.management)
        found: list[Json] = answer.json()["experiments"]
        return found

    def listed_as(self, **fields: Any) -> Json:
        """The one experiment, once a read follows the command before it: it is listed with these fields."""

        def holds(found: list[Json]) -> bool:
            return [{name: one[name] for name in fields} for one in found] == [fields]

        (row,) = eventually(self.listed, holds)
        return row

    def comparison(self) -> Json:
        answer = self.world.read("/api/v1/experiments/exp_arena/comparison", key=self.management)
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["x-data-age-ms"]) <= 30_000
        found: Json = answer.json()
        return found

    def play(self, device: str, tags: Any, build: str = "0.5.0") -> None:
        at = int(time.time() * 1000)
        answer = self.world.ingest(
            {
                "gameId": "arena",
                "sessionId": unique("sess_"),
                "deviceId": device,
                "metadata": {"gameVersion": build},
                "experiments": tags,
                "events": [{"name": "a", "t": at - 20_000, "seq": 1}, {"name": "b", "t": at, "seq": 2}],
                "ended": True,
            },
            key=self.ingest,
        )
        assert answer.status_code == 202, answer.text


@pytest.fixture(scope="module")
def lab(world: World, questlog_stack: QuestlogStack, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(world, questlog_stack, tmp_path_factory.mktemp("lab"))


def test_an_experiment_from_its_file_to_its_winner(lab: Lab) -> None:
    lab.listed_as(status="draft")
    assert lab.variants("dev_qa") == {}
    assert "is a draft" in lab.refused("experiments", "stop", "exp_arena", "--studio", lab.slug)

    assert "exp_arena: running" in lab.experiments("start", "exp_arena")
    lab.within_a_second("dev_qa", {"exp_arena": "treatment"})
    lab.listed_as(status="running", stoppedAt=None)
    got = {device: lab.variants(device) for device in (f"dev_{number}" for number in range(40))}
    assert {one.get("exp_arena") for one in got.values()} == {"control", "treatment", None}
    assert lab.variants("dev_1", "0.4.9") == {}

    mine = {device: tags for device, tags in got.items() if tags}
    for device, tags in mine.items():
        lab.play(device, tags)
    first, *_ = mine
    lab.play("dev_qa", {"exp_arena": "treatment"})
    lab.play(first, {"exp_arena": "nonsense"})
    lab.play(first, mine[first], "0.4.9")

    def arrived() -> int:
        rows = lab.world.rows(
            "SELECT count() AS n FROM sessions WHERE build_id IN ('0.5.0', '0.4.9') AND experiments LIKE "
            "'%exp_arena%'"
        )
        return int(rows[0]["n"])

    eventually(arrived, lambda count: count == len(mine) + 3)
    comparison = lab.comparison()["comparison"]
    counted = {one["key"]: (one["sessionCount"], one["exposures"]) for one in comparison["variants"]}
    for key in ("control", "treatment"):
        expected = sum(tags["exp_arena"] == key for tags in mine.values())
        assert counted[key] == (expected, expected)
    assert {one["engagementPct"] for one in comparison["variants"]} == {1.0}
    assert comparison["rejectedTags"] == {
        "notRunning": 0,
        "notInAudience": 1,
        "wrongVariant": 1,
        "pinned": 1,
    }
    assert lab.comparison()["digest"] is None
    assert "No difference" in lab.experiments("digest", "exp_arena")
    digest = lab.comparison()["digest"]
    assert (digest["status"], digest["confidenceLabel"]) == ("degraded", "inconclusive")
    assert [line["key"] for line in digest["digest"]["perVariant"]] == ["control", "treatment"]

    assert "winner control" in lab.experiments("winner", "exp_arena", "control")
    lab.listed_as(winnerVariantKey="control")
    lab.experiments("winner", "exp_arena", "none")
    lab.experiments("stop", "exp_arena")
    lab.within_a_second("dev_qa", {})
    row = lab.listed_as(status="stopped", winnerVariantKey=None)
    assert row["startedAt"] < row["stoppedAt"]


def test_what_is_locked_is_refused_with_its_line(lab: Lab) -> None:
    lab.listed_as(status="stopped")
    lab.path.write_text(FILE.replace("coverage: 60", "coverage: 20").format(slug=lab.slug))
    said = lab.refused("apply", str(lab.path), "--yes")
    assert "line 12: games[0].experiments[0].coverage: may only rise" in said
    assert "nothing was changed" in said
    lab.path.write_text(FILE.replace("coverage: 60", "coverage: 100").format(slug=lab.slug))
    tried = questlog(lab.stack, "apply", str(lab.path), "--dry-run")
    assert tried.splitlines() == ["game arena: experiments[exp_arena]", "nothing was changed (--dry-run)"]
    lab.listed_as(coverage=60)
    lab.apply(FILE.replace("coverage: 60", "coverage: 100"))
    lab.listed_as(coverage=100)
    lab.experiments("resume", "exp_arena")
    without = FILE[: FILE.index("    audiences:")].format(slug=lab.slug)
    lab.path.write_text(without)
    assert "line 3: games[0].experiments: exp_arena is running" in lab.refused(
        "apply", str(lab.path), "--yes"
    )
    lab.experiments("stop", "exp_arena")
    questlog(lab.stack, "apply", str(lab.path), "--yes")
    eventually(lab.listed, lambda experiments: experiments == [])
    gone = lab.world.read("/api/v1/experiments/exp_arena/comparison", key=lab.management)
    assert (gone.status_code, gone.json()) == (404, {"error": "Experiment not found"})


def test_the_demo_s_experiments_are_listed_and_walled_off(world: World) -> None:
    listed = world.read("/api/v1/games/doom/experiments").json()["experiments"]
    assert {one["id"]: one["status"] for one in listed} == {"exp_hud": "draft", "exp_monsters": "running"}
    assert (listed[0]["audienceName"], listed[0]["coverage"]) == ("Players of the hard build", 20)
    other = world.other["keys"]
    assert world.read("/api/v1/experiments/exp_monsters/comparison").status_code == 200
    walled = world.read("/api/v1/experiments/exp_monsters/comparison", key=other["pl_mgmt"])
    assert walled.status_code == 404
    answer = world.http.get(
        "/api/telemetry/experiments",
        params={"gameId": world.game("doom")["id"], "deviceId": "d"},
        headers={"authorization": f"Bearer {other['pl_ik']}"},
    )
    assert answer.json() == {"experiments": {}}
