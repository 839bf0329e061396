"""S3 players, as an SDK has them: a key, a secret, paths."""

from __future__ import annotations

from typing import Any

import httpx

from tests.outside.world import Json, World, unique


class SdkPlayer:
    """A player of the game `relay`, which has no limits. `post` and `get` send key and secret."""

    def __init__(self, world: World, external_id: str | None = None, *, register: bool = True) -> None:
        self.world = world
        self.external_id = external_id or unique("player-")
        self.path = f"/sdk/v1/players/{self.external_id}"
        self.server_path = f"/server/v1/players/{self.external_id}"
        self.secret = ""
        if register:
            self.secret = self.post("register").json()["secret"]

    def headers(self, **more: str) -> dict[str, str]:
        own = {"authorization": f"Bearer {self.world.keys['relay_lo_live']}"}
        if self.secret:
            own["x-player-secret"] = self.secret
        return own | more

    def post(self, path: str, body: Any = None, **more: str) -> httpx.Response:
        headers = self.headers(**{name.replace("_", "-"): value for name, value in more.items()})
        return self.world.http.post(f"{self.path}/{path}", json=body or {}, headers=headers)

    def get(self, path: str) -> httpx.Response:
        return self.world.http.get(f"{self.path}/{path}", headers=self.headers())

    def server(self, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.world.keys['relay_lo_srv']}"}
        return self.world.http.post(f"{self.server_path}/{path}", json=body or {}, headers=headers)

    def start(self) -> Json:
        answer = self.post("events/relay-points/start")
        assert answer.status_code == 201, answer.text
        started: Json = answer.json()
        return started

    def credit(self, amount: int) -> None:
        assert self.server("wallet/gold/credit", {"amount": amount}).status_code == 200

    def give(self, amount: int = 5, *, crate: bool = False) -> str:
        """A pending grant of gold, or a crate of it; its id."""
        entries = [{"type": "currency", "key": "gold", "quantity": amount}]
        body = {"crate": {"table": [{"weight": 1, "entries": entries}]}} if crate else {"entries": entries}
        answer = self.server("grants", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["grant"]["id"])
