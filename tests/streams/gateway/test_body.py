from __future__ import annotations

import gzip
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.edge.errors import Refused
from streams.gateway.body import MEMBERS_MAX, gunzip
from streams.gateway.body_validation import CALL_CPU_S, CALLS_MAX, BodyValidator
from tests.cpu_cost import cpu_ratio
from tests.schemas.telemetry.s4_samples import patient

LIMIT = 4 * 1024 * 1024


@patient
@given(st.lists(st.binary(max_size=5000) | st.binary(max_size=1).map(lambda one: one * 100_000), max_size=5))
def test_members_follow_one_another(members: list[bytes]) -> None:
    body = b"".join(gzip.compress(member) for member in members)
    assert gunzip(body, LIMIT) == b"".join(members)
    if body:
        with pytest.raises(Refused) as caught:
            gunzip(body[:-1], LIMIT)
        assert caught.value.status == 400


def test_many_members_cost_what_their_bytes_cost() -> None:
    last = gzip.compress(bytes(range(256)) * (LIMIT // 256 - 8), 0)
    body = gzip.compress(b"") * (MEMBERS_MAX - 1) + last
    assert len(gunzip(body, LIMIT)) == LIMIT - 8 * 256
    # It is 1.5; where each member copies what is behind it, 180.
    assert cpu_ratio(lambda: gunzip(body, LIMIT), lambda: gunzip(last, LIMIT)) < 20


def test_limits_of_members_and_bytes() -> None:
    with pytest.raises(Refused, match="more than 1000 members"):
        gunzip(gzip.compress(b"") * (MEMBERS_MAX + 1), LIMIT)
    for body in (gzip.compress(b"x" * (LIMIT + 1)), gzip.compress(b"x" * LIMIT) + gzip.compress(b"x")):
        with pytest.raises(Refused) as caught:
            gunzip(body, LIMIT)
        assert caught.value.status == 413
    with pytest.raises(Refused, match="not valid gzip"):
        gunzip(gzip.compress(b"x") + b"garbage", LIMIT)


async def test_judging_is_done_beside_the_loop_and_measured() -> None:
    judging = BodyValidator()
    assert (await judging.run(lambda: threading.current_thread().name))[0] == "judging_0"

    def busy() -> None:
        begun = time.thread_time()
        while time.thread_time() - begun < 3.5 * CALL_CPU_S:
            pass
        raise ValueError("wrong")

    error, calls = await judging.run(busy)
    assert isinstance(error, ValueError)
    assert 3 <= calls <= CALLS_MAX
