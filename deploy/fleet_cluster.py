"""What an agent is made of whose host is a cluster with Agones: its driver, and what nodes fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.clock import now_ms
from deploy.settings import PREFIX, SettingsError
from schemas.fleet.images import ImageRefused, image
from schemas.fleet.objects import artefact_key
from schemas.objects import ObjectStoreError
from streams.fleet.host.agones.cluster import IN_CLUSTER, SERVICE_ACCOUNT, Refused, in_cluster
from streams.fleet.host.agones.driver import AgonesDriver
from streams.fleet.host.agones.manifest import Content, Fetched
from streams.fleet.host.driver import CannotStart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from deploy.settings import Settings
    from schemas.objects import ObjectStore
    from streams.fleet.host.launch import Launch

_URL_MS: Final = 3_600_000
"""A pod may wait so long for its node before it fetches its build."""


def open_cluster(configured: Settings, root: Path, *, host_id: str, objects: ObjectStore) -> AgonesDriver:
    """The driver `agones`, opened. Raises SettingsError for what is missing, ClusterUnavailable."""
    _check(configured)
    try:
        account, url = configured.fleet_agones_account, configured.fleet_agones_url
        cluster = in_cluster(Path(account) if account else SERVICE_ACCOUNT, url=url or IN_CLUSTER)
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}FLEET_DRIVER is agones, but this process has no account of a cluster: {error}"
        ) from error
    content = content_of(objects, runner=configured.fleet_agones_image)
    driver = AgonesDriver(root, cluster=cluster, host_id=host_id, content=content)
    try:
        driver.open()
    except Refused as refused:
        raise SettingsError(
            f"{PREFIX}FLEET_DRIVER is agones, but the cluster refuses: {refused}"
        ) from refused
    return driver


def content_of(objects: ObjectStore, *, runner: str) -> Callable[[Launch], Awaitable[Content]]:
    """What the nodes are to fetch of a launch: its artefact, into a container of the image `runner`."""

    async def content(launch: Launch) -> Content:
        if launch.image:
            raise CannotStart("builds from images run on hosts of the fleet's own: this one is a cluster")
        if launch.sha256 is None:
            raise CannotStart("there is no build to fetch")
        key = artefact_key(launch.game_id, launch.sha256, launch.generation)
        try:
            url = await objects.signed_url(key, expires_at_ms=now_ms() + _URL_MS)
        except ObjectStoreError as error:
            raise CannotStart(f"the build has no address: {error}") from error
        return Fetched(
            image=runner, url=url, size_bytes=launch.size_bytes, unpacked_bytes=launch.unpacked_bytes
        )

    return content


def _check(configured: Settings) -> None:
    try:
        pinned = image(configured.fleet_agones_image).digest is not None
    except ImageRefused:
        pinned = False
    lacks = []
    if not pinned:
        lacks.append(f"{PREFIX}FLEET_AGONES_IMAGE has to be registry/name@sha256:…, what games run in")
    if not (configured.fleet_cpu_millis and configured.fleet_memory_mib):
        lacks.append(
            f"{PREFIX}FLEET_CPU_MILLIS and _MEMORY_MIB have to say what of the cluster is for servers"
        )
    if not configured.object_store_location.startswith("s3://"):
        lacks.append(f"{PREFIX}OBJECT_STORE has to be an s3:// one, which nodes fetch builds from")
    if configured.fleet_egress != "public":
        lacks.append(f"{PREFIX}FLEET_EGRESS is the cluster's NetworkPolicy: leave it public")
    if lacks:
        raise SettingsError(f"{PREFIX}FLEET_DRIVER is agones: {'; '.join(lacks)}")
