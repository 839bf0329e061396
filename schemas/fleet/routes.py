"""All routes of S5: v3, which is documented, and v2, which old SDKs call; and how a path finds its own.

v2 is v3 under another root, with a PUT of its own and one path that the SDKs spell twice; it takes trailing
slashes. Source: the S5 reference and contract/fleet.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from schemas.edge.routes import Body, Found, Route, RouteTable
from schemas.fleet import bodies
from schemas.fleet import responses as shapes
from schemas.fleet.access import SERVER
from schemas.fleet.limits import BODY_BYTES_MAX
from schemas.fleet.read_routes import HEALTH, V3_READS
from schemas.fleet.route_parts import ROOT, read
from schemas.fleet.write_routes import UPDATE_SERVER, UPLOAD_URL, V3_WRITES

V2: Final = "/api/v2"
_V2_NAME: Final = "_v2"


def _v2(routes: Iterable[Route]) -> tuple[Route, ...]:
    return tuple(
        replace(route, name=route.name + _V2_NAME, template=V2 + route.template.removeprefix(ROOT))
        for route in routes
    )


V2_PROJECT: Final = read(
    "project_v2",
    f"{V2}/project",
    "Projects",
    "Read the key's project",
    shapes.Project,
    keys=SERVER,
    example={"project_id": "game_5f1c0d9a3b7e"},
)
V2_STATUS: Final = replace(
    _v2((UPDATE_SERVER,))[0],
    name="put_status_v2",
    method="PUT",
    body=Body(
        kinds=(bodies.StatusBody,),
        bytes_max=BODY_BYTES_MAX,
        required=False,
        examples={"map": {"custom_data": {"map": "arena_02"}}},
    ),
    description="`X-Server-Status: stopped` stops the server, else custom data in the body replaces what it "
    "had. With `running` a server that starts is ready by its own word, whether its ports are bound or not.",
)
V2_UPLOAD: Final = replace(
    _v2((UPLOAD_URL,))[0], name="upload_url_alias", template=f"{V2}/builds/builds/upload-url"
)
_SLASH: Final = "/"


def with_slashes(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes, and of v2's the paths that end in a slash."""
    listed = tuple(routes)
    old = (route for route in listed if route.template.startswith(V2))
    return (*listed, *(replace(route, template=route.template + _SLASH) for route in old))


READS: Final = (HEALTH, *V3_READS, *_v2(V3_READS), V2_PROJECT)
WRITES: Final = (*V3_WRITES, *_v2(V3_WRITES), V2_UPLOAD)
"""One for each path and method but `V2_STATUS`, which shares its path with a POST."""
DOCUMENTED: Final = (HEALTH, *V3_READS, *V3_WRITES)
V2_DOCUMENTED: Final = (*_v2(V3_READS), V2_PROJECT, *_v2(V3_WRITES), V2_STATUS, V2_UPLOAD)
_WRITING: Final = frozenset({"POST", "PUT", "DELETE"})
_tables: Final = {
    method: RouteTable(route for route in (*READS, *WRITES, V2_STATUS) if route.method == method)
    for method in ("GET", "POST", "PUT", "DELETE")
}


def operation(route: Route) -> str:
    """What a write's idempotency key is bound to: the same in both versions. NOTE: stored."""
    return UPLOAD_URL.name if route is V2_UPLOAD else route.name.removesuffix(_V2_NAME)


def find_read(scope: Mapping[str, Any]) -> Found | None:
    """The read of a path, whatever the method; None for a path that is none."""
    return _found(scope).get("GET")


def find_write(scope: Mapping[str, Any], method: str) -> Found | None:
    """The write of a path and a method; None where there is none."""
    return _found(scope).get(method) if method in _WRITING else None


def is_written(scope: Mapping[str, Any]) -> bool:
    """Whether a path takes a method beside GET and HEAD."""
    return not _found(scope).keys() <= {"GET"}


def allowed(scope: Mapping[str, Any]) -> str:
    """The methods that a path takes, as `Allow` lists them; empty for a path that is none of S5's."""
    return ", ".join("GET, HEAD" if method == "GET" else method for method in _found(scope))


def _found(scope: Mapping[str, Any]) -> dict[str, Found]:
    """The routes of a path by method. Fixed segments win over names: `start` is no server's id."""
    normal = _normal(scope)
    found = {method: one for method, table in _tables.items() if (one := table.find(normal)) is not None}
    fewest = min((len(one.names) for one in found.values()), default=0)
    return {method: one for method, one in found.items() if len(one.names) == fewest}


def _normal(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """v2's paths may end in a slash."""
    path: str = scope["path"]
    if not path.startswith(f"{V2}/") or not path.endswith(_SLASH):
        return scope
    raw: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
    return {**scope, "path": path.removesuffix(_SLASH), "raw_path": raw.removesuffix(_SLASH.encode())}
