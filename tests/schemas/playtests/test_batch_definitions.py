"""The `batches` section of a game, from the file to what an effect carries."""

from __future__ import annotations

import pytest

from schemas.edge.ports import Game
from schemas.playtests.batch_views import BatchDefinition
from schemas.playtests.definitions import batch_definitions
from schemas.studio.definitions import load_definitions
from schemas.studio.yaml_source import DefinitionInvalid
from tests.streams.deciders.given import Studios

PRESS = (
    "{id: ptb_press, name: Press, distributionTarget: steam, fulfillmentSource: studio-uploaded, "
    "redemptionMode: invite, identityMode: handle+email, expiresAt: 2026-07-14T00:00:00Z, "
    'instructions: "# Hi"}'
)


def file(*batches: str) -> str:
    return (
        f"studio: {{slug: x, name: X}}\ngames: [{{slug: doom, name: Doom, batches: [{', '.join(batches)}]}}]"
    )


def test_the_contracts_example() -> None:
    (declared,) = load_definitions(file(PRESS)).games
    game = Game(
        id="game_1",
        studio_id="s",
        slug="doom",
        name="Doom",
        created_at_ms=0,
        limits=declared.settings.limits,
        definition=declared.settings.definition,
    )
    assert batch_definitions(game) == [
        BatchDefinition(
            id="ptb_press",
            name="Press",
            distribution_target="steam",
            fulfillment_source="studio-uploaded",
            redemption_mode="invite",
            identity_mode="handle+email",
            expires_at_ms=1_783_987_200_000,
            instructions="# Hi",
        )
    ]


def test_a_game_without_batches_is_as_before_there_were_any() -> None:
    (declared,) = load_definitions(file()).games
    assert "batches" not in declared.settings.definition


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        (PRESS.replace("ptb_press", "press"), "id"),
        (PRESS.replace("steam", "gamestop"), "distributionTarget"),
        (PRESS.replace("invite", "auction"), "redemptionMode"),
        (PRESS.replace("2026-07-14T00:00:00Z", "soon"), "expiresAt"),
    ],
)
def test_a_bad_batch_is_refused_with_its_field(batch: str, field: str) -> None:
    with pytest.raises(DefinitionInvalid, match=rf"games\[0\]\.batches\[0\]\.{field}"):
        load_definitions(file(batch))


def test_a_batch_is_declared_once() -> None:
    with pytest.raises(DefinitionInvalid, match="ptb_press is given twice"):
        load_definitions(file(PRESS, PRESS))


@pytest.mark.parametrize(
    "change", [("studio-uploaded", "generated"), ("invite", "public"), ("handle+email", "email")]
)
def test_source_and_modes_stay_as_they_were(change: tuple[str, str]) -> None:
    studios = Studios()
    studios.given(load_definitions(file(PRESS)))
    assert studios.refusal(load_definitions(file(PRESS.replace(*change)))) == (409, "fixed")
    (changed,) = studios.given(load_definitions(file(PRESS.replace("# Hi", "# Ho"))))
    assert getattr(changed, "changed", None) == ["batches"]
