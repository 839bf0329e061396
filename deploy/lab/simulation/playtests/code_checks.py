"""Whether codes are valid, as games ask it: while everything changes, and of every code at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploy.lab.simulation.playtests.batch_model import BatchModel
    from deploy.lab.simulation.playtests.links import SimulatedLinks

GUESS: Final = "CODE-none"
"""No studio has it."""


class CodeCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a game was answered about a code."""

    game: tuple[str, str]
    """The asking studio, and its game."""
    code: str
    valid: bool
    given: bool
    """A redemption had been answered with it before it was asked about."""


def checks_that_lie(checks: Sequence[CodeCheck], model: BatchModel) -> Iterator[str]:
    """Codes that were valid and never the game's; those given to testers, not revoked and yet not valid."""
    for check in checks:
        held = model.held(check.game[0], check.code)
        own = held is not None and held[0][:2] == check.game
        if check.valid and not own:
            yield f"{check.code} was valid for {check.game}, which never had it"
        if check.given and not check.valid and held is not None and held[2].status != "revoked":
            yield f"{check.code} was not valid for {check.game}, although it had been given"


async def codes_that_differ(links: SimulatedLinks, model: BatchModel, at_ms: int) -> list[str]:
    """Answers at rest that the model does not give, about every code of every studio, and a guess."""
    codes = sorted({code for _, code in model.codes} | {GUESS})
    found = []
    for studio_id, game_id in sorted({place[:2] for place in model.batches}):
        for code in codes:
            told = await links.is_valid(studio_id, game_id, code)
            if told != is_valid(model, (studio_id, game_id), code, at_ms):
                found.append(f"{code} is told as {'' if told else 'not '}valid for {game_id}")
    return found


def is_valid(model: BatchModel, game: tuple[str, str], code: str, at_ms: int) -> bool:
    """By the contract: it is the game's, not revoked, and redeemed or still to be had."""
    held = model.held(game[0], code)
    if held is None or held[0][:2] != game:
        return False
    _, batch, key = held
    return key.status == "redeemed" or (key.status != "revoked" and batch.is_open(at_ms))
