"""The import law of the rooms, read from the source: who may import whom, and who may touch what."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOMS: Final = ("schemas", "streams", "projections", "api", "deploy", "tests")
MAY_IMPORT: Final[dict[str, frozenset[str]]] = {
    "schemas": frozenset(),
    "streams": frozenset({"schemas"}),
    "projections": frozenset({"schemas"}),
    "api": frozenset({"schemas", "projections"}),
    "deploy": frozenset({"schemas", "streams", "projections", "api"}),
    "tests": frozenset({"schemas", "streams", "projections", "api", "deploy"}),
}
ONLY_IN: Final[dict[str, tuple[str, ...]]] = {
    "faust": ("streams/runtime/", "deploy/roles/", "tests/"),
    "mode": ("streams/runtime/", "tests/"),
    "chdb": ("deploy/stack/", "tests/"),
    "fastapi": ("api/", "tests/"),
    "vizdoom": ("deploy/lab/demo/", "tests/"),
}
"""Libraries that one place alone may know. Roles name Faust's App as a type."""
LAB: Final = "deploy.lab"
MAY_NAME_LAB: Final = ("deploy/lab/", "deploy/cli/up.py")
"""`up` imports it for a demo alone, once it knows that it is installed."""
KAFKA_CLIENTS: Final = (
    "KafkaTail",
    "KafkaAppender",
    "AIOKafka",
    "create_application",
    "ensure_topics",
    "follow",
)
"""What makes a client of Kafka, or is one."""
HTTP_CLIENTS: Final = frozenset(
    {
        *("Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport"),
        *("delete", "get", "head", "options", "patch", "post", "put", "request", "stream"),
    }
)
"""What of httpx makes a client."""
READS_ENVIRONMENT: Final = ("deploy/", "tests/")


def violations(root: Path) -> list[str]:
    """Every breach below `root`, as `file:line: what`, and every circle of modules."""
    found = circles(imports_of(root))
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            for line, what in _breaches(room, name, ast.parse(path.read_text(encoding="utf-8"))):
                found.append(f"{name}:{line}: {what}")
    return found


def imports_of(root: Path) -> dict[str, set[str]]:
    """The modules of the product and which of them each imports, for type checking too."""
    files = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for room in ROOMS[:-1]
        for path in (root / room).rglob("*.py")
    }
    found = {}
    for module, path in files.items():
        imported = {
            name if name in files else name.rpartition(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            for name in _imported(node)
        }
        found[module] = (imported & files.keys()) - {module}
    return found


def circles(imports: dict[str, set[str]]) -> list[str]:
    """A line for each set of modules that import each other, whichever way round."""
    found = []
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        found.append(f"a circle: {' -> '.join(circle)}")
        rest = {name: targets - set(circle) for name, targets in imports.items() if name not in circle}
        found += circles(rest)
    return found


def _breaches(room: str, name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for module in _imported(node):
            top = module.split(".")[0]
            if top in ROOMS and top != room and top not in MAY_IMPORT[room]:
                yield _line(node), f"{room} may not import {module}"
            if top == "projections" and room == "api" and not _is_query(module):
                yield _line(node), f"api may import queries of projections only, not {module}"
            if module.startswith(LAB) and room == "deploy" and not name.startswith(MAY_NAME_LAB):
                yield _line(node), "production does not install deploy.lab"
            if top in ONLY_IN and not name.startswith(ONLY_IN[top]):
                yield _line(node), f"{top} is imported in {' and '.join(ONLY_IN[top])} only"
        if room == "deploy" and name != "deploy/brokers.py" and _is_plain_kafka(node):
            yield _line(node), "clients of Kafka are made from deploy.brokers"
        if room == "tests" and _reads_authorities(node):
            yield _line(node), "tests make clients of HTTP by tests.plain_http"
        if _touches_environment(node) and not name.startswith(READS_ENVIRONMENT):
            yield _line(node), "only deploy reads the environment"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _is_query(module: str) -> bool:
    return ".queries" in module


def _touches_environment(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv", "environb"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    )


def _is_plain_kafka(node: ast.AST) -> bool:
    """A client that gets the servers alone, without what is needed to log in there."""
    if not isinstance(node, ast.Call):
        return False
    given = [
        *node.args,
        *(word.value for word in node.keywords if word.arg in {"bootstrap", "bootstrap_servers"}),
    ]
    is_client = ast.unparse(node.func).startswith(KAFKA_CLIENTS) or (
        ast.unparse(node.func) == "partial" and ast.unparse(node.args[0]) in KAFKA_CLIENTS
    )
    return is_client and any(isinstance(one, ast.Attribute) and one.attr == "kafka" for one in given)


def _reads_authorities(node: ast.AST) -> bool:
    """A client that reads the system's certificate authorities as it is made."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"httpx", "httpx2"}
        and node.func.attr in HTTP_CLIENTS
        and not {"verify", "transport"} & {word.arg for word in node.keywords}
    )


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))
