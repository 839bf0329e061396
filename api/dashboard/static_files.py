"""The page's own files, and the chart library's, served from memory with an ETag."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from fastapi import Request, Response

from api.dashboard.security import HEADERS

STATIC: Final = Path(__file__).parent / "static"
VENDOR_FILES: Final = ("uPlot.esm.js", "uPlot.min.css")
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}


class StaticFiles:
    """Reads `static/` once. Vendor files come from the folder that `deploy.assets` fills, once it has."""

    def __init__(self, vendor: Path | None) -> None:
        self._vendor = vendor
        self._files = {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in sorted(STATIC.rglob("*"))
            if path.suffix in _TYPES
        }

    def text(self, name: str) -> str:
        """A page or template by its path under `static/`."""
        return self._files[name].decode()

    def answer(self, request: Request, name: str) -> Response:
        """The file, 304 where the client has it already, or 404."""
        body = self._body(name)
        if body is None or name.endswith(".html"):
            return Response(status_code=404, headers=HEADERS)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**HEADERS, "ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=_TYPES[Path(name).suffix], headers=headers)

    def _body(self, name: str) -> bytes | None:
        folder, _, vendor_file = name.partition("/")
        if folder != "vendor":
            return self._files.get(name)
        if self._vendor is None or vendor_file not in VENDOR_FILES:
            return None
        if name not in self._files:
            try:
                self._files[name] = (self._vendor / vendor_file).read_bytes()
            except OSError:
                return None
        return self._files[name]
