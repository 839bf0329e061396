"""Both object stores keep the same promise: the folder, and S3 on a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from deploy.object_store import media_origins, open_objects
from deploy.object_urls import SignedUrls
from deploy.objects import FolderObjects
from deploy.objects_s3 import PART_BYTES, S3Objects
from deploy.settings import Settings, SettingsError
from schemas.edge.limits import UPLOAD_BYTES_PER_SECOND_MIN
from schemas.objects import ObjectStoreError
from streams.gateway.memory_quotas import BodiesInFlight
from tests.deploy.credential_server import AGENT, ROLE, credential_server
from tests.deploy.objects_requests import NOW_MS, Store, app_of, ask, get, put, status_of_put
from tests.s3_server import KEY, SECRET, s3_server

URLS = SignedUrls(base_url="http://localhost:4000", secret=b"secret")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    home = tmp_path_factory.mktemp("s3")
    with s3_server(home) as address:
        yield address, home / "data"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")
    address, _ = request.getfixturevalue("server")
    location = f"s3://bucket/{tmp_path.name}?endpoint={address}&region=us-east-1"
    return S3Objects(location, key=KEY, secret=SECRET, urls=URLS)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("size", [0, 10, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 5])
async def test_an_object_comes_back_as_it_was_written(store: Store, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    writer = await store.create("games/g/models/m")
    for start in range(0, size, 1_000_003):
        await writer.write(content[start : start + 1_000_003])
    assert await store.read("games/g/models/m") is None
    assert await store.size("games/g/models/m") is None
    await writer.commit()
    assert await store.read("games/g/models/m") == content
    assert await store.size("games/g/models/m") == size
    assert await store.size("games/g/models") is None
    await store.delete("games/g/models/m")
    await store.delete("games/g/models/m")
    assert await store.read("games/g/models/m") is None


async def test_an_object_is_streamed_whole_and_in_ranges(store: Store) -> None:
    content = bytes(range(251)) * 5000
    await put(store, "a/one", content)
    size = len(content)
    assert await joined(store.stream("a/one", 0, size)) == content
    assert await joined(store.stream("a/one", 7, 600_001)) == content[7:600_001]
    assert await joined(store.stream("a/one", 5, 5)) == b""
    assert await joined(store.stream("a/one", size - 3, size + 9)) == content[-3:]
    with pytest.raises(ObjectStoreError):
        await joined(store.stream("a/none", 0, 1))


async def test_an_object_is_copied_and_one_at_the_target_replaced(store: Store) -> None:
    await put(store, "a/one", b"content")
    await put(store, "b/two", b"before")
    await store.copy("a/one", "b/two")
    await store.delete("a/one")
    assert await store.read("b/two") == b"content"
    with pytest.raises(ObjectStoreError):
        await store.copy("a/one", "b/two")


async def test_a_folders_objects_are_named(store: Store) -> None:
    assert await store.names("snapshots/x") == []
    for key in ("x/1", "x/2.a", "x/3", "x/deeper/4", "xy/5"):
        await put(store, f"snapshots/{key}", b"x")
    unfinished = await store.create("snapshots/x/6")
    await unfinished.write(b"x")
    assert sorted(await store.names("snapshots/x")) == ["1", "2.a", "3"]
    await unfinished.abort()


async def test_an_aborted_object_leaves_nothing(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = files_below(request.getfixturevalue("server")[1])
    writer = await store.create("a/b")
    for _ in range(3):
        await writer.write(b"x" * (PART_BYTES + 1))
    await writer.abort()
    await writer.abort()
    assert await store.read("a/b") is None
    assert files_below(request.getfixturevalue("server")[1]) == before
    assert files_below(tmp_path) == []


async def test_a_store_that_is_away_says_so_and_not_its_secret() -> None:
    away = S3Objects("s3://b?endpoint=http://127.0.0.1:9", key="k", secret="hidden", urls=URLS)  # noqa: S106 - a test's
    with pytest.raises(ObjectStoreError) as told:
        await away.read("a")
    assert "hidden" not in str(told.value)
    writer = await away.create("a")
    with pytest.raises(ObjectStoreError):
        await writer.write(b"x" * 8 * PART_BYTES)
    await writer.abort()


@pytest.mark.parametrize(
    "location",
    [
        "s3://b/folder?endpoint=https://store.example:9000&region=eu-west-1",
        "s3://b?region=eu-west-1",
        "s3://b",
    ],
)
async def test_signed_addresses_lead_to_the_origins_that_a_page_may_play(location: str) -> None:
    store = S3Objects(location, key=KEY, secret=SECRET, urls=URLS)
    now_ms = int(time.time() * 1000)
    signed = urlsplit(await store.signed_url("a/b.webm", expires_at_ms=now_ms + 60_000))
    configured = Settings(
        base_url="https://play.example/", object_store=location, object_store_key=KEY, secret="s" * 16
    )
    assert media_origins(configured) == ["https://play.example", f"{signed.scheme}://{signed.netloc}"]


async def test_without_a_key_it_is_the_roles(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, Path]
) -> None:
    """AWS's variables stand in for a role: obstore looks there first, then for web identity."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    location = f"s3://bucket/role?endpoint={server[0]}"
    store = open_objects(Settings(object_store=location, secret="s" * 32))
    await put(store, "a", b"content")
    assert await store.read("a") == b"content"
    with pytest.raises(SettingsError, match="OBJECT_STORE_SECRET"):
        open_objects(Settings(object_store=location, object_store_key="k", secret="s" * 32))


@pytest.mark.parametrize("kind", ["container", "instance"])
async def test_a_roles_credentials_are_asked_for_and_renewed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: tuple[str, Path], kind: str
) -> None:
    async with credential_server() as credentials:
        token = tmp_path / "token"
        token.write_text(AGENT)
        variables = {
            "container": {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{credentials.address}/agent",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
            },
            "instance": {"AWS_METADATA_ENDPOINT": credentials.address},
        }
        for name, value in variables[kind].items():
            monkeypatch.setenv(name, value)
        location = f"s3://bucket/{tmp_path.name}?endpoint={server[0]}"
        store = open_objects(Settings(object_store=location, secret="s" * 32))
        for content in (b"once", b"twice"):
            await put(store, "a", content)
            assert await store.read("a") == content
        assert credentials.asked == 1
        credentials.valid = timedelta()
        late = open_objects(Settings(object_store=location, secret="s" * 32))
        assert await late.read("a") == b"twice"
        assert await late.read("a") == b"twice"
        assert credentials.asked > 2


async def test_a_web_identity_is_shown_over_tls_alone_and_nothing_stands_in_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: tuple[str, Path]
) -> None:
    """The library takes no STS without a certificate that is known everywhere, so that here it must fail."""
    async with credential_server() as credentials:
        token = tmp_path / "token"
        token.write_text("an identity")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", credentials.address)
        location = f"s3://bucket/{tmp_path.name}?endpoint={server[0]}"
        store = open_objects(Settings(object_store=location, secret="s" * 32))
        with pytest.raises(ObjectStoreError) as refused:
            await store.read("a")
        assert "an identity" not in str(refused.value)
        assert credentials.requests == 0


async def test_a_signed_url_serves_its_object_until_it_expires(tmp_path: Path) -> None:
    now = [NOW_MS]
    objects = FolderObjects(tmp_path, base_url="http://localhost:4000", secret=b"secret")
    app = app_of(objects, lambda: now[0])
    for key in ("a/one", "a/two"):
        await put(objects, key, key.encode())
    url = await objects.signed_url("a/one", expires_at_ms=NOW_MS + 1000)
    assert await get(app, url) == (200, b"a/one")
    assert await get(app, url, "HEAD") == (200, b"")
    assert await get(app, url, "POST") == (404, b"")
    assert await status_of_put(app, url, b"x") == 403
    assert await get(app, url.replace("one", "two")) == (404, b"")
    assert await get(app, url.replace(str(NOW_MS + 1000), str(NOW_MS + 9000))) == (404, b"")
    gone = await objects.signed_url("a/none", expires_at_ms=NOW_MS + 1000)
    assert await get(app, gone) == (404, b"")
    now[0] += 2000
    assert await get(app, url) == (404, b"")


@pytest.mark.parametrize(
    ("asked", "status", "content", "shown"),
    [
        ("bytes=0-3", 206, b"0123", b"bytes 0-3/10"),
        ("bytes=7-", 206, b"789", b"bytes 7-9/10"),
        ("bytes=7-99", 206, b"789", b"bytes 7-9/10"),
        ("bytes=-2", 206, b"89", b"bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", b"bytes 0-9/10"),
        ("bytes=10-", 416, b"", b"bytes */10"),
        ("bytes=-0", 416, b"", b"bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
    ],
)
async def test_ranges_are_answered(
    tmp_path: Path, asked: str, status: int, content: bytes, shown: bytes | None
) -> None:
    objects = FolderObjects(tmp_path, base_url="", secret=b"secret")
    await put(objects, "a", b"0123456789")
    url = await objects.signed_url("a", expires_at_ms=NOW_MS)
    answer = await ask(app_of(objects), url, range=asked)
    assert answer is not None
    assert (answer[0], answer[2], answer[1].get(b"content-range")) == (status, content, shown)
    assert int(answer[1][b"content-length"]) == len(content)


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    "query",
    [
        "expires=%C2%B2&signature=x",
        "expires=" + "9" * 5000 + "&signature=x",
        "expires=9999999999999&signature=%C3%A9",
        "expires=9999999999999&bytes_max=" + "9" * 5000 + "&signature=x",
    ],
)
async def test_a_signed_url_of_any_text_is_one_that_nobody_signed(
    tmp_path: Path, query: str, method: str
) -> None:
    app = app_of(FolderObjects(tmp_path, base_url="", secret=b"secret"))
    assert await get(app, f"/objects/a/one?{query}", method) == (403 if method == "PUT" else 404, b"")


async def test_a_signed_upload_makes_one_object_of_the_signed_size_at_most(store: Store) -> None:
    app = app_of(store)
    size = 2 * PART_BYTES
    url = store.signed_upload_url("up/one", bytes_max=size, expires_at_ms=NOW_MS)
    content = [bytes([number]) * 65_536 for number in range(size // 65_536)]
    assert await status_of_put(app, url, content_length=str(size + 1)) == 413
    assert await status_of_put(app, url, *content, b"x") == 413
    assert await status_of_put(app, url, *content, ends="gone") is None
    assert await status_of_put(app, url, *content[:9], ends="idle") == 408
    assert await status_of_put(app, url.replace("up/one", "up/two"), b"x") == 403
    assert await status_of_put(app, url.replace(f"bytes_max={size}", f"bytes_max={size + 1}"), b"x") == 403
    assert await get(app, url) == (404, b"")
    assert await store.size("up/one") is None
    assert await status_of_put(app, url, *content) == 201
    assert await store.read("up/one") == b"".join(content)
    assert await status_of_put(app, url, b"x") == 409
    late = store.signed_upload_url("up/late", bytes_max=size, expires_at_ms=NOW_MS - 1)
    assert await status_of_put(app, late, b"x") == 403


@pytest.mark.parametrize("size", [10, 2 * PART_BYTES + 1])
async def test_of_two_uploads_that_end_together_one_is_kept_whole(store: Store, size: int) -> None:
    app = app_of(store, idle_s=30)
    for attempt in range(5):
        key = f"up/{attempt}"
        url = store.signed_upload_url(key, bytes_max=size, expires_at_ms=NOW_MS)
        contents = [letter * size for letter in (b"a", b"b")]
        ready = asyncio.Barrier(2)

        uploads = [status_of_put(app, url, content, together=ready) for content in contents]
        statuses = await asyncio.gather(*uploads)
        assert 201 in statuses
        if isinstance(store, FolderObjects):
            assert 409 in statuses
        told = [content for content, status in zip(contents, statuses, strict=True) if status == 201]
        assert await store.read(key) in told
        assert sorted(await store.names("up")) == [str(number) for number in range(attempt + 1)]
        assert await status_of_put(app, url, b"x") == 409


async def test_uploads_have_so_much_memory_together_and_of_an_address(store: Store) -> None:
    uploads = BodiesInFlight(8 * store.writer_bytes)
    app = app_of(store, idle_s=30, uploads=uploads)
    urls = [store.signed_upload_url(f"a/{n}", bytes_max=9, expires_at_ms=NOW_MS + 1) for n in range(10)]

    def begin(number: int, ip: str) -> asyncio.Task[int | None]:
        return asyncio.create_task(status_of_put(app, urls[number], b"x", ends="idle", ip=ip))

    begun = [begin(number, f"192.0.2.{number // 2}") for number in range(8)]
    while uploads.held_bytes < 8 * store.writer_bytes:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.01)
    refused = await ask(app, urls[8], "PUT", body=(b"x",), ip="192.0.2.1")
    assert refused is not None
    assert (refused[0], refused[1][b"retry-after"]) == (503, b"5")
    assert await status_of_put(app, urls[8], b"x", ip="192.0.2.99") == 503
    begun[0].cancel()
    await asyncio.wait([begun[0]])
    assert await status_of_put(app, urls[8], b"x", ip="192.0.2.1") == 503  # as many as one address may
    assert await status_of_put(app, urls[8], b"x", ip="192.0.2.99") == 201
    for task in begun:
        task.cancel()
    await asyncio.wait(begun)
    assert uploads.held_bytes == 0


async def test_an_upload_that_never_stops_but_is_slow_is_ended(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path, base_url="http://edge", secret=b"s" * 32)
    app = app_of(store, idle_s=1)
    url = store.signed_upload_url("a/b", bytes_max=10**6, expires_at_ms=NOW_MS + 1)
    assert await status_of_put(app, url, *[b"x"] * 8, pause_s=0.2) == 408
    second = b"x" * UPLOAD_BYTES_PER_SECOND_MIN
    assert await status_of_put(app, url, *[second] * 8, pause_s=0.2) == 201


async def test_a_page_of_another_origin_may_upload(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path, base_url="", secret=b"secret")
    answer = await ask(app_of(objects), "/objects/a", "OPTIONS", origin="https://game.example")
    assert answer is not None
    assert answer[0] == 204
    assert b"PUT" in answer[1][b"access-control-allow-methods"]
    url = objects.signed_upload_url("a", bytes_max=1, expires_at_ms=NOW_MS)
    answer = await ask(app_of(objects), url, "PUT", body=(b"x",), origin="https://game.example")
    assert answer is not None
    assert (answer[0], answer[1][b"access-control-allow-origin"]) == (201, b"*")


async def test_a_signed_url_of_s3_is_the_stores_own(server: tuple[str, Path]) -> None:
    location = f"s3://bucket/own?endpoint={server[0]}"
    store = S3Objects(location, key=KEY, secret=SECRET, urls=URLS)
    await put(store, "a/one", b"content")
    url = await store.signed_url("a/one", expires_at_ms=2**42)
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["604800"]
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert await answer.read() == b"content"
        async with session.get(url, headers={"range": "bytes=1-3"}) as answer:
            assert (answer.status, await answer.read()) == (206, b"ont")
        async with session.put(url, data=b"x") as answer:
            assert answer.status == 403


async def test_what_is_public_is_served_to_anybody_and_written_by_nobody(store: Store) -> None:
    app = app_of(store)
    await put(store, "public/recordings/one.mp4", b"0123456789")
    await put(store, "publication/two.mp4", b"hidden")
    url = store.public_url("public/recordings/one.mp4")
    assert url == "http://localhost:4000/objects/public/recordings/one.mp4"
    answer = await ask(app, url, range="bytes=2-3")
    assert answer is not None
    assert (answer[0], answer[2]) == (206, b"23")
    assert answer[1][b"cache-control"] == b"public, max-age=3600"
    assert await get(app, url, "HEAD") == (200, b"")
    assert await status_of_put(app, store.public_url("public/recordings/two.mp4"), b"x") == 403
    for key in ("publication/two.mp4", "public/none", "public/../publication/two.mp4", "public/"):
        assert await get(app, store.public_url(key)) == (404, b"")


@pytest.mark.parametrize(
    ("key", "content_type"),
    [
        ("a/one.mp4", "video/mp4"),
        ("a/one.webm", "video/webm"),
        ("a/one.txt", "text/plain"),
        ("a/one.html", "application/octet-stream"),
        ("a/mp4", "application/octet-stream"),
        ("a/one", "application/octet-stream"),
    ],
)
async def test_an_object_is_served_with_its_media_type(
    tmp_path: Path, server: tuple[str, Path], key: str, content_type: str
) -> None:
    folder = FolderObjects(tmp_path, base_url="", secret=b"secret")
    await put(folder, key, b"frames")
    answer = await ask(app_of(folder), await folder.signed_url(key, expires_at_ms=NOW_MS))
    assert answer is not None
    shown = (answer[1][b"content-type"], answer[1][b"content-disposition"], answer[1][b"cache-control"])
    assert shown == (content_type.encode(), b"attachment", b"private, no-store")
    s3 = S3Objects(f"s3://bucket/typed?endpoint={server[0]}", key=KEY, secret=SECRET, urls=URLS)
    for size in (6, 2 * PART_BYTES):
        await put(s3, key, b"x" * size)
        url = await s3.signed_url(key, expires_at_ms=2**42)
        async with asyncio.timeout(30), aiohttp.ClientSession() as session, session.get(url) as got:
            assert (got.status, got.headers["content-type"]) == (200, content_type)
