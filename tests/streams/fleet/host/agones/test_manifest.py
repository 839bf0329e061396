from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped] # ships no types
import pytest

from streams.fleet.host.agones.manifest import FETCH, Content, Manifests, manifests, owned
from streams.fleet.host.agones.objects import GameServer, Metadata
from streams.fleet.host.driver import CannotStart
from streams.fleet.host.launch import Launch, Port
from tests.streams.fleet.host.agones.attempts import FETCHED, HIDDEN, INSTANCE, PULLED, SCHEMA, launch


def made(one: Launch, content: Content = FETCHED) -> Manifests:
    return manifests(one, content, namespace="questlog-games", host_id="cluster-1")


def pod(found: Manifests) -> dict[str, Any]:
    return found.game_server["spec"]["template"]["spec"]  # type: ignore[no-any-return] # JSON


def image(**changes: Any) -> Launch:
    return launch(image=True, command=("/usr/bin/server",), workdir="/srv", **changes)


@pytest.mark.parametrize(
    ("one", "content"), [(launch(), FETCHED), (image(), PULLED), (launch(ports=()), FETCHED)]
)
def test_the_objects_are_what_agones_and_kubernetes_take(one: Launch, content: Content) -> None:
    found = made(one, content)
    jsonschema.validate(found.game_server, SCHEMA)
    template = found.game_server["spec"]["template"]
    version = kubernetes_validate.latest_version()
    as_pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", **template["metadata"]}}
    kubernetes_validate.validate({**as_pod, "spec": template["spec"]}, version, strict=True)
    secret = owned(found.secret, GameServer(metadata=Metadata(name=one.attempt_id, uid="u-1")))
    kubernetes_validate.validate(secret, version, strict=True)


@pytest.mark.parametrize(
    "breach",
    [
        {"ports": []},
        {"ports": [{"name": "game", "portPolicy": "Static", "containerPort": 7777}]},
        {"ports": [{"name": "game", "protocol": "udp"}]},
        {"unknown": 1},
    ],
)
def test_the_schema_sees_what_agones_would_not_take(breach: dict[str, Any]) -> None:
    found = made(launch()).game_server
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "spec": {**found["spec"], **breach}}, SCHEMA)


def test_an_attempt_has_one_name_and_is_found_by_its_labels() -> None:
    found = made(launch(attempt=12))
    for one in (found.game_server, found.secret):
        assert one["metadata"]["name"] == f"{INSTANCE}-12"
        assert one["metadata"]["namespace"] == "questlog-games"
        assert one["metadata"]["labels"] == {
            "questlog/instance": INSTANCE,
            "questlog/attempt": "12",
            "questlog/host": "cluster-1",
        }
    assert made(launch(attempt=12)) == found


def test_ports_are_those_of_the_placement() -> None:
    game, query = made(launch()).game_server["spec"]["ports"]
    assert (game["containerPort"], game["hostPort"], game["protocol"]) == (7777, 31001, "UDP")
    assert (query["containerPort"], query["hostPort"], query["protocol"]) == (7778, 31002, "TCP")
    assert {game["portPolicy"], query["portPolicy"]} == {"Static"}
    assert "ports" not in made(launch(ports=())).game_server["spec"]


def test_no_value_of_a_variable_and_no_argument_is_in_the_game_server() -> None:
    found = made(launch())
    shown = json.dumps(found.game_server)
    for hidden in (HIDDEN, "motd", "dm1", "signature"):
        assert hidden not in shown
    assert HIDDEN in json.dumps(found.secret)


def test_the_process_gets_the_variables_and_words_of_the_contract() -> None:
    found = made(launch())
    (game,) = pod(found)["containers"]
    values = found.secret["stringData"]
    got = {one["name"]: values[one["valueFrom"]["secretKeyRef"]["key"]] for one in game["env"]}
    assert got["TOKEN"] == HIDDEN
    assert got["QUESTLOG_INSTANCE_ID"] == INSTANCE
    assert (got["QUESTLOG_PORT_GAME"], got["QUESTLOG_EXTERNAL_PORT_GAME"]) == ("7777", "31001")
    assert got["QUESTLOG_SERVER_CONFIG"] == "/run/questlog/server.json"
    assert got.keys().isdisjoint({"AGONES_SDK_HTTP_PORT", "QUESTLOG_HOST"})
    assert {one["valueFrom"]["secretKeyRef"]["name"] for one in game["env"]} == {f"{INSTANCE}-1"}

    def replaced(word: str) -> str:
        return re.sub(r"\$\((\w+)\)", lambda name: got[name[1]], word)

    line = [replaced(word) for word in (*game["command"], *game["args"])]
    assert line == ["/game/bin/server", "--motd", f"$(HOME) {HIDDEN}"]
    assert json.loads(values["server.json"]) == {"instance_id": INSTANCE, "name": "one"}


def test_its_size_is_enforced_and_a_shared_cpu_is_reserved_to_a_quarter() -> None:
    def resources(one: Launch) -> dict[str, Any]:
        return pod(made(one))["containers"][0]["resources"]  # type: ignore[no-any-return] # JSON

    shared = resources(launch())
    assert (shared["limits"]["cpu"], shared["limits"]["memory"]) == ("500m", "512Mi")
    assert (shared["requests"]["cpu"], shared["requests"]["memory"]) == ("125m", "512Mi")
    own = resources(launch(cpu_cores=2, memory_mib=4096, cores=(2, 3)))
    assert own["limits"] == own["requests"]
    assert own["limits"]["cpu"] == "2000m"


def test_builds_are_confined_and_an_attempt_runs_once() -> None:
    for one, content in ((launch(), FETCHED), (image(), PULLED)):
        spec = pod(made(one, content))
        assert spec["restartPolicy"] == "Never"
        assert spec["terminationGracePeriodSeconds"] == 3
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"].keys() == {"cpu", "memory", "ephemeral-storage"}


@pytest.mark.parametrize(
    ("one", "content", "said"),
    [
        (launch(readiness="ports"), FETCHED, "set `readiness` to `sdk`"),
        (launch(instance_id="Upper"), FETCHED, "DNS label"),
        (launch(instance_id="x" * 62), FETCHED, "DNS label"),
        (image(), FETCHED, "an image is pulled"),
        (launch(), PULLED, "an image is pulled"),
        (launch(sha256=None), FETCHED, "no hash"),
        (launch(startup_args="'"), FETCHED, "single quote"),
        (launch(command=()), FETCHED, "names no program"),
        (launch(environment={"A": "a" * 4096}, startup_args="${A}" * 300), FETCHED, "1000000 bytes"),
    ],
)
def test_what_agones_cannot_run_as_promised_is_refused(one: Launch, content: Content, said: str) -> None:
    with pytest.raises(CannotStart, match=re.escape(said)):
        made(one, content)


def test_an_image_without_a_digest_is_refused() -> None:
    with pytest.raises(CannotStart, match="not pinned"):
        made(image(), type(PULLED)("registry.example.com/game:latest"))


def test_a_host_whose_name_is_no_label_is_refused() -> None:
    with pytest.raises(CannotStart, match="the label questlog/host"):
        manifests(launch(), FETCHED, namespace="questlog-games", host_id="cluster-")


def test_the_secret_goes_with_its_server() -> None:
    secret = owned(made(launch()).secret, GameServer(metadata=Metadata(name="one", uid="u-1")))
    assert secret["metadata"]["ownerReferences"] == [
        {"apiVersion": "agones.dev/v1", "kind": "GameServer", "name": "one", "uid": "u-1"}
    ]


def test_names_of_ports_may_be_the_contract_s() -> None:
    found = made(launch(ports=(Port("a_-" * 10, 1, 65535, "udp"),)))
    jsonschema.validate(found.game_server, SCHEMA)
    assert f"QUESTLOG_PORT_{'A__' * 10}" in found.secret["stringData"]


@pytest.mark.parametrize("right", [True, False])
def test_the_build_is_fetched_and_checked_before_it_is_unpacked(tmp_path: Path, *, right: bool) -> None:
    for name in ("build", "game", "archive"):
        (tmp_path / name).mkdir()
    (tmp_path / "build/server").write_text("the program")
    archive = tmp_path / "build.tar.zst"
    subprocess.run(  # noqa: S603 - of the test's own folder
        ["tar", "--create", "--zstd", "--file", archive, "--directory", tmp_path / "build", "."],  # noqa: S607
        check=True,
    )
    digest = hashlib.sha256(archive.read_bytes()).hexdigest() if right else "0" * 64
    done = subprocess.run(  # noqa: S603 - the script under test
        [
            "/bin/sh",
            "-c",
            FETCH,
            "fetch",
            tmp_path / "game",
            tmp_path / "archive",
            "/run/questlog/server.json",
        ],
        env={**os.environ, "QUESTLOG_BUILD_URL": archive.as_uri(), "QUESTLOG_BUILD_SHA256": digest},
        check=False,
    )
    assert (done.returncode == 0) is right
    found = sorted(path.name for path in (tmp_path / "game").iterdir())
    assert found == (["playflow.json", "server"] if right else [])
