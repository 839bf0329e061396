"""The object store of production: an S3-like service, spoken to by obstore (Rust).

obstore signs, takes role credentials where no key is given, repeats requests that failed, and sends large
objects in parts, which appear when all are there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from schemas.objects import ObjectExists, ObjectStoreError, ObjectStoreFull, content_type_of, stream_copy

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import RetryConfig

    from deploy.object_urls import SignedUrls

REGION: Final = "us-east-1"
PART_BYTES: Final = 5 * 1024 * 1024
"""S3 wants at least 5 MiB a part and at most 10,000 parts: an object may have 48 GiB."""
COPY_BYTES_MAX: Final = 5 * 2**30
"""S3 copies no more in one request; a larger object is read and written again."""
PIECE_BYTES: Final = 256 * 1024
NAMES_MAX: Final = 100_000
PRESIGN_SECONDS_MAX: Final = 7 * 24 * 3600
CONNECT_TIMEOUT: Final = timedelta(seconds=5)
ANSWER_TIMEOUT: Final = timedelta(seconds=60)
"""Until an answer begins, and between its pieces."""
REQUEST_TIMEOUT: Final = timedelta(hours=6)
"""A large object's whole answer."""
RETRIES: Final = 3
RETRY_TIMEOUT: Final = timedelta(seconds=30)
_INSUFFICIENT_STORAGE: Final = "status code: 507"


def s3_origin(url: str) -> str:
    """The origin of the addresses that a store at `url` signs: its endpoint's, or the region's."""
    options = _options(urlsplit(url).query)
    endpoint = urlsplit(
        options.get("endpoint") or f"https://s3.{options.get('region', REGION)}.amazonaws.com"
    )
    return f"{endpoint.scheme}://{endpoint.netloc}"


def _options(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


class S3Objects:
    """An `ObjectStore` on a bucket, path-style: `s3://bucket/prefix?endpoint=https://host&region=name`.

    Without a key the credentials are the role's: web identity, container or instance.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        secret: str,
        urls: SignedUrls,
        now: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(url)
        options = _options(parts.query)
        endpoint = options.get("endpoint")
        given = {"access_key_id": key, "secret_access_key": secret, "endpoint": endpoint}
        retries: RetryConfig = {"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT}
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            region=options.get("region", REGION),
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": CONNECT_TIMEOUT,
                "read_timeout": ANSWER_TIMEOUT,
                "timeout": REQUEST_TIMEOUT,
            },
            retry_config=retries,
            disable_bulk_delete=True,  # we delete one at a time, and not every service has the other request
            **{name: value for name, value in given.items() if value},  # type: ignore[arg-type]  # texts all
        )
        self.urls = urls
        self.writer_bytes: Final = 4 * PART_BYTES
        self._now = now

    async def create(self, key: str, *, new: bool = False) -> S3Writer:
        """Begin an object; nothing is sent before its first part is full.

        Where several `new` ones of more than a part are completed at the same moment, each replaces the one
        before: S3 completes those without a condition.
        """
        return S3Writer(self, self._store, key, new=new)

    async def read(self, key: str) -> bytes | None:
        """A small object's bytes; None where there is none."""
        try:
            async with _reported(key):
                found = await obstore.get_async(self._store, key)
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None

    async def size(self, key: str) -> int | None:
        """An object's bytes in number; None where there is none."""
        try:
            async with _reported(key):
                return (await obstore.head_async(self._store, key))["size"]
        except FileNotFoundError:
            return None

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in pieces."""
        if start >= end:
            return
        try:
            async with _reported(key):
                found = await obstore.get_async(self._store, key, options={"range": (start, end)})
                async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                    yield bytes(piece)
        except FileNotFoundError as error:
            raise ObjectStoreError(f"there is no object {key}") from error

    async def copy(self, source: str, target: str) -> None:
        """Copy an object, within the store where it may be done in one request."""
        size = await self.size(source)
        if size is None or size > COPY_BYTES_MAX:
            await stream_copy(self, source, target)
            return
        async with _reported(target):
            await obstore.copy_async(self._store, source, target)

    async def names(self, folder: str) -> list[str]:
        """The objects right in a folder of keys. Raises ObjectStoreError where there are too many."""
        async with _reported(folder):
            found = (await obstore.list_with_delimiter_async(self._store, folder))["objects"]
        if len(found) > NAMES_MAX:
            raise ObjectStoreError(f"{folder} has more than {NAMES_MAX:,} objects")
        return [meta["path"].rpartition("/")[2] for meta in found]

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        try:
            async with _reported(key):
                await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return

    async def free_bytes(self) -> int | None:
        """None: the store sets its own end, and says so when it is met."""
        return None

    async def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        """Where the store itself serves this object until then, at most 7 days from now."""
        seconds = max(1, min(PRESIGN_SECONDS_MAX, int(expires_at_ms / 1000 - self._now())))
        async with _reported(key):
            return await obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))

    def public_url(self, key: str) -> str:
        """Where the edge serves this object of the public folder."""
        return self.urls.public(key)

    def signed_upload_url(self, key: str, *, bytes_max: int, expires_at_ms: int) -> str:
        """Where the edge takes this object in: S3's signed PUT ends at 5 GiB and has no size limit in it."""
        return self.urls.upload(key, bytes_max=bytes_max, expires_at_ms=expires_at_ms)


class S3Writer:
    """Holds at most four parts in memory, the library's included. Small objects are one PUT."""

    def __init__(self, objects: S3Objects, store: S3Store, key: str, *, new: bool) -> None:
        self._objects = objects
        self._store = store
        self._key = key
        self._new = new
        self._attributes: Attributes = {"Content-Type": content_type_of(key)}
        self._held = bytearray()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._aborted = False
        self._upload: asyncio.Task[None] | None = None

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; sends a part when one is full."""
        self._held += chunk
        while len(self._held) >= PART_BYTES:
            part = bytes(self._held[:PART_BYTES])
            del self._held[:PART_BYTES]
            await self._give(part)

    async def commit(self) -> None:
        """Make the object visible, whole."""
        if self._new and await self._objects.size(self._key) is not None:
            raise ObjectExists(f"the object {self._key} is there already")
        if self._upload is None:
            async with _reported(self._key):
                await obstore.put_async(
                    self._store,
                    self._key,
                    bytes(self._held),
                    use_multipart=False,
                    attributes=self._attributes,
                    mode="create" if self._new else "overwrite",
                )
            return
        if self._held:
            await self._give(bytes(self._held))
        await self._give(None)
        await asyncio.shield(self._upload)  # cut off in the middle it would leave its parts behind

    async def abort(self) -> None:
        """Forget what was sent. Called again: nothing happens."""
        self._held.clear()
        upload = self._upload
        if upload is None:
            return
        self._aborted = True
        if self._queue.empty():  # else it looks after the part that is there
            self._queue.put_nowait(None)
        await asyncio.wait({upload})
        if not upload.cancelled():
            upload.exception()  # told where it happened

    async def _give(self, part: bytes | None) -> None:
        if self._upload is None:
            self._upload = asyncio.create_task(self._send())
        giving = asyncio.ensure_future(self._queue.put(part))
        try:
            await asyncio.wait({giving, self._upload}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not giving.done():
                giving.cancel()
        if self._upload.done():
            await self._upload

    async def _send(self) -> None:
        async with _reported(self._key):
            await obstore.put_async(
                self._store,
                self._key,
                self._parts(),
                chunk_size=PART_BYTES,
                max_concurrency=1,
                attributes=self._attributes,
            )

    async def _parts(self) -> AsyncIterator[bytes]:
        while True:
            part = await self._queue.get()
            if self._aborted:
                raise _Aborted  # obstore aborts the upload: its parts are gone
            if part is None:
                return
            yield part


class _Aborted(Exception):
    """Ends an upload that is not to be completed."""


@asynccontextmanager
async def _reported(key: str) -> AsyncIterator[None]:
    """A failure of the library is one of the store, without the details that follow its first line."""
    try:
        yield
    except AlreadyExistsError:
        raise ObjectExists(f"the object {key} is there already") from None
    except BaseError as error:
        text = str(error).partition("\n")[0][:500]
        if _INSUFFICIENT_STORAGE in text:
            raise ObjectStoreFull(f"no space left for the object {key}") from None
        raise ObjectStoreError(f"the object store did not do what was asked for {key}: {text}") from None
