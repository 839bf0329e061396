from __future__ import annotations

import pytest

from schemas.edge.ports import KeyKind
from schemas.studio.commands import RevokeKey, RotateKey
from schemas.studio.events import (
    GameChanged,
    GameDefined,
    KeyCreated,
    KeyRevoked,
    KeyRotated,
    StudioChanged,
    StudioDefined,
)
from streams.deciders import studio, studio_keys
from tests.streams.deciders.given import AT_MS, Studios, create_key, define, game, unlimited

GIVEN_ID = "72ab8f81-ef36-4712-a046-399a62b9afaa"


@pytest.fixture
def studios() -> Studios:
    world = Studios()
    world.given(define("demo", game("doom", GIVEN_ID), game("relay")))
    world.given(define("other", game("doom")))
    return world


def game_id(studios: Studios, studio_slug: str, slug: str) -> str:
    return studios.state.studios[studios.state.studio_ids[studio_slug]].games[slug]


def key(studios: Studios, studio_slug: str, kind: KeyKind, value: str, game_slug: str = "") -> KeyCreated:
    scope = game_id(studios, studio_slug, game_slug) if game_slug else ""
    (event,) = studios.given(create_key(kind, value, scope), studio_slug)
    assert isinstance(event, KeyCreated)
    return event


def test_a_new_file_defines_a_studio_and_its_games() -> None:
    first, second, third = Studios().given(
        define("demo", game("doom", GIVEN_ID), game("relay", limits=unlimited()), plan="studio")
    )
    assert isinstance(first, StudioDefined)
    assert (first.slug, first.plan, first.created_at_ms) == ("demo", "studio", AT_MS)
    assert isinstance(second, GameDefined)
    assert (second.game_id, second.definition_version, second.studio_id) == (GIVEN_ID, 1, first.studio_id)
    assert isinstance(third, GameDefined)
    assert third.game_id.startswith("game_")
    assert third.settings.limits.ingest_per_second is None


def test_applying_the_same_file_twice_changes_nothing(studios: Studios) -> None:
    assert studios.when(define("demo", game("doom", GIVEN_ID), game("relay"))) == ()


def test_a_game_without_an_id_is_found_by_its_slug(studios: Studios) -> None:
    assert studios.when(define("demo", game("doom"))) == ()


def test_only_what_changed_is_an_event(studios: Studios) -> None:
    events = studios.given(
        define("demo", game("doom", GIVEN_ID), game("relay", heatmap_axes="xz"), plan="indie")
    )
    plan, relay = events
    assert isinstance(plan, StudioChanged)
    assert plan.changed == ["plan"]
    assert isinstance(relay, GameChanged)
    assert (relay.changed, relay.definition_version) == (["heatmapAxes"], 2)


def test_a_game_left_out_of_a_file_stays(studios: Studios) -> None:
    assert studios.when(define("demo")) == ()
    assert game_id(studios, "demo", "relay")


def test_a_renamed_game_gives_its_slug_up(studios: Studios) -> None:
    renamed, taken = studios.given(define("demo", game("hell", GIVEN_ID), game("doom")))
    assert isinstance(renamed, GameChanged)
    assert renamed.previous_slug == "doom"
    assert isinstance(taken, GameDefined)
    assert game_id(studios, "demo", "hell") == GIVEN_ID
    assert game_id(studios, "demo", "doom") == taken.game_id


def test_two_games_may_swap_their_slugs(studios: Studios) -> None:
    relay = game_id(studios, "demo", "relay")
    studios.given(define("demo", game("relay", GIVEN_ID), game("doom", relay)))
    assert game_id(studios, "demo", "relay") == GIVEN_ID
    assert game_id(studios, "demo", "doom") == relay


def test_a_taken_slug_refuses_the_whole_file(studios: Studios) -> None:
    assert studios.refusal(define("demo", game("relay", GIVEN_ID), name="New")) == (409, "slug_taken")


def test_another_studios_game_id_is_taken_and_nothing_more_is_said(studios: Studios) -> None:
    assert studios.refusal(define("other", game("mine", GIVEN_ID))) == (409, "id_taken")


def test_a_studio_has_a_limit_of_games(studios: Studios) -> None:
    many = [game(f"g{number}") for number in range(studio.GAMES_MAX)]
    assert studios.refusal(define("demo", *many)) == (409, "too_many_games")


def test_slugs_are_unique_in_a_studio_only(studios: Studios) -> None:
    assert game_id(studios, "demo", "doom") != game_id(studios, "other", "doom")


@pytest.mark.parametrize("kind", [KeyKind.MANAGEMENT, KeyKind.INGEST, KeyKind.PLAYTEST_OWNER])
def test_account_wide_keys_belong_to_a_studio(studios: Studios, kind: KeyKind) -> None:
    created = key(studios, "demo", kind, "h1")
    assert (created.kind, created.game_id) == (kind.value, "")
    with_game = create_key(kind, "h2", GIVEN_ID)
    assert studios.refusal(with_game, "demo") == (400, "invalid_scope")


@pytest.mark.parametrize("kind", [KeyKind.PUBLIC_TOKEN, KeyKind.SECRET_API, KeyKind.SDK_LIVE])
def test_other_keys_belong_to_one_game_of_the_studio(studios: Studios, kind: KeyKind) -> None:
    assert key(studios, "demo", kind, "h1", "doom").game_id == GIVEN_ID
    assert studios.refusal(create_key(kind, "h2"), "demo") == (404, "unknown_game")
    assert studios.refusal(create_key(kind, "h2", GIVEN_ID), "other") == (404, "unknown_game")


def test_a_playtesters_key_names_its_tester(studios: Studios) -> None:
    (created,) = studios.given(create_key(KeyKind.PLAYTESTER, "h1", tester_id="tester_1"), "demo")
    assert isinstance(created, KeyCreated)
    assert created.tester_id == "tester_1"
    assert studios.refusal(create_key(KeyKind.PLAYTESTER, "h2"), "demo") == (400, "invalid_scope")


def test_a_second_management_key_is_refused_until_the_first_is_revoked(studios: Studios) -> None:
    first = key(studios, "demo", KeyKind.MANAGEMENT, "h1")
    second = create_key(KeyKind.MANAGEMENT, "h2")
    assert studios.refusal(second, "demo") == (409, "management_key_exists")
    assert key(studios, "other", KeyKind.MANAGEMENT, "h3").studio_id != first.studio_id
    studios.given(RotateKey(key_id=first.key_id, hash="h4"), "demo")
    assert studios.refusal(second, "demo") == (409, "management_key_exists")
    studios.given(RevokeKey(key_id=first.key_id), "demo")
    assert key(studios, "demo", KeyKind.MANAGEMENT, "h2").hash == "h2"


def test_a_value_is_never_given_out_twice(studios: Studios) -> None:
    created = key(studios, "demo", KeyKind.INGEST, "h1")
    assert studios.refusal(create_key(KeyKind.INGEST, "h1"), "other") == (409, "key_taken")
    (rotated,) = studios.given(RotateKey(key_id=created.key_id, hash="h2"), "demo")
    assert isinstance(rotated, KeyRotated)
    assert (rotated.hash, rotated.previous_hash) == ("h2", "h1")
    assert studios.refusal(create_key(KeyKind.INGEST, "h1"), "demo") == (409, "key_taken")
    assert studios.refusal(RotateKey(key_id=created.key_id, hash="h1"), "demo") == (409, "key_taken")


def test_a_revoked_key_stays_revoked(studios: Studios) -> None:
    created = key(studios, "demo", KeyKind.INGEST, "h1")
    (revoked,) = studios.given(RevokeKey(key_id=created.key_id), "demo")
    assert isinstance(revoked, KeyRevoked)
    assert studios.refusal(RevokeKey(key_id=created.key_id), "demo") == (409, "key_revoked")
    assert studios.refusal(RotateKey(key_id=created.key_id, hash="h2"), "demo") == (409, "key_revoked")


def test_another_studios_key_does_not_exist(studios: Studios) -> None:
    created = key(studios, "demo", KeyKind.INGEST, "h1")
    assert studios.refusal(RevokeKey(key_id=created.key_id), "other") == (404, "unknown_key")
    assert studios.refusal(RevokeKey(key_id="key_none"), "demo") == (404, "unknown_key")
    assert studios.refusal(create_key(KeyKind.INGEST, "h2"), "nobody") == (404, "unknown_studio")


def test_a_panel_is_larger_than_what_other_keys_a_studio_has(
    studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio_keys, "KEYS_MAX", 2)
    monkeypatch.setattr(studio_keys, "PLAYTESTER_KEYS_MAX", 3)
    panel = [create_key(KeyKind.PLAYTESTER, f"p{n}", tester_id=f"tester{n}") for n in range(4)]
    made = [event for command in panel[:3] for event in studios.given(command, "demo")]
    assert studios.refusal(panel[3], "demo") == (409, "too_many_keys")
    key(studios, "demo", KeyKind.INGEST, "h1")
    key(studios, "demo", KeyKind.INGEST, "h2")
    assert studios.refusal(create_key(KeyKind.INGEST, "h3"), "demo") == (409, "too_many_keys")
    assert isinstance(made[0], KeyCreated)
    studios.given(RevokeKey(key_id=made[0].key_id), "demo")
    assert studios.refusal(create_key(KeyKind.INGEST, "h3"), "demo") == (409, "too_many_keys")
    assert len(studios.given(panel[3], "demo")) == 1


def test_a_studio_has_a_limit_of_active_keys(studios: Studios) -> None:
    created = key(studios, "demo", KeyKind.INGEST, "h1")
    for number in range(1, studio_keys.KEYS_MAX):
        key(studios, "demo", KeyKind.INGEST, f"another{number}")
    assert studios.refusal(create_key(KeyKind.INGEST, "h2"), "demo") == (409, "too_many_keys")
    studios.given(RevokeKey(key_id=created.key_id), "demo")
    assert key(studios, "demo", KeyKind.INGEST, "h2").hash == "h2"
