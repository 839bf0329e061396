"""Whose a playtester's key can be; what the demo's operator and payment provider sign with."""

from __future__ import annotations

import dataclasses

import pytest

from deploy.cli.errors import RequestRefused
from deploy.cli.keys import playtester_id
from deploy.cli.up_settings import with_demo_secrets
from deploy.settings import Settings


def test_a_playtester_s_id_is_a_uuid_in_one_form() -> None:
    assert not playtester_id("")
    assert (
        playtester_id("{5E0B7F4E-0C43-4C0E-9A51-0D9A9D9F2A01}")
        == playtester_id("5e0b7f4e0c434c0e9a510d9a9d9f2a01")
        == "5e0b7f4e-0c43-4c0e-9a51-0d9a9d9f2a01"
    )
    with pytest.raises(RequestRefused, match="must be a UUID"):
        playtester_id("tester_ada")


def test_the_demo_s_secrets_follow_from_its_home_and_leave_those_that_are_set() -> None:
    one, other, set_by_hand = "one", "other", "mine"
    demo = with_demo_secrets(Settings(secret=one))
    assert demo == with_demo_secrets(Settings(secret=one))
    assert len({demo.operator_token, demo.payments_secret, demo.store_password("redis"), demo.secret}) == 4
    assert demo.operator_token != with_demo_secrets(Settings(secret=other)).operator_token
    own = dataclasses.replace(demo, operator_token=set_by_hand, payments_secret=set_by_hand)
    assert with_demo_secrets(own) == own
