"""Both object stores keep the same promise; signatures are AWS's own examples."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

from deploy.objects import BadKeyError, FolderObjects, ObjectsApp
from deploy.objects_s3 import PART_BYTES, S3Objects
from deploy.objects_s3_signing import EMPTY_SHA256, Credentials, authorize, presign
from schemas.objects import ObjectStoreError

NOW_MS = 1_800_000_000_000
AWS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
AWS_HOST = "examplebucket.s3.amazonaws.com"
AWS_TIME = "20130524T000000Z"
Store = FolderObjects | S3Objects


def test_a_signed_request_is_awss_example() -> None:
    headers = authorize(
        AWS,
        "GET",
        "/test.txt",
        {},
        {"host": AWS_HOST, "range": "bytes=0-9"},
        payload_sha256=EMPTY_SHA256,
        time=AWS_TIME,
    )
    assert headers["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_a_signed_url_is_awss_example() -> None:
    query = presign(AWS, AWS_HOST, "/test.txt", seconds=86400, time=AWS_TIME)
    assert query["X-Amz-Signature"] == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


class Bucket:
    """Just enough of S3: objects, uploads in parts; refuses what is not signed for the time it knows."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        key, query = request.path, request.query
        body = await request.read()
        if "authorization" not in request.headers and "X-Amz-Signature" not in query:
            return web.Response(status=403)
        if query.get("list-type") == "2":
            return self._list(request)
        if request.method == "POST" and "uploads" in query:
            self.uploads["up&1"] = {}
            return web.Response(text="<R><UploadId>up&amp;1</UploadId></R>")
        if request.method == "PUT" and "uploadId" in query:
            self.uploads[query["uploadId"]][int(query["partNumber"])] = body
            return web.Response(headers={"ETag": f'"{query["partNumber"]}"'})
        if request.method == "POST" and "uploadId" in query:
            parts = self.uploads.pop(query["uploadId"])
            self.objects[key] = b"".join(parts[number] for number in sorted(parts))
            return web.Response(text="<CompleteMultipartUploadResult/>")
        return self._plain(request.method, key, query.get("uploadId"), body)

    def _list(self, request: web.Request) -> web.Response:
        """Two names a page, to see that all pages are asked for."""
        bucket, prefix = f"{request.path.rstrip('/')}/", request.query["prefix"]
        assert request.query["delimiter"] == "/"
        keys = sorted(key.removeprefix(bucket) for key in self.objects if key.startswith(bucket))
        keys = [key for key in keys if key.startswith(prefix) and "/" not in key.removeprefix(prefix)]
        start = int(request.query.get("continuation-token", "+0").removeprefix("+"))
        more = start + 2 < len(keys)
        token = f"<NextContinuationToken>+{start + 2}</NextContinuationToken>" if more else ""
        found = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys[start : start + 2])
        return web.Response(text=f"<ListBucketResult>{token}{found}</ListBucketResult>")

    def _plain(self, method: str, key: str, upload: str | None, body: bytes) -> web.Response:
        if method == "PUT":
            self.objects[key] = body
        elif method == "DELETE":
            if upload:
                self.uploads.pop(upload)
            self.objects.pop(key, None)
            return web.Response(status=204)
        elif key not in self.objects:
            return web.Response(status=404)
        return web.Response(body=self.objects[key])


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> AsyncIterator[Store]:
    if request.param == "folder":
        yield FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")
        return
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{key:.*}", bucket.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    s3 = S3Objects(f"s3://bucket/pre?endpoint=http://127.0.0.1:{port}&region=r", key="k", secret="s")  # noqa: S106 - a test's
    yield s3
    await s3.close()
    await runner.cleanup()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 10, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 5])
async def test_an_object_comes_back_as_it_was_written(store: Store, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    writer = await store.create("games/g/models/m")
    for start in range(0, size, 1_000_003):
        await writer.write(content[start : start + 1_000_003])
    assert await store.read("games/g/models/m") is None
    await writer.commit()
    assert await store.read("games/g/models/m") == content
    await store.delete("games/g/models/m")
    await store.delete("games/g/models/m")
    assert await store.read("games/g/models/m") is None


async def test_a_folders_objects_are_named(store: Store) -> None:
    assert await store.names("snapshots/x") == []
    for key in (
        "snapshots/x/1",
        "snapshots/x/2.a",
        "snapshots/x/3",
        "snapshots/x/deeper/4",
        "snapshots/xy/5",
    ):
        writer = await store.create(key)
        await writer.write(b"x")
        await writer.commit()
    unfinished = await store.create("snapshots/x/6")
    await unfinished.write(b"x")
    assert sorted(await store.names("snapshots/x")) == ["1", "2.a", "3"]
    await unfinished.abort()


async def test_an_aborted_object_leaves_nothing(store: Store, tmp_path: Path, bucket: Bucket) -> None:
    writer = await store.create("a/b")
    await writer.write(b"x" * (PART_BYTES + 1))
    await writer.abort()
    assert await store.read("a/b") is None
    assert bucket.uploads == {}
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("key", ["../a", "/a", "a/../b", "a//b", "", "a/.", "a b", "ä", "a\n"])
def test_a_folder_is_never_left(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadKeyError):
        FolderObjects(tmp_path, base_url="", secret=b"").path(key)


async def test_a_store_that_is_away_says_so() -> None:
    away = S3Objects("s3://b?endpoint=http://127.0.0.1:9", key="k", secret="s")  # noqa: S106 - a test's
    with pytest.raises(ObjectStoreError):
        await away.read("a")
    await away.close()


async def get(app: ObjectsApp, url: str, method: str = "GET") -> tuple[int, bytes]:
    parts = urlsplit(url)
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": parts.path, "query_string": parts.query.encode()}
    await app(scope, None, send)
    body = b"".join(bytes(message["body"]) for message in sent[1:])  # type: ignore[call-overload]  # ASGI's bytes
    status = sent[0]["status"]
    assert isinstance(status, int)
    return status, body


async def test_a_signed_url_serves_its_object_until_it_expires(tmp_path: Path) -> None:
    now = [NOW_MS]
    clock: Callable[[], int] = lambda: now[0]  # noqa: E731 - a clock
    objects = FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")
    app = ObjectsApp(objects, clock)
    for key in ("a/one", "a/two"):
        writer = await objects.create(key)
        await writer.write(key.encode())
        await writer.commit()
    url = objects.signed_url("a/one", expires_at_ms=NOW_MS + 1000)
    assert await get(app, url) == (200, b"a/one")
    assert await get(app, url, "HEAD") == (200, b"")
    assert await get(app, url, "POST") == (404, b"")
    assert await get(app, url.replace("one", "two")) == (404, b"")
    assert await get(app, url.replace(str(NOW_MS + 1000), str(NOW_MS + 9000))) == (404, b"")
    gone = objects.signed_url("a/none", expires_at_ms=NOW_MS + 1000)
    assert await get(app, gone) == (404, b"")
    now[0] += 2000
    assert await get(app, url) == (404, b"")


@pytest.mark.parametrize(
    "query",
    [
        "expires=%C2%B2&signature=x",
        "expires=" + "9" * 5000 + "&signature=x",
        "expires=9999999999999&signature=%C3%A9",
    ],
)
async def test_a_signed_url_of_any_text_is_one_that_nobody_signed(tmp_path: Path, query: str) -> None:
    app = ObjectsApp(FolderObjects(tmp_path, base_url="", secret=b"secret"), lambda: NOW_MS)
    assert await get(app, f"/objects/a/one?{query}") == (404, b"")


async def test_a_signed_url_of_s3_is_the_stores_own(store: Store) -> None:
    if isinstance(store, FolderObjects):
        return
    writer = await store.create("a/one")
    await writer.write(b"content")
    await writer.commit()
    url = store.signed_url("a/one", expires_at_ms=2**42)
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["604800"]
    async with asyncio.timeout(5), aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.read() == b"content"
