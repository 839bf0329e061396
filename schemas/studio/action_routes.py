"""What a signed-in page of the dashboard does with experiments, as routes."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.edge.parameters import Parameter, Text
from schemas.edge.ports import KeyKind
from schemas.edge.routes import Answer, Body, Route
from schemas.studio.commands import (
    ExperimentCommand,
    MakeExperimentDigest,
    PickExperimentWinner,
    ResumeExperiment,
    StartExperiment,
    StopExperiment,
)

BODY_BYTES_MAX: Final = 4096
ID: Final = Parameter(
    name="experimentId",
    place="path",
    kind=Text(1, 128),
    description="The experiment's id.",
    example="exp_tutorial_v2",
)
_KEY: Final = Parameter(
    name="Idempotency-Key",
    place="header",
    kind=Text(1, 255),
    description="The same key, the same change: what was asked and not answered can be asked again.",
)


class Nothing(msgspec.Struct, frozen=True):
    """No fields."""


class Winner(msgspec.Struct, frozen=True, rename="camel"):
    """Which variant won; null takes it back."""

    variant_key: str | None


class Changed(msgspec.Struct, frozen=True):
    """What changed, a line each; empty where it was so already."""

    changes: list[str]


def _action(
    verb: str, summary: str, command: type[ExperimentCommand], body: type[msgspec.Struct] = Nothing
) -> Route:
    return Route(
        name=f"experiment_{verb}",
        method="POST",
        template=f"/dashboard/actions/experiments/{{experimentId}}/{verb}",
        operation_id=f"dashboard_experiment_{verb}",
        tag="Dashboard",
        summary=summary,
        description="For the dashboard's own page: with the key that `POST /dashboard/data/playtests/key` "
        "gives it, and refused where the browser does not say that a page of this address asks.",
        keys=frozenset({KeyKind.PLAYTEST_OWNER}),
        parameters=(_KEY,),
        body=Body(kinds=(body,), bytes_max=BODY_BYTES_MAX, required=body is not Nothing),
        answers=(Answer(kind=Changed, description=Changed.__doc__ or ""),),
        errors=(404, 405, 409, 422),
        command=command,
    )


ACTIONS: Final = (
    _action("start", "Let a draft run", StartExperiment),
    _action("stop", "Stop a running experiment", StopExperiment),
    _action("resume", "Let a stopped experiment run again", ResumeExperiment),
    _action("winner", "Say which variant won", PickExperimentWinner, Winner),
    _action("digest", "Write a text about the comparison as it is now", MakeExperimentDigest),
)
