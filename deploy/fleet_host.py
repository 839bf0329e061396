"""What an agent of a host is made of on this machine: its driver, its room, its builds."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from deploy.settings import PREFIX, SettingsError
from schemas.fleet.host_views import HostCapacity
from schemas.fleet.images import ImageRefused, image
from schemas.fleet.names import is_host_id
from schemas.fleet.objects import artefact_key
from schemas.fleet.sizes import REGIONS, Region
from schemas.objects import ObjectStore, ObjectStoreError
from streams.fleet.builds.images import RegistryAccess
from streams.fleet.builds.processor import BuildProcessor
from streams.fleet.host.agones.driver import AgonesDriver
from streams.fleet.host.base_root import host_resolvers
from streams.fleet.host.certificate import CertificateFiles, CertificateRefused
from streams.fleet.host.cgroups import groups_of_machine
from streams.fleet.host.commands import CommandFailed, run
from streams.fleet.host.network import Egress
from streams.fleet.host.oci import RUNTIMES, OciDriver, oci_lacks
from streams.fleet.host.place import NoPlace
from streams.fleet.host.process import ProcessDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from deploy.settings import Settings
    from schemas.seal import Sealer
    from streams.fleet.builds.registry_gate import Endpoint
    from streams.fleet.host.cache import BuildCache
    from streams.fleet.host.cgroups import Groups
    from streams.fleet.host.driver import Driver
    from streams.fleet.host.launch import Launch

_log: Final = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024
_PRIVATE_MOUNTS: Final = ("--mount", "--propagation", "private", "true")


def host_id(configured: Settings) -> str:
    """The machine's name in the fleet: the setting's, else the host name and the process's ordinal.

    Raises SettingsError for one that can't be a part of folders' names.
    """
    if configured.fleet_host:
        if not is_host_id(configured.fleet_host):
            raise SettingsError(f"{PREFIX}FLEET_HOST: {configured.fleet_host!r} is no name of a host")
        return configured.fleet_host
    name = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("._-")[:50] or "host"
    return f"{name}-{configured.instance}"


class Opened(NamedTuple):
    """A driver that is ready, and what keeps this machine from a better one."""

    driver: Driver
    warning: str | None


def open_driver(configured: Settings, root: Path) -> Opened:
    """The driver `oci`, opened, where this machine has what it needs and allows it; else `process`.

    A driver that is named is used or refused: SettingsError. `fleet_cluster` has the one of clusters.
    """
    wanted = configured.fleet_driver
    if configured.fleet_egress not in get_args(Egress):
        raise SettingsError(f"{PREFIX}FLEET_EGRESS must be public or none, not {configured.fleet_egress!r}")
    if wanted not in {"", OciDriver.name, ProcessDriver.name}:
        raise SettingsError(f"{PREFIX}FLEET_DRIVER must be oci, process, agones or empty, not {wanted!r}")
    groups = groups_of_machine()
    lacks: list[str] = []
    if wanted != ProcessDriver.name:
        lacks = oci_lacks(groups)
        if groups is not None and not lacks:
            try:
                return Opened(_open_oci(configured, root, groups), None)
            except (CommandFailed, NoPlace, OSError) as error:
                lacks = [f"what containers need: {error}"]
        if wanted == OciDriver.name:
            raise SettingsError(f"{PREFIX}FLEET_DRIVER is oci, but this machine lacks {', '.join(lacks)}")
    if configured.fleet_egress != "public":
        raise SettingsError(
            f"{PREFIX}FLEET_EGRESS is {configured.fleet_egress}, but plain processes reach what the machine"
            f" reaches{': it lacks ' + ', '.join(lacks) if lacks else ''}"
        )
    as_root = None if _may_mount() else False
    driver = ProcessDriver(root, groups=groups, host=configured.fleet_address, as_root=as_root)
    driver.open()
    if wanted:
        return Opened(driver, None)
    warning = (
        "servers run as plain processes on the host's network, because this machine lacks "
        f"{', '.join(lacks)}: run builds that you trust only"
    )
    _log.warning(warning)
    return Opened(driver, warning)


def _open_oci(configured: Settings, root: Path, groups: Groups) -> OciDriver:
    run("unshare", *_PRIVATE_MOUNTS)
    runtime = next(name for name in RUNTIMES if shutil.which(name))
    address, resolvers = configured.fleet_address, host_resolvers()
    egress: Egress = "none" if configured.fleet_egress == "none" else "public"
    driver = OciDriver(root, runtime=runtime, groups=groups, host=address, resolvers=resolvers, egress=egress)
    try:
        driver.open()
    except BaseException:
        driver.close()
        raise
    return driver


def _may_mount() -> bool:
    """Whether this process may make mounts of its own: root in a container often may not."""
    try:
        run("unshare", *_PRIVATE_MOUNTS)
    except CommandFailed:
        return False
    return True


def capacity_of(configured: Settings, driver: Driver) -> HostCapacity:
    """What this machine has to give, by the settings and else by its size. Raises SettingsError.

    A cluster has no address: each server's is its node's.
    """
    first, _, last = configured.fleet_ports.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65_535):
        raise SettingsError(f"{PREFIX}FLEET_PORTS must be like 31000-31999, not {configured.fleet_ports!r}")
    regions: list[Region] = [region for region in REGIONS if region in configured.fleet_regions]
    if len(regions) != len(configured.fleet_regions):
        unknown = set(configured.fleet_regions) - set(REGIONS)
        raise SettingsError(f"{PREFIX}FLEET_REGIONS: {', '.join(sorted(unknown))} are no regions")
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
    return HostCapacity(
        regions=regions or list(REGIONS),
        cpu_millis=configured.fleet_cpu_millis or (os.cpu_count() or 1) * 1000,
        memory_mb=configured.fleet_memory_mib or memory_mib * 3 // 4,
        first_port=int(first),
        last_port=int(last),
        address="" if driver.name == AgonesDriver.name else configured.fleet_address,
        isolation=driver.isolation,
        overcommit=bool(configured.fleet_overcommit),
        tls=bool(configured.fleet_certificate_file),
        proxy_protocol=bool(configured.fleet_certificate_file),
        runs_builds=bool(configured.fleet_builds),
    )


def open_processor(
    configured: Settings, root: Path, objects: ObjectStore, sealer: Sealer
) -> BuildProcessor | None:
    """What processes builds, in a folder of the host's; None where the settings leave them to others.

    Raises SettingsError.
    """
    if not configured.fleet_builds:
        return None
    access = RegistryAccess(named=registries(configured), certificates=_certificates(configured))
    return BuildProcessor(objects, root / "processing", sealer, registries=access)


def has_room(configured: Settings, root: Path) -> bool:
    """Whether builds may fill the disk further: what objects leave to the stores, they leave too."""
    return shutil.disk_usage(root).free >= configured.object_store_floor_mib * _MIB


def registries(configured: Settings) -> frozenset[Endpoint]:
    """The registries that may be at private addresses. Raises SettingsError."""
    named = set()
    for text in configured.fleet_registries:
        try:
            found = image(f"{text}/any")
        except ImageRefused:
            found = None
        if found is None or found.registry != text.lower():
            raise SettingsError(
                f"{PREFIX}FLEET_REGISTRIES: {text!r} is no registry; write host:port, or a host with a dot"
            )
        named.add(found.endpoint)
    return frozenset(named)


def certificate_files(configured: Settings) -> CertificateFiles | None:
    """What this machine ends TLS with; None where no server's port may ask for it. Raises SettingsError."""
    certificate, key = configured.fleet_certificate_file, configured.fleet_certificate_key_file
    if not certificate:
        if key:
            raise SettingsError(f"{PREFIX}FLEET_CERTIFICATE_KEY_FILE is set, but _CERTIFICATE_FILE is not")
        return None
    if configured.fleet_driver == AgonesDriver.name:
        raise SettingsError(f"{PREFIX}FLEET_CERTIFICATE_FILE: servers in a cluster have no relay to end TLS")
    files = CertificateFiles(Path(certificate).absolute(), Path(key or certificate).absolute())
    try:
        files.read()
    except CertificateRefused as refused:
        raise SettingsError(f"{PREFIX}FLEET_CERTIFICATE_FILE and _CERTIFICATE_KEY_FILE: {refused}") from None
    return files


def _certificates(configured: Settings) -> str | None:
    path = configured.fleet_registry_certificates
    if path and not Path(path).is_file():
        raise SettingsError(f"{PREFIX}FLEET_REGISTRY_CERTIFICATES: there is no file {path}")
    return path or None


class HostBuilds:
    """Fetches builds from the object store into the cache, each once at a time, and keeps its bound."""

    def __init__(self, objects: ObjectStore, cache: BuildCache, used: Callable[[], Collection[str]]) -> None:
        """`used` gives the hashes of builds that servers run."""
        self._used = used
        self._objects = objects
        self._cache = cache
        self._fetching: dict[str, asyncio.Lock] = {}

    async def __call__(self, launch: Launch) -> Path | None:
        """The unpacked build. Raises OSError where it can't be had, NotTheBuild where it is another."""
        sha256 = launch.sha256
        if sha256 is None:
            return None
        async with self._fetching.setdefault(sha256, asyncio.Lock()):
            here = await asyncio.to_thread(self._cache.get, sha256)
            if here is None:
                try:
                    here = await self._fetch(artefact_key(launch.game_id, sha256, launch.generation), sha256)
                except ObjectStoreError as error:
                    raise OSError(f"the build can't be fetched: {error}") from error
        return here

    def _busy(self) -> list[str]:
        return [sha256 for sha256, lock in self._fetching.items() if lock.locked()]

    async def _fetch(self, key: str, sha256: str) -> Path:
        size = await self._objects.size(key)
        if size is None:
            raise OSError(f"there is no object {key}")
        with tempfile.TemporaryFile(dir=self._cache.folder) as archive:
            async for piece in self._objects.stream(key, 0, size):
                await asyncio.to_thread(archive.write, piece)
            archive.seek(0)
            here = await asyncio.to_thread(self._cache.put, sha256, archive)
        await asyncio.to_thread(self._cache.shrink, {sha256, *self._busy(), *self._used()})
        return here
