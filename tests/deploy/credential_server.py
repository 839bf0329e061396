"""A local stand-in for what gives a role's credentials: a container's agent, the instance's metadata.

Hands out the key of the S3 server in `tests.s3_server`, in the formats of AWS's documentation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.s3_server import KEY, SECRET

ROLE: str = "arn:aws:iam::123456789012:role/questlog"
AGENT: str = "a-container-token"
SESSION: str = "a-session-token"


class Credentials:
    """The server's address, how long what it hands out is valid, and how often it gave any."""

    def __init__(self) -> None:
        self.address = ""
        self.valid = timedelta(hours=1)
        self.asked = 0
        self.requests = 0

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count every request."""
        self.requests += 1
        return await handler(request)

    def _expires(self) -> str:
        self.asked += 1
        return (datetime.now(UTC) + self.valid).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def agent(self, request: web.Request) -> web.Response:
        """A container's credentials."""
        if request.headers.get("Authorization") != AGENT:
            return web.Response(status=401)
        return web.json_response(self._found())

    async def token(self, _: web.Request) -> web.Response:
        """The instance's metadata service, version 2: the session's token."""
        return web.Response(text=SESSION)

    async def roles(self, request: web.Request) -> web.Response:
        """The name of the instance's role."""
        return _with_token(request) or web.Response(text="questlog")

    async def instance(self, request: web.Request) -> web.Response:
        """That role's credentials."""
        return _with_token(request) or web.json_response({"Code": "Success", **self._found()})

    def _found(self) -> dict[str, str]:
        return {
            "AccessKeyId": KEY,
            "SecretAccessKey": SECRET,
            "Token": SESSION,
            "Expiration": self._expires(),
            "RoleArn": ROLE,
        }


def _with_token(request: web.Request) -> web.Response | None:
    given = request.headers.get("X-aws-ec2-metadata-token")
    return None if given == SESSION else web.Response(status=401)


@asynccontextmanager
async def credential_server() -> AsyncIterator[Credentials]:
    """Serves both on a free port of this machine."""
    found = Credentials()
    app = web.Application(middlewares=[found.count])
    app.router.add_get("/agent", found.agent)
    app.router.add_put("/latest/api/token", found.token)
    app.router.add_get("/latest/meta-data/iam/security-credentials/", found.roles)
    app.router.add_get("/latest/meta-data/iam/security-credentials/questlog", found.instance)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()
