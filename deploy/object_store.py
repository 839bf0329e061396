"""Opens the deployment's object store: a folder in the embedded stack, an S3-like service in production."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from deploy.object_urls import SignedUrls
from deploy.objects import FolderObjects
from deploy.objects_s3 import S3Objects, s3_origin
from deploy.settings import PREFIX, SettingsError

if TYPE_CHECKING:
    from deploy.settings import Settings


_log: Final = logging.getLogger(__name__)


def open_objects(configured: Settings) -> FolderObjects | S3Objects:
    """The store of these settings, which holds nothing open. Nothing connects before the first request.

    What died while it wrote into a folder is tidied up after.
    """
    location = configured.object_store_location
    if location.startswith("s3://"):
        if bool(configured.object_store_key) != bool(configured.object_store_secret):
            raise SettingsError(
                f"{PREFIX}OBJECT_STORE_KEY and {PREFIX}OBJECT_STORE_SECRET belong together: set both, "
                "or none to use the credentials of the machine's role"
            )
        return S3Objects(
            location,
            key=configured.object_store_key,
            secret=configured.object_store_secret,
            urls=SignedUrls(base_url=configured.base_url, secret=configured.deployment_secret()),
        )
    folder = FolderObjects(
        Path(location),
        base_url=configured.base_url,
        secret=configured.deployment_secret(),
        free_floor_bytes=configured.object_store_floor_mib * 2**20,
    )
    if left := folder.remove_leftovers():
        _log.warning("removed %d files of objects that were never finished", left)
    return folder


def media_origins(configured: Settings) -> list[str]:
    """The origins that signed addresses of objects lead to."""
    location = configured.object_store_location
    own = _origin(configured.base_url)
    return [own, s3_origin(location)] if location.startswith("s3://") else [own]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
