"""The alerts, evaluated by Prometheus on recorded metrics: each fires, and none where all does well."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.stack.programs import ROLES
from tests.deploy.test_production import containers, manifests

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "grafana/alerts.yaml"
RECORDED = Path(__file__).parent / "alerts/recorded.yaml"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in read(RULES)["groups"] for rule in group["rules"]]


def promtool(*words: str) -> None:
    program = shutil.which("promtool")
    assert program, "promtool is missing: deploy/test installs Debian's package prometheus"
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_and_none_where_all_does_well(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path / "rules.yaml")
    shutil.copy(RECORDED, tmp_path / "recorded.yaml")
    promtool("test", "rules", str(tmp_path / "recorded.yaml"))
    well, *ill = read(RECORDED)["tests"]
    named = {rule["alert"] for rule in rules()}
    assert {one["alertname"] for one in well["alert_rule_test"]} == named
    assert {one["alertname"] for test in ill for one in test["alert_rule_test"] if one["exp_alerts"]} == named


def test_each_alert_has_an_entry_in_the_readme() -> None:
    headings = re.findall(r"^#+ (\w+)$", (DEPLOY / "README.md").read_text("utf-8"), re.MULTILINE)
    entries = {f"deploy/README.md#{heading.lower()}": heading for heading in headings}
    assert {rule["alert"]: entries.get(rule["annotations"]["runbook"]) for rule in rules()} == {
        rule["alert"]: rule["alert"] for rule in rules()
    }


def test_every_role_that_must_run_is_missed() -> None:
    (missing,) = [rule["expr"] for rule in rules() if rule["alert"] == "QuestlogRoleMissing"]
    assert set(re.findall(r'role="(\w+)"', missing)) == set(ROLES)


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_the_job_of_the_rules_is_the_one_that_is_scraped(where: str, tmp_path: Path) -> None:
    if where == "compose":
        text = read(DEPLOY / "compose.yaml")["configs"]["prometheus"]["content"]
    else:
        text = (DEPLOY / "grafana/kubernetes-scrape.yaml").read_text("utf-8")
    path = tmp_path / "prometheus.yaml"
    config = yaml.safe_load(text.replace("/etc/prometheus/alerts.yaml", str(RULES)))
    for one in config["scrape_configs"]:
        one.pop("kubernetes_sd_configs", None)  # Debian builds Prometheus without
    path.write_text(yaml.safe_dump(config))
    promtool("check", "config", str(path))
    jobs = {one["job_name"] for one in config["scrape_configs"]}
    assert jobs == set(re.findall(r'job="(\w+)"', RULES.read_text("utf-8")))


def test_the_scrape_in_kubernetes_finds_every_process() -> None:
    (scrape,) = read(DEPLOY / "grafana/kubernetes-scrape.yaml")["scrape_configs"]
    (found,) = scrape["kubernetes_sd_configs"]
    running = [one for one in manifests() if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}]
    assert {one["metadata"]["namespace"] for one in running} == set(found["namespaces"]["names"])
    for one in running:
        assert one["spec"]["template"]["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
        (container,) = one["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert str(ports["admin"]) == one["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    assert len(running) < len(containers())
