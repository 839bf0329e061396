"""What production is described by, checked by its own linters and against what the processes really are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import urllib.request
from dataclasses import fields
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.cli import LabMissing, up
from deploy.nouns import counts_of
from deploy.object_urls import URL_PATH
from deploy.objects_app import IDLE_SECONDS
from deploy.settings import PREFIX, Settings, partitions_variable
from deploy.stack.programs import HOSTING, ROLES
from streams.gateway.discord_routes import DISCORD
from tests.stack import QuestlogStack

KUSTOMIZATION = "kustomization.yaml"
WITH_KEY = "/api/webhooks/"
"""A path whose requests have a key in the URL."""

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLES = {
    *(PREFIX + field.name.upper() for field in fields(Settings)),
    *(partitions_variable(noun) for noun in counts_of(Settings())),
    "QUESTLOG_CACHE",
}


def lint(*command: str) -> None:
    program = str(Path(sys.executable).with_name(command[0]))
    done = subprocess.run(  # noqa: S603 - linters of the lock file
        [program, *command[1:]], capture_output=True, text=True, check=False, cwd=DEPLOY.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr


def manifest_files() -> list[Path]:
    return [path for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) if path.name != KUSTOMIZATION]


def manifests() -> list[dict[str, Any]]:
    return [one for path in manifest_files() for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def containers() -> list[dict[str, Any]]:
    return [
        container
        for one in manifests()
        if "template" in one.get("spec", {})
        for kind in ("initContainers", "containers")
        for container in one["spec"]["template"]["spec"].get(kind, [])
    ]


def test_compose_is_what_compose_reads() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def test_the_manifests_are_what_kubernetes_reads() -> None:
    lint("kubernetes-validate", "--strict", *map(str, manifest_files()))


def test_the_dockerfile_is_clean() -> None:
    lint("hadolint", "deploy/Dockerfile")


def test_the_scripts_are_clean() -> None:
    lint("shellcheck", "-x", "deploy/up", "deploy/test", "deploy/lock", "deploy/install.sh", ".ci/run")


def test_every_role_runs_in_both() -> None:
    wanted = {"edge", "prepare", "snapshot", *(f"worker {role}" for role in (*ROLES, HOSTING))}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    ours = [one for one in compose["services"].values() if str(one["image"]).startswith("questlog:")]
    assert {" ".join(one["command"]) for one in ours} == wanted
    assert {" ".join(container["args"]) for container in containers()} == wanted


def test_every_variable_that_is_set_is_one_that_is_read() -> None:
    for path in [DEPLOY / "compose.yaml", DEPLOY / "Dockerfile", *(DEPLOY / "kubernetes").glob("*.yaml")]:
        named = set(
            re.findall(r"^\W*(?:name: |ENV )?(QUESTLOG_[A-Z_]+)[:=,}]", path.read_text(), re.MULTILINE)
        )
        assert named <= VARIABLES, path


def package_version() -> str:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def test_the_image_is_this_version_s() -> None:
    version = package_version()
    assert {container["image"] for container in containers()} == {f"questlog:{version}"}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    ours = {one["image"] for one in compose.values() if str(one["image"]).startswith("questlog")}
    assert ours == {f"questlog:${{QUESTLOG_VERSION:-{version}}}"}


def test_the_image_holds_the_rooms_without_the_lab() -> None:
    found = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"][
        "find"
    ]
    packages = {
        ".".join(path.relative_to(DEPLOY.parent).parent.parts)
        for room in ("schemas", "streams", "projections", "api", "deploy", "tests")
        for path in (DEPLOY.parent / room).rglob("__init__.py")
    }
    installed = {
        name
        for name in packages
        if any(fnmatch(name, pattern) for pattern in found["include"])
        and not any(fnmatch(name, pattern) for pattern in found["exclude"])
    }
    assert {name.partition(".")[0] for name in installed} == {
        "schemas",
        "streams",
        "projections",
        "api",
        "deploy",
    }
    assert {name for name in installed if name.startswith("deploy.")} == {
        "deploy.cli",
        "deploy.repair",
        "deploy.roles",
        "deploy.serving",
        "deploy.stack",
    }


def test_without_the_lab_a_demo_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(up, "has_lab", lambda: False)
    with pytest.raises(LabMissing, match="`questlog up --demo` is not part of what production installs"):
        up.up(home=tmp_path / "home", demo=True)
    assert not (tmp_path / "home").exists()


def test_no_image_is_whatever_is_newest() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    images = [one["image"] for one in (*compose.values(), *containers())]
    assert all(re.search(r":[^/]*\d", image) and "latest" not in image for image in images), images


def test_compose_believes_its_proxy_alone_about_client_addresses() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    fixed = {
        name: one["networks"]["default"]["ipv4_address"]
        for name, one in compose["services"].items()
        if "networks" in one
    }
    assert fixed.keys() == {"proxy"}
    assert compose["services"]["edge-0"]["environment"]["QUESTLOG_TRUSTED_PROXIES"] == f"{fixed['proxy']}/32"
    (addresses,) = compose["networks"]["default"]["ipam"]["config"]
    proxy = ip_address(fixed["proxy"])
    assert proxy in ip_network(addresses["subnet"])
    assert proxy not in ip_network(addresses["ip_range"])


def limits_by_path() -> dict[str, dict[str, dict[str, str]]]:
    """What each proxy sets for each path: of Compose's nginx and of the Ingresses."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    shared, *locations = re.split(r"location (/\S*) \{", compose["configs"]["proxy"]["content"])
    nginx = {
        path: dict(re.findall(r"^ *(\w+) (\S+)(?: \w+)?;", shared + text.partition("}")[0], re.MULTILINE))
        for path, text in zip(locations[::2], locations[1::2], strict=True)
    }
    prefix = "nginx.ingress.kubernetes.io/"
    ingresses = {
        rule["http"]["paths"][0]["path"]: {
            name.removeprefix(prefix).replace("-", "_"): value
            for name, value in one["metadata"]["annotations"].items()
        }
        for one in manifests()
        if one["kind"] == "Ingress"
        for rule in one["spec"]["rules"]
    }
    return {"compose": nginx, "kubernetes": ingresses}


def test_proxies_take_large_bodies_for_signed_uploads_alone_and_buffer_none() -> None:
    limits = limits_by_path()
    for proxy, name in (("compose", "client_max_body_size"), ("kubernetes", "proxy_body_size")):
        found = limits[proxy]
        sizes = {"/": "257m", WITH_KEY: "1m", URL_PATH: "20g"}
        assert {path: one[name] for path, one in found.items()} == sizes
        assert all(one["proxy_request_buffering"] == "off" for one in found.values())
        uploads = found[URL_PATH]
        assert uploads["proxy_buffering"] == "off"
        # An upload that sends nothing is the edge's to end, and so is one that takes too long to store.
        assert int(uploads["proxy_send_timeout"].removesuffix("s")) > IDLE_SECONDS
        assert int(uploads["proxy_read_timeout"].removesuffix("s")) >= 600


def test_no_log_of_a_proxy_has_the_key_that_is_in_a_url() -> None:
    limits = limits_by_path()
    nginx, ingress = limits["compose"][WITH_KEY], limits["kubernetes"][WITH_KEY]
    assert (nginx["access_log"], nginx["error_log"]) == ("off", "/dev/null")
    assert ingress["enable_access_log"] == "false"
    assert DISCORD.template.startswith(WITH_KEY)


def test_pods_run_without_rights_and_within_limits() -> None:
    for container in containers():
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["resources"]["limits"]["memory"]
        if container["name"] != HOSTING:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_hosts_of_servers_alone_have_rights_and_they_have_no_secret_but_the_fleet_s() -> None:
    host = next(container for container in containers() if container["name"] == HOSTING)
    assert host["securityContext"]["privileged"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {name for name, one in compose.items() if one.get("privileged")} == {HOSTING}
    given = {one["name"] for one in host["env"]}
    for names in (given, set(compose[HOSTING]["environment"])):
        assert "QUESTLOG_FLEET_SECRET" in names
        assert names.isdisjoint({"QUESTLOG_SECRET", "QUESTLOG_REDIS_URL", "QUESTLOG_CLICKHOUSE_URL"})
    sealing = [one for one in containers() if one["name"] in {"edge", "effects"}]
    assert all("QUESTLOG_FLEET_SECRET" in {one["name"] for one in each["env"]} for each in sealing)
    assert "QUESTLOG_FLEET_SECRET" in compose["edge-0"]["environment"]


def metric_names(text: str) -> set[str]:
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in re.findall(r"questlog_[a-z_]+", text)}


@pytest.mark.stack
def test_dashboard_and_alerts_ask_for_metrics_that_exist(questlog_stack: QuestlogStack) -> None:
    shown: set[str] = set()
    for part in questlog_stack.parts().values():
        if part["admin_port"]:
            with urllib.request.urlopen(f"http://127.0.0.1:{part['admin_port']}/metrics") as answer:
                lines = re.findall(r"^# TYPE (questlog_\w+)", answer.read().decode(), re.MULTILINE)
            shown |= metric_names("\n".join(lines))
    panels = json.loads((DEPLOY / "grafana/questlog.json").read_text(encoding="utf-8"))["panels"]
    asked = metric_names(" ".join(target["expr"] for panel in panels for target in panel.get("targets", [])))
    rules = yaml.safe_load((DEPLOY / "grafana/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    asked |= metric_names(" ".join(rule["expr"] for rule in rules))
    assert asked <= shown, asked - shown
    assert len(asked) > 15
