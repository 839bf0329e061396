"""The last good summaries that models wrote of builds and testers, as they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from api.telemetry.answers import Summary
from schemas.studio.ai_outputs import Narrative
from schemas.studio.ai_requests import summary_subject, text_key

if TYPE_CHECKING:
    from api.telemetry.ai_ports import Ai
    from schemas.edge.ports import Game

ENVIRONMENT: Final = "production"
"""Where none is asked for."""


async def ai_summary(
    ai: Ai, game: Game, kind: Literal["build-summary", "tester-summary"], environment: str | None, of: str
) -> Summary | None:
    """The summary of a build or a device in an environment; None until one was made."""
    key = text_key(kind, game.id, summary_subject(environment or ENVIRONMENT, of))
    (text,) = await ai.texts(game.studio_id, [key])
    if text is None:
        return None
    return Summary(
        narrative=msgspec.json.decode(text.output, type=Narrative).narrative,
        generated_at=text.generated_at_ms,
        model_id=text.model_id,
        based_on_sessions=text.based_on_sessions,
    )
