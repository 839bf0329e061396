"""Opens the deployment's object store: a folder in the embedded stack, an S3-like service in production."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.objects import FolderObjects
from deploy.objects_s3 import S3Objects

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from deploy.settings import Settings


def open_objects(configured: Settings, stack: AsyncExitStack) -> FolderObjects | S3Objects:
    """The store of these settings; `stack` closes it. Nothing connects before the first request."""
    location = configured.object_store_location
    if location.startswith("s3://"):
        store = S3Objects(location, key=configured.object_store_key, secret=configured.object_store_secret)
        stack.push_async_callback(store.close)
        return store
    return FolderObjects(Path(location), base_url=configured.base_url, secret=configured.deployment_secret())
