"""TLS of all our clients: of Kafka, Redis, ClickHouse, Kubernetes, webhooks' receivers and AI providers."""

from __future__ import annotations

import ssl
from functools import cache


def client_tls(ca_file: str | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later, with certificates and names checked, by this authority or the system's.

    Python leaves the lowest version to the system where a distribution has built it so, as Debian does.
    Raises OSError and ssl.SSLError where the file cannot be read or holds no PEM certificates.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@cache
def system_tls() -> ssl.SSLContext:
    """The same by the system's authorities, made once: reading them takes some 20 ms. Do not change it."""
    return client_tls()
