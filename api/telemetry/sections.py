"""S1's reads as sections: a noun lists its routes and makes their handlers; the gate is the same for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fastapi import APIRouter, Request, Response

from api.telemetry import errors
from schemas.edge import zod_query
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Route, bind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from api.telemetry.access import Gate
    from projections.telemetry.queries.cache import Served
    from schemas.edge.parameters import Parameter
    from schemas.telemetry.access import Caller

Handler: TypeAlias = "Callable[[Request, Caller, dict[str, Any]], Awaitable[Response]]"


class Section(Protocol):
    """S1's reads of one noun."""

    @property
    def routes(self) -> Sequence[Route]:
        """GETs under /api/v1, each with a name of its own in all of S1."""
        ...

    def handlers(self, gate: Gate) -> Mapping[str, Handler]:
        """By the names of the routes. Each takes an accepted caller and validated parameters."""
        ...

    async def close(self) -> None:
        """End what is open, before the loop ends."""
        ...


def router_of(gate: Gate, routes: Sequence[Route], handlers: Mapping[str, Handler]) -> APIRouter:
    """Routes that let in, then validate (400), then handle. Raises ValueError where names differ."""
    router = APIRouter(include_in_schema=False)
    for route, handler in bind(routes, handlers).items():
        endpoint = _endpoint(gate, handler, route.parameters)
        router.add_api_route(route.template, endpoint, methods=[route.method], name=route.name)
    return router


def read_route(
    name: str,
    path: str,
    description: str,
    answer: type[Any],
    example: Any,
    *,
    accepted: tuple[Parameter, ...] = (),
    errors: tuple[int, ...] = (403, 404),
) -> Route:
    """The record of one read; `path` is below /api/v1."""
    return Route(
        name=name,
        method="GET",
        template=f"/api/v1{path}",
        operation_id=f"read_{name}",
        summary=description.partition(".")[0],
        description=description,
        tag="S1 Management API: reads",
        keys=frozenset({KeyKind.MANAGEMENT}),
        parameters=accepted,
        answers=(Answer(kind=answer, description=answer.__doc__ or "", example=example),),
        errors=errors,
    )


def cached(body: bytes, served: Served[Any]) -> Response:
    """An answer from a cache, which says how old it is."""
    headers = {"X-Data-Age-Ms": str(round(served.age * 1000)), "X-Cache": served.state}
    return Response(body, media_type="application/json", headers=headers)


def _endpoint(
    gate: Gate, handler: Handler, accepted: Sequence[Parameter]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        caller = await gate.enter(request)
        try:
            values = zod_query.read(accepted, request.query_params)
        except zod_query.Invalid as invalid:
            raise errors.invalid(invalid.issues) from invalid
        return await handler(request, caller, values)

    return endpoint
