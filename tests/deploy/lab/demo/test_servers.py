"""The demo's game servers on the running stack: two are kept, a pool is filled, a match has its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.lab.demo.game.play import hosting_of, read_demo
from deploy.lab.demo.game.servers import KEPT, REGION, SIZE, Studio, echo_zip
from tests import plain_http
from tests.outside.world import eventually, unique
from tests.stack import QuestlogStack

pytestmark = pytest.mark.stack
LISTED = f"/api/v3/servers?include_launching=true&include_pool=true&region={REGION}"


class Fleet:
    """The demo project as its server key sees it."""

    def __init__(self, stack: QuestlogStack) -> None:
        self.hosting = hosting_of(read_demo(stack.home / "demo.json"))
        self.http = plain_http.client(base_url=stack.base_url, timeout=30)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body, headers={"api-key": self.hosting.server_key})
        assert answer.is_success, answer.text
        return answer.json()

    def servers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", LISTED)["servers"]
        return found


@pytest.fixture
def fleet(questlog_stack: QuestlogStack) -> Iterator[Fleet]:
    made = Fleet(questlog_stack)
    before = made.ask("GET", "/api/v3/projects/settings")["pool_config"]
    yield made
    made.ask("POST", "/api/v3/projects/settings", {"pool_config": before})
    for server in made.servers():
        made.ask("DELETE", f"/api/v3/servers/{server['instance_id']}")
    eventually(made.servers, lambda found: not found, within_s=60)
    made.http.close()


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def test_two_servers_are_kept_a_pool_is_filled_and_a_match_has_its_own(fleet: Fleet) -> None:
    players = (unique("p"), unique("p"))
    studio = Studio(fleet.hosting, fleet.http, _wait, players=players)
    eventually(lambda: studio.has_build(echo_zip), bool, within_s=60)
    studio.keep()
    studio.keep()
    kept = eventually(
        fleet.servers,
        lambda found: len(found) == 3 and all(one["status"] == "running" for one in found),
        within_s=90,
    )
    assert {one["name"] for one in kept if not one["is_pool_server"]} == set(KEPT)
    (pooled,) = [one for one in kept if one["is_pool_server"]]
    assert (pooled["region"], pooled["compute_size"]) == (REGION, SIZE)

    match = studio.play(seconds=0)
    assert match is not None
    assert match["instanceId"] == pooled["instance_id"], "the pool's server was claimed"
    ended = eventually(
        lambda: fleet.ask("GET", f"/api/v3/servers/{pooled['instance_id']}"),
        lambda one: one["phase"] == "stopped",
        within_s=60,
    )
    assert ended["stop_reason"] == "match over"
    lobby = ended["match_id"]
    shown = fleet.http.get(
        f"/sdk/v1/lobbies/{lobby}", headers={"authorization": f"Bearer {fleet.hosting.sdk_key}"}
    ).json()["lobby"]
    assert (shown["eventKey"], shown["status"], shown["server"]["status"]) == ("arena", "active", "stopped")
    assert {member["externalId"] for member in shown["players"]} == set(players)
    eventually(fleet.servers, lambda found: len(found) == 3, within_s=60)  # the pool's next is there
