"""No weak hash, generator or version of TLS is where security rests on it."""

from __future__ import annotations

import ast
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.brokers import brokers_of
from deploy.settings import from_environment
from projections.redis.client import RedisTls

ROOT: Final = Path(__file__).parents[2]
PRODUCTION: Final = [
    path
    for room in ("schemas", "streams", "projections", "api", "deploy")
    for path in (ROOT / room).rglob("*.py")
    if "lab" not in path.parts
]
CHOOSES_PORTS: Final = "deploy/stack/ports.py"


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def test_weak_hashes_serve_no_security() -> None:
    """SHA-1 names scripts and makes UUIDs of version 5, and says so; MD5 is nowhere."""
    found = [
        (path, name, call) for path in PRODUCTION for name, call in calls(path) if name in {"md5", "sha1"}
    ]
    assert {name for _, name, _ in found} <= {"sha1"}
    for path, _, call in found:
        said = {word.arg: word.value for word in call.keywords}
        value = said.get("usedforsecurity")
        assert isinstance(value, ast.Constant), path
        assert value.value is False, path


def test_no_secret_comes_of_a_weak_generator() -> None:
    """The module `random` chooses ports of tests and of `up`, and nothing else."""
    importing = {
        str(path.relative_to(ROOT))
        for path in PRODUCTION
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(one.name == "random" for one in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "random")
    }
    assert importing <= {CHOOSES_PORTS}


def test_tls_clients_take_nothing_below_1_2() -> None:
    """Also with a Python that leaves the lowest version to the system's policy, as Debian's does."""
    elsewhere = [
        path
        for path in PRODUCTION
        if "create_default_context" in path.read_text(encoding="utf-8") and path.name != "tls.py"
    ]
    assert elsewhere == []
    assert RedisTls().options()["ssl_min_version"] is ssl.TLSVersion.TLSv1_2
    tls = brokers_of(from_environment({"QUESTLOG_KAFKA_SECURITY_PROTOCOL": "SSL"})).tls
    assert tls is not None
    assert tls.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert not {one["name"] for one in tls.get_ciphers() if "RC4" in one["name"] or "3DES" in one["name"]}
    unverified = [
        path
        for path in PRODUCTION
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "_create_unverified_context"}
    ]
    assert unverified == []
