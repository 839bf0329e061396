"""A host that is a cluster, opened by its settings as a pod would open it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pytest

from deploy.fleet_cluster import content_of, open_cluster
from deploy.fleet_host import capacity_of
from deploy.object_store import open_objects
from deploy.settings import Settings, SettingsError
from streams.fleet.host.agones.manifest import Fetched
from streams.fleet.host.attempts import Attempts
from streams.fleet.host.driver import CannotStart
from tests.streams.fleet.host.agones.api_server import TOKEN, api_server
from tests.streams.fleet.host.agones.attempts import launch
from tests.streams.fleet.host.agones.test_in_cluster import account, signed_by_itself

RUNNER: Final = f"registry.example.com/runner@sha256:{'5e' * 32}"
SETTINGS: Final = Settings(
    secret="s" * 32,
    fleet_driver="agones",
    fleet_agones_image=RUNNER,
    fleet_cpu_millis=64_000,
    fleet_memory_mib=65_536,
    object_store="s3://questlog?endpoint=https://s3.example.com&region=eu-west-1",
    object_store_key="key",
    object_store_secret="secret",  # noqa: S106 - of no store
)


async def test_a_pod_opens_its_cluster_and_a_server_is_made_of_what_nodes_can_fetch(tmp_path: Path) -> None:
    context = signed_by_itself(tmp_path / "account")
    folder = account(tmp_path / "account", TOKEN)
    async with api_server(context) as api:
        settings = replace(SETTINGS, fleet_agones_url=api.url, fleet_agones_account=str(folder))
        root = tmp_path / "host"
        driver = await asyncio.to_thread(
            open_cluster, settings, root, host_id="cluster-1", objects=open_objects(settings)
        )
        found = capacity_of(settings, driver)
        assert (found.address, found.isolation, found.cpu_millis) == ("", "container", 64_000)
        one = msgspec.structs.replace(
            launch(), game_id="game_1", generation=1, size_bytes=1000, unpacked_bytes=5000
        )
        attempt = Attempts(root).make(one, driver=driver.name, now_ms=0)
        assert await asyncio.to_thread(driver.start, attempt)
        spec = api.servers[attempt.id]["spec"]["template"]["spec"]
        assert {each["image"] for each in (*spec["containers"], *spec["initContainers"])} == {RUNNER}
        url = api.secrets[attempt.id]["stringData"]["build-url"]
        assert url.startswith("https://s3.example.com/questlog/")
        assert "X-Amz-Signature=" in url
        await asyncio.to_thread(driver.leave)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fleet_agones_image": "runner:latest"}, "FLEET_AGONES_IMAGE"),
        ({"fleet_cpu_millis": 0}, "FLEET_CPU_MILLIS"),
        ({"object_store": ""}, "s3://"),
        ({"fleet_egress": "none"}, "NetworkPolicy"),
        ({"fleet_agones_account": "/nowhere"}, "no account of a cluster"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    settings = replace(SETTINGS, home=tmp_path, **changes)  # type: ignore[arg-type] # of one field each
    with pytest.raises(SettingsError, match=says):
        open_cluster(settings, tmp_path, host_id="cluster-1", objects=open_objects(SETTINGS))


async def test_a_build_from_an_image_is_refused() -> None:
    content = content_of(open_objects(SETTINGS), runner=RUNNER)
    assert isinstance(await content(launch(game_id="game_1")), Fetched)
    with pytest.raises(CannotStart, match="images"):
        await content(launch(image=True))
