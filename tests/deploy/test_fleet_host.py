from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from deploy.fleet_host import (
    HostBuilds,
    capacity_of,
    certificate_files,
    has_room,
    host_id,
    open_driver,
    open_processor,
    registries,
)
from deploy.objects import FolderObjects
from deploy.settings import Settings, SettingsError, from_environment
from schemas.fleet.objects import artefact_key
from schemas.fleet.sizes import REGIONS
from schemas.seal import Sealer
from streams.fleet.host.cache import BuildCache, NotTheBuild
from streams.fleet.host.certificate import CertificateFiles
from streams.fleet.host.cgroups import Groups
from streams.fleet.host.launch import Launch
from streams.fleet.host.process import ProcessDriver
from tests.streams.fleet.host.authority import Authority
from tests.streams.fleet.host.test_cache import artefact


def test_a_host_has_a_name_of_its_machine_or_the_one_it_is_given() -> None:
    assert host_id(Settings(fleet_host="eu-1")) == "eu-1"
    assert host_id(Settings(instance=3)).endswith("-3")
    with pytest.raises(SettingsError, match="FLEET_HOST"):
        host_id(Settings(fleet_host="../up"))


def test_what_a_machine_has_to_give_follows_from_its_settings_and_its_size(tmp_path: Path) -> None:
    driver = ProcessDriver(tmp_path, groups=None, host="x", as_root=False)
    found = capacity_of(Settings(), driver)
    assert found.regions == list(REGIONS)
    assert (found.first_port, found.last_port, found.isolation) == (31_000, 31_999, "process")
    assert found.cpu_millis == (os.cpu_count() or 1) * 1000
    assert found.memory_mb > 0
    told = Settings(
        fleet_regions=("eu-west",), fleet_ports="2000-2001", fleet_cpu_millis=5, fleet_memory_mib=6
    )
    found = capacity_of(told, driver)
    assert (found.regions, found.last_port, found.cpu_millis, found.memory_mb) == (["eu-west"], 2001, 5, 6)
    assert not found.overcommit
    assert capacity_of(Settings(fleet_overcommit=1), driver).overcommit
    with pytest.raises(SettingsError, match="FLEET_OVERCOMMIT must be from 0 to 1"):
        from_environment({"QUESTLOG_FLEET_OVERCOMMIT": "2"})
    for wrong in ("31000", "80-90", "31999-31000", "a-b", "60000-70000"):
        with pytest.raises(SettingsError, match="FLEET_PORTS"):
            capacity_of(Settings(fleet_ports=wrong), driver)
    with pytest.raises(SettingsError, match="mars"):
        capacity_of(Settings(fleet_regions=("eu-west", "mars")), driver)


def test_a_driver_is_the_one_that_is_named_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="FLEET_DRIVER"):
        open_driver(Settings(fleet_driver="docker"), tmp_path)
    driver, warning = open_driver(Settings(fleet_driver="process"), tmp_path)
    assert (driver.name, warning) == ("process", None)
    driver.close()
    monkeypatch.setattr("deploy.fleet_host.oci_lacks", lambda _: ["crun or runc"])
    with pytest.raises(SettingsError, match="lacks crun or runc"):
        open_driver(Settings(fleet_driver="oci"), tmp_path)


def test_a_machine_without_containers_refuses_to_promise_that_nothing_goes_out(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FLEET_EGRESS must be public or none, not 'some'"):
        open_driver(Settings(fleet_egress="some"), tmp_path)
    with pytest.raises(SettingsError, match="FLEET_EGRESS is none, but plain processes"):
        open_driver(Settings(fleet_egress="none", fleet_driver="process"), tmp_path)


def test_without_its_tools_a_machine_runs_processes_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("deploy.fleet_host.oci_lacks", lambda _: ["nft"])
    driver, warning = open_driver(Settings(), tmp_path)
    assert driver.name == "process"
    assert "lacks nft" in str(warning)
    assert str(warning) in caplog.text
    driver.close()


def test_a_machine_that_does_not_let_a_program_have_containers_runs_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root in a container without rights: the tools are there, and fail."""
    (tmp_path / "unshare").write_text("#!/bin/sh\necho not permitted >&2\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("deploy.fleet_host.oci_lacks", lambda _: [])
    monkeypatch.setattr("deploy.fleet_host.groups_of_machine", lambda: mock.create_autospec(Groups))
    driver, warning = open_driver(Settings(), tmp_path / "root")
    assert isinstance(driver, ProcessDriver)
    assert not driver.as_root
    assert "not permitted" in str(warning)
    with pytest.raises(SettingsError, match="not permitted"):
        open_driver(Settings(fleet_driver="oci"), tmp_path / "root")
    driver.close()


def test_registries_at_private_addresses_are_those_that_are_named() -> None:
    named = registries(Settings(fleet_registries=("Registry.example", "localhost:5000")))
    assert named == {("registry.example", 443), ("localhost", 5000)}
    for wrong in ("registry", "http://registry.example", "a.example:0", "a.example/team"):
        with pytest.raises(SettingsError, match="FLEET_REGISTRIES"):
            registries(Settings(fleet_registries=(wrong,)))


def test_a_host_processes_builds_unless_it_is_told_not_to(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects", base_url="http://localhost", secret=b"x")
    driver = ProcessDriver(tmp_path, groups=None, host="x", as_root=False)
    for count in (0, 1):
        told = Settings(fleet_builds=count)
        assert capacity_of(told, driver).runs_builds == bool(count)
        assert (open_processor(told, tmp_path, objects, Sealer(b"x")) is not None) == bool(count)
    lacking = Settings(fleet_registry_certificates=str(tmp_path / "missing.pem"))
    with pytest.raises(SettingsError, match=r"missing\.pem"):
        open_processor(lacking, tmp_path, objects, Sealer(b"x"))
    assert not has_room(Settings(object_store_floor_mib=1_000_000), tmp_path)
    assert has_room(Settings(object_store_floor_mib=0), tmp_path)


async def test_a_build_is_fetched_once_and_the_cache_keeps_its_bound(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects", base_url="http://localhost", secret=b"x")
    cache = BuildCache(tmp_path / "builds", bytes_max=500, shared=False)
    used: set[str] = set()
    builds = HostBuilds(objects, cache, lambda: used)
    launches = []
    for number in range(3):
        sha256, data = artefact({"data": bytes([number]) * 300})
        writer = await objects.create(artefact_key("game", sha256))
        await writer.write(data)
        await writer.commit()
        launches.append(_launch(sha256))
    for launch in launches[:2]:
        folder = await builds(launch)
        assert folder is not None
        assert folder == await builds(launch)
        used.add(str(launch.sha256))
    assert cache.held() == [launch.sha256 for launch in launches[:2]]
    used.remove(str(launches[0].sha256))
    await builds(launches[2])
    assert set(cache.held()) == {launches[1].sha256, launches[2].sha256}
    with pytest.raises(OSError, match="no object"):
        await builds(_launch("0" * 64))
    spoilt = await objects.create(artefact_key("game", "1" * 64))
    await spoilt.write(b"no artefact")
    await spoilt.commit()
    with pytest.raises(NotTheBuild):
        await builds(_launch("1" * 64))
    assert await builds(_launch(None)) is None


def _launch(sha256: str | None) -> Launch:
    return Launch(
        instance_id="i",
        attempt=1,
        region="eu-west",
        command=("x",),
        cpu_cores=1,
        memory_mib=64,
        game_id="game",
        sha256=sha256,
    )


def test_a_host_ends_tls_where_its_settings_have_a_certificate(tmp_path: Path) -> None:
    driver = ProcessDriver(tmp_path, groups=None, host="x", as_root=False)
    assert certificate_files(Settings()) is None
    assert not capacity_of(Settings(), driver).tls
    chain, key = Authority().issue(tmp_path)
    told = Settings(fleet_certificate_file=str(chain), fleet_certificate_key_file=str(key))
    assert certificate_files(told) == CertificateFiles(chain, key)
    assert (capacity_of(told, driver).tls, capacity_of(told, driver).proxy_protocol) == (True, True)
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"fleet_certificate_file": ""}, "KEY_FILE is set, but _CERTIFICATE_FILE is not"),
        ({"fleet_certificate_key_file": ""}, "can be read by others|no certificate and its key"),
        ({"fleet_certificate_key_file": str(tmp_path / "missing")}, "missing can't be read"),
        ({"fleet_driver": "agones"}, "servers in a cluster have no relay"),
    )
    for wrong, why in cases:
        with pytest.raises(SettingsError, match=why):
            certificate_files(replace(told, **wrong))
