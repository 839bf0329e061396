"""The manifests as a cluster has them: a release's Job, drained nodes, what reaches what, Kafka's login."""

from __future__ import annotations

from typing import Any

import yaml

from tests.deploy.test_production import (
    DEPLOY,
    KUSTOMIZATION,
    containers,
    manifest_files,
    manifests,
    package_version,
)


def by_kind(kind: str, namespace: str = "questlog") -> dict[str, dict[str, Any]]:
    """The manifests of a kind in a namespace, by name."""
    return {
        one["metadata"]["name"]: one
        for one in manifests()
        if one["kind"] == kind and one["metadata"].get("namespace") == namespace
    }


def test_kustomize_has_all_but_hosts_at_this_version() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / KUSTOMIZATION).read_text(encoding="utf-8"))
    assert kustomization.keys() == {"apiVersion", "kind", "resources", "images"}
    assert (kustomization["apiVersion"], kustomization["kind"]) == (
        "kustomize.config.k8s.io/v1beta1",
        "Kustomization",
    )
    files = {path.name for path in manifest_files()}
    assert set(kustomization["resources"]) == files - {"fleet.yaml", "agones.yaml"}
    assert kustomization["images"] == [{"name": "questlog", "newTag": package_version()}]


def test_each_release_has_a_job_of_its_own_name() -> None:
    (job,) = by_kind("Job").values()
    version = package_version()
    assert job["metadata"]["name"] == f"prepare-{version}"
    assert job["metadata"]["labels"]["app.kubernetes.io/version"] == version
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    text = (DEPLOY / "kubernetes" / KUSTOMIZATION).read_text(encoding="utf-8")
    assert f"job/{job['metadata']['name']}\n" in text


def test_what_needs_tables_waits_for_them_and_nothing_else_waits_for_clickhouse() -> None:
    waiting = {
        name: [one["args"] for one in found["spec"]["template"]["spec"].get("initContainers", [])]
        for kind in ("Deployment", "StatefulSet")
        for name, found in by_kind(kind).items()
    }
    assert waiting.pop("projector-clickhouse") == [["prepare"]]
    assert set(map(tuple, waiting.values())) == {()}


def test_a_drained_node_takes_one_process_of_a_role_and_is_held_by_none() -> None:
    running = by_kind("Deployment") | by_kind("StatefulSet")
    budgets = by_kind("PodDisruptionBudget")
    assert budgets.keys() == running.keys()
    for name, budget in budgets.items():
        selected = budget["spec"]["selector"]["matchLabels"]
        assert selected.items() <= running[name]["spec"]["template"]["metadata"]["labels"].items()
        replicas = running[name]["spec"]["replicas"]
        held = budget["spec"].get("minAvailable", replicas - budget["spec"].get("maxUnavailable", 0))
        assert held == replicas - 1


def open_ports(policies: dict[str, dict[str, Any]], labels: dict[str, str], way: str) -> set[int | None]:
    """Which ports policies open for pods of these labels; None for all."""
    found: set[int | None] = set()
    for policy in policies.values():
        if policy["spec"]["podSelector"].get("matchLabels", {}).items() <= labels.items():
            for rule in policy["spec"].get(way, []):
                for port in rule.get("ports", [{"port": None}]):
                    first = port["port"]
                    found |= {None} if first is None else set(range(first, port.get("endPort", first) + 1))
    return found


def test_policies_close_the_namespace_and_open_what_is_used() -> None:
    policies = by_kind("NetworkPolicy")
    closed = policies["closed"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    settings = by_kind("ConfigMap")["questlog"]["data"]
    for name, found in (by_kind("Deployment") | by_kind("StatefulSet") | by_kind("Job")).items():
        labels = found["spec"]["template"]["metadata"]["labels"]
        pod = found["spec"]["template"]["spec"]["containers"][0]
        admin = {port["containerPort"] for port in pod.get("ports", []) if port["name"] == "admin"}
        http = {port["containerPort"] for port in pod.get("ports", []) if port["name"] == "http"}
        came_in = open_ports(policies, labels, "ingress")
        assert admin | http <= came_in
        assert came_in <= {9100} | http, name
        going_out = open_ports(policies, labels, "egress")
        assert {53, 443, 6379, 8123, 9092} <= going_out
        assert {int(server.split(":")[1]) for server in settings["QUESTLOG_KAFKA"].split(",")} <= going_out
        assert (None in going_out) == (name == "effects")


def test_every_process_may_have_a_login_to_kafka_as_files() -> None:
    for container in containers():
        mounts = {one["name"]: one for one in container["volumeMounts"]}
        assert mounts["kafka"] == {"name": "kafka", "mountPath": "/run/kafka", "readOnly": True}
    for one in manifests():
        if "template" in one.get("spec", {}):
            volumes = {found["name"]: found for found in one["spec"]["template"]["spec"]["volumes"]}
            assert volumes["kafka"]["secret"] == {"secretName": "questlog-kafka", "optional": True}
