"""Builds that a real host processes and runs: a small server of our own, and how they are uploaded."""

from __future__ import annotations

import io
import zipfile
from typing import Final

from tests import plain_http
from tests.outside.projects import Json, Project
from tests.outside.world import eventually
from tests.streams.fleet.host.world import PYTHON

HOSTED_REGION: Final = "eu-west"
"""Of the stack's own host."""
ECHO: Final = f"""#!{PYTHON}
import os, select, socket, sys, uuid
born = uuid.uuid4().hex
where = ("0.0.0.0", int(os.environ["QUESTLOG_PORT_GAME"]))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(where)
tcp = socket.socket()
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind(("0.0.0.0", int(os.environ["QUESTLOG_PORT_CONTROL"])))
tcp.listen()
print("mode", os.environ.get("MODE"), *sys.argv[1:], flush=True)
print("Warning: few players", file=sys.stderr, flush=True)
while True:
    for ready in select.select([udp, tcp], [], [])[0]:
        if ready is udp:
            said, player = udp.recvfrom(2000)
            udp.sendto(born.encode() + b" " + said, player)
        else:
            player, _ = tcp.accept()
            with player:
                player.sendall(born.encode() + b" " + player.recv(2000))
"""
PORTS: Final = [
    {"name": "game", "internal_port": 7777, "protocol": "udp"},
    {"name": "control", "internal_port": 7778, "protocol": "tcp"},
]


def echo_zip() -> bytes:
    """The build's archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("serve", ECHO)
    return packed.getvalue()


def upload_build(
    project: Project, name: str, content: bytes, executable: str, *, version: str = "v3"
) -> Json:
    """A build whose archive is uploaded. Nobody processes it yet, but by v2 of the API."""
    path = f"/{version}/builds/upload-url?name={name}&executable_path={executable}"
    made = project.ok("POST", path, status=201)
    assert plain_http.put(made["upload_url"], content=content, timeout=60).status_code == 201
    return made


def ready_build(project: Project, build_id: str) -> Json:
    """The build, once it is ready."""
    built = eventually(
        lambda: project.ok("GET", f"/v3/builds/{build_id}"),
        lambda one: one["status"] not in {"uploading", "processing"},
        within_s=120,
    )
    assert built["status"] == "ready", built
    return built


def running_server(project: Project, instance_id: str) -> Json:
    """The server, once players can connect."""
    server = eventually(
        lambda: project.ok("GET", f"/v3/servers/{instance_id}"),
        lambda one: one["status"] != "launching",
        within_s=120,
    )
    assert server["status"] == "running", server
    return server
