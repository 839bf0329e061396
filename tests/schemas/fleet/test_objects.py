import secrets

import pytest

from schemas.fleet.objects import RegistryCredentials, open_credentials, seal_credentials
from schemas.seal import SealBroken, Sealer

SEALER = Sealer(b"the fleet secret")
CREDENTIALS = RegistryCredentials(username="Jörg", password="p" * 4096)
PLACE = {"studio_id": "s", "game_id": "g", "build_id": "build_1"}


def test_credentials_open_for_their_build_alone() -> None:
    sealed = seal_credentials(SEALER, CREDENTIALS, **PLACE, randomness=secrets.token_bytes)
    assert open_credentials(SEALER, sealed, **PLACE) == CREDENTIALS
    for other in ({"studio_id": "t"}, {"game_id": "h"}, {"build_id": "build_2"}):
        with pytest.raises(SealBroken):
            open_credentials(SEALER, sealed, **PLACE | other)
    with pytest.raises(SealBroken):
        open_credentials(Sealer(b"another secret"), sealed, **PLACE)
    for broken in (b"", b"\xff", sealed[:-1], sealed[:-2] + b"AA"):
        with pytest.raises(SealBroken):
            open_credentials(SEALER, broken, **PLACE)


def test_credentials_show_nothing_of_themselves() -> None:
    assert "Jörg" not in repr(CREDENTIALS)
    assert "ppp" not in f"{CREDENTIALS}"
