"""Clients that ask over plain HTTP. They trust no certificate authority, so that https is refused.

httpx reads the system's authorities for each client it makes, and makes one for each `httpx.get`: 35 ms of
CPU, where a client itself takes 0.1.
"""

from __future__ import annotations

import ssl
from functools import partial
from typing import Final

import httpx

NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client: Final = partial(httpx.Client, verify=NO_AUTHORITIES)
async_client: Final = partial(httpx.AsyncClient, verify=NO_AUTHORITIES)
get: Final = partial(httpx.get, verify=NO_AUTHORITIES)
post: Final = partial(httpx.post, verify=NO_AUTHORITIES)
put: Final = partial(httpx.put, verify=NO_AUTHORITIES)
request: Final = partial(httpx.request, verify=NO_AUTHORITIES)
stream: Final = partial(httpx.stream, verify=NO_AUTHORITIES)
