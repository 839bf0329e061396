"""The object store of production: an S3-like service.

Big objects go up in parts and appear when all are there.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
from yarl import URL

from deploy.objects_s3_signing import (
    EMPTY_SHA256,
    Credentials,
    authorize,
    encode_path,
    encode_query,
    presign,
)
from schemas.objects import ObjectStoreError, ObjectStoreFull

if TYPE_CHECKING:
    from collections.abc import Callable

PART_BYTES: Final = 8 * 1024 * 1024
"""S3 wants at least 5 MiB a part and at most 10,000 parts."""
PRESIGN_SECONDS_MAX: Final = 7 * 24 * 3600
ANSWER_SECONDS: Final = 60.0
PAGES_MAX: Final = 100
"""Of a folder's names; S3 gives a thousand a page."""
_NAME: Final = re.compile(rb"<Key>([^<]*)</Key>")
_NEXT: Final = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")


class S3Objects:
    """An `ObjectStore` on a bucket, path-style: `s3://bucket/prefix?endpoint=https://host&region=name`."""

    def __init__(self, url: str, *, key: str, secret: str, now: Callable[[], float] = time.time) -> None:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        endpoint = urlsplit(options.get("endpoint", "https://s3.amazonaws.com"))
        self._origin = f"{endpoint.scheme}://{endpoint.netloc}"
        self._host = endpoint.netloc
        self._bucket = f"/{parts.netloc}"
        self._within = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self._credentials = Credentials(key, secret, options.get("region", "us-east-1"))
        self._now = now
        self._session: aiohttp.ClientSession | None = None

    async def create(self, key: str) -> S3Writer:
        """Begin a new object; nothing is sent before its first part is full."""
        return S3Writer(self, key)

    async def read(self, key: str) -> bytes | None:
        """A small object's bytes; None where there is none."""
        status, _, body = await self.request("GET", key, allowed=(200, 404))
        return body if status == 200 else None

    async def names(self, folder: str) -> list[str]:
        """The objects right in a folder of keys. Raises ObjectStoreError for an endless one."""
        prefix = f"{self._within}{folder}/"
        query = {"list-type": "2", "prefix": prefix, "delimiter": "/"}
        found: list[str] = []
        for _ in range(PAGES_MAX):
            _, _, answer = await self.request("GET", "", query=query)
            keys = (html.unescape(key.decode()) for key in _NAME.findall(answer))
            found += [key.removeprefix(prefix) for key in keys]
            following = _NEXT.search(answer)
            if following is None:
                return found
            query["continuation-token"] = html.unescape(following[1].decode())
        raise ObjectStoreError(f"{folder} has more than {PAGES_MAX},000 objects")

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        await self.request("DELETE", key, allowed=(200, 204, 404))

    async def free_bytes(self) -> int | None:
        """None: the store sets its own end, and says so when it is met."""
        return None

    def signed_url(self, key: str, *, expires_at_ms: int) -> str:
        """Where the store itself serves this object until then, at most 7 days from now."""
        seconds = max(1, min(PRESIGN_SECONDS_MAX, int(expires_at_ms / 1000 - self._now())))
        path = self._path(key)
        query = presign(self._credentials, self._host, path, seconds=seconds, time=self._time())
        return f"{self._origin}{encode_path(path)}?{encode_query(query)}"

    async def close(self) -> None:
        """Close the connections. Called twice: nothing happens."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        key: str,
        *,
        query: dict[str, str] | None = None,
        body: bytes = b"",
        allowed: tuple[int, ...] = (200,),
    ) -> tuple[int, dict[str, str], bytes]:
        """One signed request: status, headers in lower case, body. Without a key it asks the bucket.

        Raises ObjectStoreError.
        """
        path = self._path(key)
        parameters = query or {}
        headers = authorize(
            self._credentials,
            method,
            path,
            parameters,
            {"host": self._host},
            payload_sha256=hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256,
            time=self._time(),
        )
        url = f"{self._origin}{encode_path(path)}" + (f"?{encode_query(parameters)}" if parameters else "")
        try:
            async with self._open().request(
                method, _exact(url), data=io.BytesIO(body) if body else None, headers=headers
            ) as answer:
                content = await answer.read()
                found = {name.lower(): value for name, value in answer.headers.items()}
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ObjectStoreError(f"the object store did not answer: {error!r}") from error
        if status == 507:  # Insufficient Storage
            raise ObjectStoreFull(f"no space left for the object {key}")
        if status not in allowed:
            raise ObjectStoreError(
                f"{method} {key}: status {status}: {content[:300].decode(errors='replace')}"
            )
        return status, found, content

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._within}{key}" if key else self._bucket

    def _time(self) -> str:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=5.0)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session


class S3Writer:
    """Holds at most one part in memory. Small objects are one PUT."""

    def __init__(self, objects: S3Objects, key: str) -> None:
        self._objects = objects
        self._key = key
        self._held = bytearray()
        self._upload = ""
        self._tags: list[str] = []

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; sends a part when one is full."""
        self._held += chunk
        while len(self._held) >= PART_BYTES:
            part = bytes(self._held[:PART_BYTES])
            del self._held[:PART_BYTES]
            await self._send(part)

    async def commit(self) -> None:
        """Make the object visible, whole."""
        if not self._upload:
            await self._objects.request("PUT", self._key, body=bytes(self._held))
            return
        if self._held:
            await self._send(bytes(self._held))
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            for number, tag in enumerate(self._tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        _, _, answer = await self._objects.request(
            "POST", self._key, query={"uploadId": self._upload}, body=body
        )
        if b"<Error>" in answer:  # S3 may fail after it has begun to answer 200
            raise ObjectStoreError(f"{self._key} was not completed: {answer[:300].decode(errors='replace')}")

    async def abort(self) -> None:
        """Forget what was sent."""
        self._held.clear()
        if self._upload:
            query = {"uploadId": self._upload}
            await self._objects.request("DELETE", self._key, query=query, allowed=(200, 204, 404))

    async def _send(self, part: bytes) -> None:
        if not self._upload:
            _, _, answer = await self._objects.request("POST", self._key, query={"uploads": ""})
            self._upload = _upload_id(answer)
        query = {"partNumber": str(len(self._tags) + 1), "uploadId": self._upload}
        _, headers, _ = await self._objects.request("PUT", self._key, query=query, body=part)
        self._tags.append(headers["etag"].replace('"', "&quot;"))


def _upload_id(answer: bytes) -> str:
    found = re.search(rb"<UploadId>([^<]+)</UploadId>", answer)
    if found is None:
        raise ObjectStoreError("the object store began no upload")
    return html.unescape(found[1].decode())


def _exact(url: str) -> URL:
    """The URL as it was signed: aiohttp would encode it once more."""
    return URL(url, encoded=True)
