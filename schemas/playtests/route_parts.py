"""What S2's route records are made of: paths, parameters, and what all reads and all writes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from schemas.codec import Message as CommandMessage
from schemas.edge.idempotency import KEY_ANSWERED, key_parameter
from schemas.edge.parameters import Choice, Integer, Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route, requires
from schemas.playtests import bodies
from schemas.playtests import envelopes as shapes
from schemas.playtests.access import OWNER
from schemas.playtests.examples import CURSOR, example_of
from schemas.playtests.pages import CURSOR_CHARACTERS_MAX, CURSOR_PATTERN, LIMIT_DEFAULT, LIMIT_MAX
from schemas.playtests.states import APPLICATION_STATUSES
from schemas.playtests.validation import Fields
from schemas.playtests.views import SlotStatus

ROOT: Final = "/api/v1/playtests"
BILLING: Final = "/api/v1/billing"
GAME: Final = "/api/v1/games/{gameId}/playtests"
ORDER: Final = f"{ROOT}/{{playtestId}}"
SLOT: Final = f"{ROOT}/slots/{{slotId}}"
ME: Final = f"{ROOT}/me"
APPLICATION: Final = "playtest-applications/{applicationId}"
_ALIAS: Final = "_alias"
_OTHER_KEY: Final = 403
_INVALID: Final = 422

_CURSOR: Final = Parameter(
    name="cursor",
    kind=Text(1, CURSOR_CHARACTERS_MAX, CURSOR_PATTERN),
    description="`meta.cursor` of the page before.",
    example=CURSOR,
)
_LIMIT: Final = Parameter(
    name="limit",
    kind=Integer(1, clamp=LIMIT_MAX),
    description=f"How many rows are answered at most; above {LIMIT_MAX} it is {LIMIT_MAX}.",
    default=LIMIT_DEFAULT,
)
PAGE: Final = (_LIMIT, _CURSOR)
STATUS: Final = Parameter(
    name="status", kind=Choice(get_args(SlotStatus)), description="Of the slots.", default="submitted"
)
POOL: Final = (
    Parameter(name="status", kind=Choice(APPLICATION_STATUSES), description="Of the applications."),
    Parameter(
        name="limit",
        kind=Integer(1, clamp=LIMIT_MAX),
        description="How many are answered at most; the whole pool without `status`, `limit`, `cursor`.",
        example=20,
    ),
    _CURSOR,
)
_KEY: Final = key_parameter(
    "Printable ASCII. A retry with it gets the first `data`. Where there is none, one is made."
)


def read(
    name: str,
    template: str,
    tag: str,
    summary: str,
    data: Any,
    *,
    keys: frozenset[KeyKind] = OWNER,
    parameters: tuple[Parameter, ...] = (),
    errors: tuple[int, ...] = (),
    description: str = "",
) -> Route:
    """A read that answers `data`, a page of a list where it takes a cursor."""
    paged = _CURSOR in parameters
    kind = shapes.Listed[data] if paged else shapes.Answered[data]
    return Route(
        name=name,
        method="GET",
        template=template,
        tag=tag,
        summary=summary,
        description=description,
        keys=keys,
        parameters=parameters,
        answers=(Answer(kind=kind, description=data.__doc__, example=example_of(data, paged=paged)),),
        errors=(_OTHER_KEY, *((_INVALID,) if parameters else ()), *errors),
    )


def write(
    name: str,
    template: str,
    tag: str,
    summary: str,
    data: Any,
    *,
    body: type[Fields] = bodies.NoFields,
    command: type[CommandMessage] | None,
    method: str = "POST",
    keys: frozenset[KeyKind] = OWNER,
    status: int = 200,
    errors: tuple[int, ...] = (404, 409),
    examples: Mapping[str, Any] | None = None,
    description: str = "",
) -> Route:
    """A write that answers `data`. Without keys it is the operator's or the provider's."""
    return Route(
        name=name,
        method="PATCH" if method == "PATCH" else "POST",
        template=template,
        tag=tag,
        summary=summary,
        description=description,
        keys=keys,
        parameters=(_KEY,),
        body=Body(
            kinds=(body,),
            bytes_max=bodies.BODY_BYTES_MAX,
            required=requires(body),
            examples=examples or {},
        ),
        command=command,
        answers=(
            Answer(
                status=status,
                kind=shapes.Answered[data],
                description=data.__doc__,
                example=example_of(data, paged=False),
                headers=KEY_ANSWERED,
            ),
        ),
        errors=(*((_OTHER_KEY,) if keys else (401, 429)), _INVALID, *errors),
    )


def both(route: Route) -> tuple[Route, Route]:
    """A route of applications under its documented path, and under that which the product's SDKs call."""
    return route, _renamed(route, route.name + _ALIAS, route.template.replace(f"{ROOT}/", "/api/v1/"))


def _renamed(route: Route, name: str, template: str) -> Route:
    fields = {field: getattr(route, field) for field in Route.__struct_fields__}
    return Route(**{**fields, "name": name, "template": template})


def operation(route: Route) -> str:
    """What a write's idempotency key is bound to: the same under both paths. NOTE: stored."""
    return route.name.removesuffix(_ALIAS)


PLAYTESTS: Final = "Playtests"
SLOTS: Final = "Slots"
APPLICATIONS: Final = "Applications"
TESTER: Final = "Playtesters"
MONEY: Final = "Billing"
OPERATOR: Final = "Operator"
