from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.fleet.port_clashes import Clash, clashes, variable_part
from schemas.fleet.views import PortConfig

NAMES = st.text("ab-_", min_size=1, max_size=3)
PORTS = st.lists(
    st.builds(
        PortConfig, name=NAMES, internal_port=st.integers(1, 5), protocol=st.sampled_from(["udp", "tcp"])
    ),
    max_size=6,
)


def port(name: str, number: int) -> PortConfig:
    return PortConfig(name=name, internal_port=number, protocol="udp")


def test_what_clashes_is_told_with_the_port_it_clashes_with() -> None:
    ports = [port("a-b", 1), port("a_b", 2), port("a-b", 3), port("c", 1), port("d", 4)]
    assert list(clashes(ports)) == [
        Clash(1, "variable", "a-b"),
        Clash(2, "name", "a-b"),
        Clash(3, "number", "a-b"),
    ]


@given(PORTS)
def test_ports_without_a_clash_have_variables_and_numbers_of_their_own(ports: list[PortConfig]) -> None:
    variables = {variable_part(one.name) for one in ports}
    numbers = {(one.internal_port, one.protocol) for one in ports}
    alone = len(variables) == len(numbers) == len(ports)
    assert (not list(clashes(ports))) is alone
