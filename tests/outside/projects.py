"""S5's callers: a project's keys."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from tests import plain_http
from tests.outside.world import World

Json = dict[str, Any]
REGION = "sea"
"""Of the hosts that tests make."""


def upload(url: str) -> None:
    """Put something at an upload's address."""
    assert plain_http.put(url, content=b"PK").status_code == 201


class Project:
    """Calls with one key of a project."""

    def __init__(self, world: World, key: str) -> None:
        self.world = world
        self.key = key

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask below /api; a write over its rate is asked again when it may be."""
        sent = {"api-key": self.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        while True:
            response = self.world.http.request(method, f"/api{path}", content=content, headers=sent)
            if response.status_code != 429:
                return response
            time.sleep(int(response.headers["retry-after"]))

    def ok(self, method: str, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Json:
        """The body of an answer that succeeds."""
        response = self.call(method, path, body, **headers)
        assert response.status_code == status, response.text
        found: Json = response.json()
        return found

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a refusal."""
        response = self.call(method, path, body, **headers)
        found = response.json()
        assert found["status"] == response.status_code
        assert found["code"]
        assert found["detail"] == found["error"] or response.status_code in {422, 429}
        return response.status_code, found["code"]

    def live(self) -> list[Json]:
        """The servers of the tests' region that are not stopped, its pool's too."""
        found: list[Json] = self.ok(
            "GET", f"/v3/servers?include_launching=true&include_pool=true&region={REGION}"
        )["servers"]
        return found

    def start(self, **fields: Any) -> Json:
        """A server that was started."""
        body = {"name": "lobby", "region": REGION, "compute_size": "micro", "version_tag": "s5", **fields}
        return self.ok("POST", "/v3/servers/start", body, status=201)

    def build(self, name: str) -> Json:
        """A build whose ZIP is uploaded and being processed."""
        made = self.ok("POST", f"/v3/builds/upload-url?name={name}&executable_path=server", status=201)
        upload(made["upload_url"])
        path = f"/v3/builds/{made['build_id']}/process"
        assert self.ok("POST", f"{path}?name={name}", status=202)["status"] == "processing"
        assert self.ok("POST", path, status=202)["build_id"] == made["build_id"]
        return made
