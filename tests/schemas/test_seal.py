from __future__ import annotations

import secrets
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.seal import (
    CLEAR_BYTES_MAX,
    OLD_SECRETS_MAX,
    SEALED_CHARACTERS_MAX,
    ClearTextTooLong,
    SealBroken,
    Sealer,
    UnknownSecret,
)

SECRET = b"5c" * 32
OTHER = b"a7" * 32
CLEAR = "AAAA-BBBB-CCCC"
FIRST_VERSION = (
    "1.a627bc57.e9XUfkRvzsKj2BFzBYvH7snRsU5Ofb927ZhnkNugRdoK-xOvzW61NI47E-Z27dOXUzxZgYcfR600TFYS"
    ".YRDleBvMzqaWdi5hkYCaLt27whv5fQHSJ6wC-Dp5NV1GfDvPds-NNo8G"
)
"""Written by the first version: it opens for ever."""

Place = tuple[str, str, str]
PLACE = ("studio", "order", "game_key")
TEXTS = st.text(max_size=300)
NAMES = st.text(min_size=1, max_size=40)
PLACES = st.tuples(NAMES, NAMES, NAMES)
SECRETS = st.binary(min_size=1, max_size=64)


def seeded(seed: int) -> Callable[[int], bytes]:
    return Random(seed).randbytes


def seal(clear: str = CLEAR, secret: bytes = SECRET, place: Place = PLACE, seed: int = 1) -> str:
    studio, aggregate, field = place
    randomness = seeded(seed)
    return Sealer(secret).data_key(studio, aggregate, randomness).seal(field, clear, randomness)


def opened(sealed: str, sealer: Sealer | None = None, place: Place = PLACE) -> str:
    studio, aggregate, field = place
    return (sealer or Sealer(SECRET)).open(sealed, studio_id=studio, aggregate_id=aggregate, field=field)


def refused(sealed: str, place: Place = PLACE) -> None:
    with pytest.raises(SealBroken):
        opened(sealed, place=place)


@given(TEXTS, PLACES, SECRETS)
def test_what_is_sealed_opens_in_its_place(clear: str, place: Place, secret: bytes) -> None:
    assert opened(seal(clear, secret, place), Sealer(secret), place) == clear


@given(PLACES, PLACES)
def test_it_opens_in_no_other_place(place: Place, other: Place) -> None:
    studio, aggregate, field = place
    sealed = seal(place=place)
    for elsewhere in (
        other,
        (other[0], aggregate, field),
        (studio, other[1], field),
        (studio, aggregate, other[2]),
    ):
        if elsewhere != place:
            refused(sealed, elsewhere)


def test_no_place_reads_like_another() -> None:
    refused(seal(place=("ab", "c", "d")), ("a", "bc", "d"))
    refused(seal(place=("a", "bc", "d")), ("a", "b", "cd"))


@pytest.mark.parametrize("bit", range(7))
def test_with_any_bit_flipped_it_does_not_open(bit: int) -> None:
    sealed = seal()
    for at in range(len(sealed)):
        refused(sealed[:at] + chr(ord(sealed[at]) ^ 1 << bit) + sealed[at + 1 :])


@given(TEXTS)
def test_what_nobody_sealed_does_not_open(noise: str) -> None:
    version, secret_id, wrapped, _ = seal().split(".")
    for parts in ([noise], [version, secret_id, noise, noise], [version, secret_id, wrapped, noise]):
        refused(".".join(parts))


def test_nor_does_what_is_cut_longer_or_put_together_from_two() -> None:
    sealed = seal()
    for at in range(len(sealed)):
        refused(sealed[:at])
    for more in ("A", "=", ".", "\n", "A" * SEALED_CHARACTERS_MAX):
        refused(sealed + more)
    head, _, ciphertext = sealed.rpartition(".")
    assert opened(f"{head}.{ciphertext}") == CLEAR
    refused(f"{head}.{seal(seed=2).rpartition('.')[2]}")


@given(SECRETS, SECRETS)
def test_another_secret_does_not_open_it(secret: bytes, other: bytes) -> None:
    if secret != other:
        with pytest.raises(UnknownSecret, match="add it to QUESTLOG_OLD_SECRETS"):
            opened(seal(secret=secret), Sealer(other))


@given(TEXTS, st.lists(SECRETS, min_size=2, max_size=5, unique=True))
def test_old_secrets_open_what_they_sealed_and_seal_nothing_new(clear: str, known: list[bytes]) -> None:
    newest = Sealer(known[0], known[1:])
    assert [opened(seal(clear, secret), newest) for secret in known] == [clear] * len(known)
    new = newest.data_key("studio", "order", seeded(1)).seal("game_key", clear, seeded(2))
    assert opened(new, Sealer(known[0])) == clear
    with pytest.raises(UnknownSecret):
        opened(new, Sealer(known[1], known[2:]))


def test_the_clear_text_and_the_secret_are_nowhere_to_be_read() -> None:
    sealed = seal()
    key = Sealer(SECRET).data_key("studio", "order", seeded(1))
    with pytest.raises(SealBroken) as broken:
        opened(sealed, place=("studio", "order", "email"))
    told = f"{sealed} {key!r} {key} {Sealer(SECRET)!r} {broken.value!r}"
    assert "AAAA" not in told
    assert SECRET.decode() not in told
    assert sealed not in str(broken.value)


def test_sealed_twice_it_reads_differently_and_opens_alike() -> None:
    key = Sealer(SECRET).data_key("studio", "order", secrets.token_bytes)
    texts = {key.seal("game_key", CLEAR, secrets.token_bytes) for _ in range(50)}
    assert len(texts) == 50
    assert {opened(text) for text in texts} == {CLEAR}
    assert len({seal(seed=seed).split(".")[2] for seed in range(50)}) == 50


def test_what_the_first_version_sealed_opens() -> None:
    assert opened(FIRST_VERSION) == CLEAR
    assert seal() == FIRST_VERSION


def test_the_longest_text_fits_and_a_longer_one_is_refused() -> None:
    longest = "é" * (CLEAR_BYTES_MAX // 2)
    assert opened(seal(longest)) == longest
    with pytest.raises(ClearTextTooLong, match="game_key: 32,769 bytes, more than 32,768"):
        seal(longest + "a")


def test_secrets_are_neither_empty_nor_endless() -> None:
    with pytest.raises(ValueError, match="empty"):
        Sealer(b"")
    with pytest.raises(ValueError, match="empty"):
        Sealer(SECRET, [b""])
    many = [b"%d" % one for one in range(OLD_SECRETS_MAX + 1)]
    Sealer(SECRET, [SECRET, *many[1:]])
    with pytest.raises(ValueError, match="at most 16 old secrets are kept, not 17"):
        Sealer(SECRET, many)


@given(NAMES, NAMES, TEXTS, TEXTS)
def test_fingerprints_tell_equal_values_and_nothing_else(studio: str, kind: str, one: str, two: str) -> None:
    sealer = Sealer(SECRET)
    kept = sealer.fingerprint(studio, kind, one)
    assert (kept == sealer.fingerprint(studio, kind, two)) is (one == two)
    assert kept not in {
        sealer.fingerprint(studio + "x", kind, one),
        sealer.fingerprint(studio, kind + "x", one),
        Sealer(OTHER).fingerprint(studio, kind, one),
    }


def test_duplicates_are_found_across_a_change_of_the_secret() -> None:
    kept = Sealer(SECRET).fingerprint("studio", "game_key", "A")
    changed = Sealer(OTHER, [SECRET])
    assert kept in changed.fingerprints("studio", "game_key", "A")
    assert kept not in changed.fingerprints("studio", "game_key", "B")
    assert kept != changed.fingerprint("studio", "game_key", "A")
