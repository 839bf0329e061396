"""The HTTP processes. An edge process hosts gateway and api on one port, chosen by method and path.

`python -m deploy.edge`, or `questlog edge|gateway|api`. Any number of them share a port (SO_REUSEPORT).
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import Any, Final, Literal

import uvicorn

from deploy import logging, settings
from deploy.admin import name_process, serve_admin
from deploy.connections import Addresses, ProxiedAddresses
from deploy.edge_app import EdgeApp
from deploy.edge_protocol import edge_protocol
from deploy.memory import tune_memory
from deploy.settings import Settings
from schemas.edge.proxy import TrustedProxies
from streams.runtime import certificates

Kind = Literal["edge", "gateway", "api"]
KEEP_ALIVE_SECONDS: Final = 75
GRACE_SECONDS: Final = 10
BACKLOG: Final = 4096
SWITCH_SECONDS: Final = 0.0005
"""How long a thread that decodes a large body keeps Python's lock from the event loop. With Python's own 5 ms
each turn of the loop took 5.2 ms longer beside such a thread, with this one 0.5 ms."""


def run(kind: Kind, configured: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight (at most 10 s)."""
    logging.configure(f"{kind}-{configured.instance}", configured.log_level)
    app = EdgeApp(kind, configured)
    name_process(kind)
    certificates.warn_daily()
    serve_admin(configured.admin_host, configured.admin_port, app.health)
    addresses = Addresses(configured.connections_per_address, TrustedProxies(configured.trusted_proxies))
    server = uvicorn.Server(
        uvicorn.Config(
            ProxiedAddresses(app, addresses) if configured.trusted_proxies else app,
            loop="uvloop",
            http=edge_protocol(addresses),
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            backlog=BACKLOG,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # schemas/edge/proxy decides whose headers are believed
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    tune_memory()
    sys.setswitchinterval(SWITCH_SECONDS)
    server.run(sockets=[_listen(configured.host, configured.port)])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    return listening


def main(arguments: list[str]) -> Any:
    """Run the kind that is named, an edge process by default."""
    kinds: dict[str, Kind] = {"edge": "edge", "gateway": "gateway", "api": "api"}
    try:
        run(kinds[arguments[0] if arguments else "edge"], settings.from_environment())
    except Exception:  # noqa: BLE001 - it is logged whole; the supervisor tries again
        logging.exception("the process could not start")
        with contextlib.suppress(OSError):  # a log on a full disk
            sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
