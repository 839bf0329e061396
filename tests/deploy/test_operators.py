"""Examples for operators (Kafka, ClickHouse, autoscaling): by the operators' schemas, and by what they say.

Each schema is the part that the examples use of the operator's own CustomResourceDefinition: Strimzi's v1,
Altinity's v1, KEDA's v1alpha1. A field that it does not have is refused.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import fromstring

import jsonschema
import pytest
import yaml

from deploy.nouns import counts_of
from deploy.settings import Settings
from deploy.stack.programs import ROLES
from projections.clickhouse.cluster import Cluster
from tests.deploy.test_kubernetes import by_kind
from tests.deploy.test_production import DEPLOY

OPERATORS: Final = DEPLOY / "kubernetes" / "operators"
SCHEMAS: Final = Path(__file__).parent / "operators"


def examples() -> list[dict[str, Any]]:
    """All that the operators are given."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(OPERATORS.glob("*.yaml")))
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    return [one for one in found if one["apiVersion"] != "v1"]


def of_kind(kind: str) -> dict[str, Any]:
    """By name."""
    return {one["metadata"]["name"]: one["spec"] for one in examples() if one["kind"] == kind}


def schema_of(kind: str) -> Any:
    return json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))


def test_every_example_is_what_its_operator_reads() -> None:
    found = examples()
    assert {one["kind"] for one in found} == {path.stem for path in SCHEMAS.glob("*.json")}
    for one in found:
        jsonschema.validate(one, schema_of(one["kind"]))


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Kafka", ("spec", "kafka", "listeners", 0, "tsl"), True),
        ("KafkaNodePool", ("spec", "roles"), ["leader"]),
        ("KafkaUser", ("spec", "authorization", "acls", 0, "operations"), ["Append"]),
        ("ClickHouseInstallation", ("spec", "configuration", "clusters", 0, "layout", "replicasCount"), "3"),
        ("ClickHouseKeeperInstallation", ("spec", "configuration", "nodes"), 3),
        ("ScaledObject", ("spec", "triggers", 0, "threshold"), "5"),
    ],
)
def test_the_schemas_see_what_an_operator_would_not_take(
    kind: str, path: tuple[str | int, ...], value: object
) -> None:
    broken = copy.deepcopy(next(one for one in examples() if one["kind"] == kind))
    within: Any = broken
    for step in path[:-1]:
        within = within[step]
    within[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema_of(kind))


def test_kafka_is_as_safe_as_the_settings_ask_and_has_tls_and_a_login() -> None:
    (kafka,) = (one["kafka"] for one in of_kind("Kafka").values())
    settings = by_kind("ConfigMap")["questlog"]["data"]
    replication = int(settings["QUESTLOG_REPLICATION"])
    config = kafka["config"]
    assert config["default.replication.factor"] == replication
    assert config["min.insync.replicas"] == Settings(replication=replication).insync_replicas_min
    assert config["auto.create.topics.enable"] is config["unclean.leader.election.enable"] is False
    assert config["message.max.bytes"] == config["replica.fetch.max.bytes"] == 16 * 1024 * 1024
    assert all(one["tls"] and one["authentication"]["type"] == "scram-sha-512" for one in kafka["listeners"])
    assert {name: one["replicas"] for name, one in of_kind("KafkaNodePool").items()} == {
        "broker": replication,
        "controller": 3,
    }
    assert Settings().kafka_sasl_mechanism.lower() == kafka["listeners"][0]["authentication"]["type"]


def test_clickhouse_is_a_cluster_as_prepare_wants_it() -> None:
    (made,) = of_kind("ClickHouseInstallation").values()
    (cluster,) = made["configuration"]["clusters"]
    text = (DEPLOY / "kubernetes" / "configuration.yaml").read_text(encoding="utf-8")
    said = dict(re.findall(r"#   (QUESTLOG_CLICKHOUSE_\w+): \"?(\w+)\"?", text))
    assert said == {
        "QUESTLOG_CLICKHOUSE_CLUSTER": Cluster(cluster["name"]).name,
        "QUESTLOG_CLICKHOUSE_SHARDS": str(cluster["layout"]["shardsCount"]),
    }
    assert cluster["layout"]["replicasCount"] == 3
    assert cluster["secret"] == {"auto": "true"}
    (access,) = made["configuration"]["files"].values()
    directories = fromstring(access).find("user_directories")  # noqa: S314 - of this repository
    assert directories is not None
    assert [one.tag for one in directories] == ["users_xml", "replicated"]
    assert directories.get("replace") == "replace"
    (keeper,) = of_kind("ClickHouseKeeperInstallation")
    assert [node["host"] for node in made["configuration"]["zookeeper"]["nodes"]] == [f"keeper-{keeper}"]


def test_edges_scale_by_cpu_and_workers_by_lag_up_to_their_partitions() -> None:
    edge = by_kind("HorizontalPodAutoscaler")["edge"]["spec"]
    assert [metric["resource"]["name"] for metric in edge["metrics"]] == ["cpu"]
    workers, counts = by_kind("StatefulSet"), counts_of(Settings())
    telemetry = int(by_kind("ConfigMap")["questlog"]["data"]["QUESTLOG_PARTITIONS_TELEMETRY"])
    scaled = of_kind("ScaledObject")
    assert scaled.keys() == {"projector-clickhouse", "projector-redis", "decider"}
    for name, spec in scaled.items():
        assert spec["scaleTargetRef"]["name"] == name
        assert spec["minReplicaCount"] == workers[name]["spec"]["replicas"]
        most = telemetry if name == "projector-clickhouse" else max(counts.values())
        assert spec["maxReplicaCount"] == most
        (trigger,) = spec["triggers"]
        role = re.search(r'questlog_process\{role="(\w+)"\}', trigger["metadata"]["query"])
        assert role is not None
        assert role[1] in ROLES
        assert workers[name]["spec"]["template"]["spec"]["containers"][0]["args"] == ["worker", role[1]]
