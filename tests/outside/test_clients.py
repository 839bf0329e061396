"""Clients' peculiarities, one line each: the bytes a client really sends, and what it has to get.

A fault that some client meets is a new line here. Bytes are sent as they are, each piece in a packet of its
own, to the running stack. Words in them stand for what differs from run to run (`filled`): `<event>` is an
S4 event as MessagePack, `<length>` the length of all that follows the head's blank line.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgpack
import pytest

from tests.outside.players import SdkPlayer
from tests.outside.world import World, gameplay, now, unique, unix_ms

pytestmark = pytest.mark.stack

S4: Final = b"POST /api/events HTTP/1.1\r\nHost: <host>\r\nx-public-token: <s4 token>\r\n"
S1: Final = b"POST /api/telemetry HTTP/1.1\r\nHost: <host>\r\nAuthorization: Bearer <s1 key>\r\n"
S3: Final = (
    b"POST /sdk/v1/players/<player>/events/relay-points/start HTTP/1.1\r\nHost: <host>\r\n"
    b"Authorization: Bearer <s3 key>\r\nx-player-secret: <player secret>\r\n"
)
MANAGEMENT: Final = b"Host: <host>\r\nAuthorization: Bearer <management key>\r\n"
LENGTH: Final = b"Content-Length: <length>\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
JAVA: Final = (
    b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    b"Upgrade: h2c\r\nUser-Agent: Java-http-client/17.0.15\r\n"
)
WEBSOCKET: Final = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n"
DOT_NET: Final = b"Expect: 100-continue\r\n"
START: Final = b'{"idempotencyKey":"<unique>"}'
BATCH: Final = (
    b'{"gameId":"relay","sessionId":"<unique>","deviceId":"d",'
    b'"events":[{"name":"jump","t":<now ms>,"seq":1}]}'
)
ANDROID: Final = b'{"idempotencyKey":"<unique>\\n"}'
GDSCRIPT: Final = BATCH.replace(b"<now ms>", b"<now ms>.0").replace(b'"seq":1', b'"seq":1.0')
DEBIT: Final = S3.replace(b"events/relay-points/start", b"wallet/gold/debit")
QUEUED: Final = b'{"status":"queued"}'
LAST: Final = b"GET /healthz HTTP/1.1\r\nHost: <host>\r\nConnection: close\r\n\r\n"


class Line(NamedTuple):
    """What one client does. `pieces` are sent one after the other; `holds` is in the answer, `lacks` not.

    Where the connection stays (`stays`) the next request on it has to be answered too.
    """

    name: str
    pieces: tuple[bytes, ...]
    status: int
    holds: bytes = b""
    lacks: bytes = b""
    stays: bool = True


LINES: Final = (
    Line(".NET asks before each body", (S4 + DOT_NET + LENGTH + b"\r\n", b"<event>"), 100, QUEUED),
    Line(".NET, S1", (S1 + DOT_NET + LENGTH + b"\r\n", BATCH), 100, b" 202 "),
    Line(".NET, S3", (S3 + DOT_NET + LENGTH + b"\r\n", START), 100, b" 201 "),
    Line("Expect without waiting", (S4 + DOT_NET + LENGTH + b"\r\n<event>",), 100, QUEUED),
    Line(
        "Expect with a wrong key gets its answer and sends nothing",
        (S4.replace(b"<s4 token>", b"wrong") + DOT_NET + b"Content-Length: 9\r\n\r\n",),
        401,
        b"connection: close",
        b"100 Continue",
        stays=False,
    ),
    Line("Java's HttpClient", (S4 + JAVA + LENGTH + b"\r\n<event>",), 200, QUEUED),
    Line("Java, body in a second packet", (S4 + JAVA + LENGTH + b"\r\n", b"<event>"), 200, QUEUED),
    Line("Java, body of unknown length", (S1 + JAVA + CHUNKED + b"\r\n", b"<chunks>"), 202),
    Line("Java, S1", (S1 + JAVA + LENGTH + b"\r\n", BATCH), 202),
    Line("Java, S3", (S3 + JAVA + LENGTH + b"\r\n", START), 201),
    Line("Java reads", (b"GET /api/v1/games HTTP/1.1\r\n" + MANAGEMENT + JAVA + b"\r\n",), 200),
    Line("a websocket upgrade is a request", (S4 + WEBSOCKET + LENGTH + b"\r\n<event>",), 200, QUEUED),
    Line("a websocket upgrade of a page", (b"GET /docs HTTP/1.1\r\n" + WEBSOCKET + b"\r\n",), 200),
    Line("blank lines before", (b"\r\n\r\n" + S4 + LENGTH + b"\r\n<event>",), 200, QUEUED),
    Line("a blank line behind", (b"GET /docs HTTP/1.1\r\nHost: <host>\r\n\r\n", b"\r\n"), 200),
    Line("trailers", (S1 + CHUNKED + b"Trailer: md5\r\n\r\n<chunks without end>0\r\nmd5: x\r\n\r\n",), 202),
    Line("chunk extensions", (S1 + CHUNKED + b"\r\n<chunks with extensions>",), 202),
    Line("HTTP/1.0", (S4.replace(b"1.1", b"1.0") + LENGTH + b"\r\n<event>",), 200, QUEUED, stays=False),
    Line(
        "HTTP/1.0 with keep-alive",
        (S4.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n" + LENGTH + b"\r\n<event>",),
        200,
        b"connection: close",
        stays=False,
    ),
    Line("a whole URL in the request line", (b"GET http://<host>/healthz HTTP/1.1\r\nHost: x\r\n\r\n",), 200),
    Line("a URL without a path", (b"GET http://<host> HTTP/1.1\r\nHost: x\r\n\r\n",), 303),
    Line("CONNECT", (b"CONNECT <host> HTTP/1.1\r\nHost: <host>\r\n\r\n",), 400, stays=False),
    Line("Android's Base64 ends in a newline", (S3 + LENGTH + b"\r\n", ANDROID), 400, b"idempotencyKey"),
    Line("GDScript's numbers are floats", (S1 + LENGTH + b"\r\n", GDSCRIPT), 202),
    Line("Lua 5.3's too", (DEBIT + LENGTH + b"\r\n", b'{"amount":1.0}'), 409, b"insufficient_balance"),
    Line("JavaScript's large ones", (DEBIT + LENGTH + b"\r\n", b'{"amount":1e21}'), 400, b"amount"),
    Line("half an amount", (DEBIT + LENGTH + b"\r\n", b'{"amount":0.5}'), 400, b"amount"),
)


@pytest.fixture(scope="module")
def player(world: World) -> SdkPlayer:
    return SdkPlayer(world)


def s1_batch() -> bytes:
    return BATCH.replace(b"<unique>", unique("s").encode()).replace(b"<now ms>", b"%d" % unix_ms(now()))


def filled(piece: bytes, world: World, player: SdkPlayer) -> bytes:
    batch = s1_batch()
    words = {
        "host": urlsplit(world.demo["base_url"]).netloc.encode(),
        "s4 token": world.keys["relay_public_token"].encode(),
        "s1 key": world.keys["pl_ik"].encode(),
        "s3 key": world.keys["relay_lo_live"].encode(),
        "management key": world.keys["pl_mgmt"].encode(),
        "player": player.external_id.encode(),
        "player secret": player.secret.encode(),
        "unique": unique("c").encode(),
        "now ms": b"%d" % unix_ms(now()),
        "event": msgpack.packb(gameplay(world.game("relay")["id"], session_id=unique("s"))),
        "chunks": b"%x\r\n%s\r\n0\r\n\r\n" % (len(batch), batch),
        "chunks without end": b"%x\r\n%s\r\n" % (len(batch), batch),
        "chunks with extensions": b'%x;a=b;c="d"\r\n%s\r\n0;e\r\n\r\n' % (len(batch), batch),
    }
    for word, text in words.items():
        piece = piece.replace(b"<%s>" % word.encode(), text)
    return piece


def exchanged(world: World, player: SdkPlayer, pieces: tuple[bytes, ...]) -> bytes:
    """Send the pieces; everything that came until the server closed the connection."""
    whole = [filled(piece, world, player) for piece in pieces]
    _, _, behind = b"".join(whole).lstrip().partition(b"\r\n\r\n")
    sent = [piece.replace(b"<length>", b"%d" % len(behind)) for piece in whole]
    address = urlsplit(world.demo["base_url"])
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in sent:
            connection.sendall(piece)
            time.sleep(0.1)  # so that the next piece is a packet of its own
        return _until_closed(connection, filled(LAST, world, player))


def _until_closed(connection: socket.socket, last: bytes) -> bytes:
    received = b""
    while data := connection.recv(65_536):
        received += data
        if last and _whole(received):
            with suppress(ConnectionError):  # it is closed behind the answer
                connection.sendall(last)  # the next request ends the connection
            last = b""
    return received


def _whole(received: bytes) -> bool:
    """Whether the final answer is there, from its head to its body's last byte."""
    while received.startswith(b"HTTP/1.1 1"):
        received = received.partition(b"\r\n\r\n")[2]
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    fields = {name: value.strip() for name, _, value in lines}
    if fields.get(b"connection") == b"close":
        return False  # the server closes: a further request may cost the answer
    if b"content-length" in fields:
        return len(body) >= int(fields[b"content-length"])
    return body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("line", LINES, ids=[line.name for line in LINES])
def test_a_client_gets_what_it_needs(world: World, player: SdkPlayer, line: Line) -> None:
    received = exchanged(world, player, line.pieces)
    assert received.startswith(b"HTTP/1.1 %d " % line.status), received
    assert line.holds in received
    assert not line.lacks or line.lacks not in received
    last = received[received.rindex(b"HTTP/1.1 ") :]
    answered_both = last.startswith(b"HTTP/1.1 200") and received.count(b"HTTP/1.1 ") > 1
    assert answered_both == line.stays, received


@pytest.mark.parametrize("more", [b"", JAVA, DOT_NET, WEBSOCKET], ids=["plain", "Java", ".NET", "websocket"])
def test_a_start_that_is_sent_again_makes_one_attempt(world: World, more: bytes) -> None:
    player = SdkPlayer(world)
    body = b'{"idempotencyKey":"' + unique("k").encode() + b'"}'
    pieces = (S3 + more + LENGTH + b"\r\n", body)
    first, again = (exchanged(world, player, pieces) for _ in range(2))
    attempts = {answer.partition(b'"attempt":')[2].partition(b"}")[0] for answer in (first, again)}
    assert len(attempts) == 1, attempts
    assert b'"id"' in attempts.pop()


@pytest.mark.parametrize("options", [["--http2"], ["--http1.0"], ["-H", "Expect: 100-continue"]])
def test_curl(world: World, tmp_path: Path, options: list[str]) -> None:
    curl = shutil.which("curl")
    assert curl is not None
    file = tmp_path / "event"
    event = gameplay(world.game("relay")["id"], session_id=unique("s"), custom_data={"a": "x" * 1_100_000})
    file.write_bytes(msgpack.packb(event))
    ran = subprocess.run(  # noqa: S603 - the client whose ways are tested
        [
            *(curl, "-sS", *options, "--data-binary", f"@{file}", f"{world.demo['base_url']}/api/events"),
            *("-H", f"x-public-token: {world.keys['relay_public_token']}"),
            *("-H", "content-type: application/msgpack", "--max-time", "60"),
        ],
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, QUEUED), ran.stderr


_JAVA_PROGRAM: Final = """
import java.net.URI;
import java.net.http.*;
class Post {
    public static void main(String[] a) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(a[0]))
            .header("Authorization", "Bearer " + a[1])
            .expectContinue(a[3].equals("expect"))
            .POST(HttpRequest.BodyPublishers.ofString(a[2])).build();
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode());
        }
    }
}
"""


@pytest.mark.parametrize("expect", ["", "expect"])
def test_java(world: World, tmp_path: Path, expect: str) -> None:
    java = shutil.which("java")
    assert java is not None
    program = tmp_path / "Post.java"
    program.write_text(_JAVA_PROGRAM)
    body = s1_batch().decode()
    ran = subprocess.run(  # noqa: S603 - the client whose ways are tested
        [java, str(program), f"{world.demo['base_url']}/api/telemetry", world.keys["pl_ik"], body, expect],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.stdout.split() == ["202", "202"], ran.stderr


DIFFERING: Final = frozenset(
    {
        "x-request-id",
        "ratelimit-remaining",
        "ratelimit-reset",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-cache",
        "x-data-age-ms",
    }
)
"""Headers whose values belong to one request."""
READS: Final = (
    ("/healthz", ""),
    ("/readyz", ""),
    ("/docs", ""),
    ("/docs/s1", ""),
    ("/docs/s1/openapi.json", ""),
    ("/docs/static/swagger-ui.css", ""),
    ("/docs/none", ""),
    ("/dashboard/analytics", ""),
    ("/dashboard/static/none.js", ""),
    ("/dashboard/data/board", ""),
    ("/api/v1/games", ""),
    ("/api/v1/games", "pl_mgmt"),
    ("/api/v1/events/relay", "pl_mgmt"),
    ("/api/v1/sessions/none", "pl_mgmt"),
    ("/api/v1/playtests", "pl_mgmt"),
    ("/api/v1/playtests", "wpg_sk"),
    ("/api/v1/playtests/none", "wpg_sk"),
    ("/api/v1/playtests/dashboard/stats", "wpg_sk"),
    ("/api/v1/billing/balance", "wpg_sk"),
    ("/api/v1/billing/ledger?limit=none", "wpg_sk"),
    ("/sdk/v1/ping", "relay_lo_live"),
    ("/sdk/v1/catalog", "relay_lo_live"),
    ("/sdk/v1/leaderboards/<board>", "relay_lo_live"),
    ("/sdk/v1/leaderboards/none/stream", "relay_lo_live"),
    ("/server/v1/players/<player>", "relay_lo_srv"),
    ("/server/v1/players/<player>/ledger", "relay_lo_srv"),
    ("/api/v3/servers", "pf"),
    ("/api/v3/servers/none", "pf"),
    ("/api/v3/builds", "pf"),
    ("/api/v3/projects/settings", "pf"),
    ("/api/v3/projects/logs", "pf"),
    ("/api/v3/servers", "pfclient"),
    ("/api/v3/builds", "pfclient"),
    ("/api/v2/project", "pf"),
    ("/objects/none", ""),
    ("/nothing", ""),
)


@pytest.fixture(scope="module")
def board(player: SdkPlayer) -> str:
    return str(player.start()["leaderboardId"])


@pytest.mark.parametrize(("path", "key"), READS, ids=[f"{path} {key}" for path, key in READS])
def test_head_is_get_without_a_body(world: World, player: SdkPlayer, board: str, path: str, key: str) -> None:
    path = path.replace("<board>", board).replace("<player>", player.external_id)
    headers = {"authorization": f"Bearer {world.keys[key]}"} if key else {}
    if key.startswith("pf"):
        headers = {"api-key": world.keys[key]}
    got, head = (world.http.request(method, path, headers=headers) for method in ("GET", "HEAD"))
    assert head.content == b""
    assert head.status_code == got.status_code
    assert head.headers.keys() == got.headers.keys()
    for name in got.headers.keys() - DIFFERING:
        assert head.headers[name] == got.headers[name] or path == "/readyz", name


def test_head_of_a_stream_opens_none(world: World, player: SdkPlayer, board: str) -> None:
    path = f"/sdk/v1/leaderboards/{board}/stream"
    with world.http.stream("GET", path, headers=player.headers()) as got:
        head = world.http.head(path, headers=player.headers())
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers.keys() | {"transfer-encoding"} == got.headers.keys() | {"transfer-encoding"}


def test_a_stream_to_http_1_0_is_plain(world: World, player: SdkPlayer, board: str) -> None:
    request = (
        b"GET /sdk/v1/leaderboards/" + board.encode() + b"/stream HTTP/1.0\r\n"
        b"Authorization: Bearer <s3 key>\r\nx-player-secret: <player secret>\r\n\r\n"
    )
    address = urlsplit(world.demo["base_url"])
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(filled(request, world, player))
        received = b""
        while b"\n\n" not in received:
            data = connection.recv(65_536)
            assert data, received
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body.startswith(b"id: ")
