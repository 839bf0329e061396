"""An answer in ClickHouse's protocol: status by error code, headers, pieces, failures after the first one."""

from __future__ import annotations

import json
import secrets
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final

from deploy.stack.clickhouse_blocks import Lz4Blocks
from deploy.stack.clickhouse_codec import Compressor, choose, compressor
from deploy.stack.clickhouse_execution import Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping

    from deploy.stack.clickhouse_execution import EngineError

    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PIECE_BYTES: Final = 1 << 20
HELD_BYTES_MAX: Final = 16 << 20
"""A held result goes to a temporary file beyond this."""
SERVER: Final = "questlog-chdb"
TIMEZONE: Final = "UTC"
_STATUS: Final[dict[int, int]] = {
    **dict.fromkeys((6, 26, 27, 33, 38, 41, 43, 53, 62, 69, 70, 72, 117, 130, 131, 271, 321, 457, 1000), 400),
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, 497, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152), 404),
    159: 408,
    381: 411,
    223: 413,
    48: 501,
    **dict.fromkeys((76, 209, 439), 503),
}


class Held:
    """A result that is sent only once its statement has ended (`wait_end_of_query=1`)."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=HELD_BYTES_MAX)  # noqa: SIM115 - `close` closes it
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Hold a piece."""
        self._size += self._file.write(piece)

    def pieces(self) -> Iterator[tuple[bytes, bool]]:
        """All that was held, in pieces, and of each whether it is the last one. There is one at least."""
        self._file.seek(0)
        for begin in range(0, self._size or 1, PIECE_BYTES):
            yield self._file.read(PIECE_BYTES), begin + PIECE_BYTES >= self._size

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


class Response:
    """Status and headers are sent with the first piece, so that an early failure still has its status."""

    def __init__(self, send: Send, accept: str) -> None:
        self._send = send
        self.accept = accept
        self.query_id = ""
        self.format = "TabSeparated"
        self.status = 0
        self.blocks = False
        """Whether the result goes in ClickHouse's own compressed blocks. Failures before it don't."""
        self.counts = True
        """Whether the summary says how much was read and written."""
        self._tag = secrets.token_hex(8)
        self._compressor: Compressor | None = None

    async def piece(self, data: bytes, progress: Progress, *, last: bool) -> None:
        """Send a piece of the result; the first one sends the headers too."""
        if not self.status:
            encoding = "" if self.blocks else choose(self.accept)
            extra = [
                (b"x-clickhouse-format", self.format.encode()),
                (b"x-clickhouse-summary", _summary(progress if self.counts else Progress())),
            ]
            if self.blocks:
                self._compressor = Lz4Blocks()
            elif encoding:
                self._compressor = compressor(encoding)
                extra.append((b"content-encoding", encoding.encode()))
            if not last:
                extra.append((b"x-clickhouse-exception-tag", self._tag.encode()))
            elif self._compressor is None:
                extra.append((b"content-length", str(len(data)).encode()))
            await self._start(200, extra, _content_type(self.format))
        if self._compressor is not None:
            data = self._compressor.compress(data) + (self._compressor.finish() if last else b"")
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def fail(self, error: EngineError) -> None:
        """Say what failed: by status where nothing was sent, else by a tagged block that ends the body."""
        text = error.message.encode()
        if not self.status:
            code = str(error.code).encode()
            extra = [(b"x-clickhouse-exception-code", code), (b"content-length", str(len(text) + 1).encode())]
            await self._start(_STATUS.get(error.code, 500), extra, b"text/plain; charset=UTF-8")
            await self._send({"type": "http.response.body", "body": text + b"\n"})
            return
        tag = self._tag.encode()
        block = b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (tag, text, len(text) + 1, tag)
        if self._compressor is not None:
            block = self._compressor.compress(block) + self._compressor.finish()
        await self._send({"type": "http.response.body", "body": block})

    async def _start(self, status: int, extra: list[tuple[bytes, bytes]], content_type: bytes) -> None:
        self.status = status
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", content_type),
                    (b"x-clickhouse-query-id", self.query_id.encode()),
                    (b"x-clickhouse-server-display-name", SERVER.encode()),
                    (b"x-clickhouse-timezone", TIMEZONE.encode()),
                    *extra,
                ],
            }
        )


def _summary(progress: Progress) -> bytes:
    names = ("read_rows", "read_bytes", "written_rows", "written_bytes")
    return json.dumps({name: str(getattr(progress, name)) for name in names}).encode()


def _content_type(name: str) -> bytes:
    if name.startswith("JSON") and "EachRow" not in name:
        return b"application/json; charset=UTF-8"
    if name.startswith(("TabSeparated", "TSV")):
        return b"text/tab-separated-values; charset=UTF-8"
    return b"application/octet-stream"
