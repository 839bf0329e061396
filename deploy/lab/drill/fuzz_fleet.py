"""Game servers of the fuzz drill (S5): names, arguments, variables and custom data, all read as sent."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from typing import TYPE_CHECKING, Any, Final

from deploy.lab.drill.fuzz_cases import Fields, Maker
from deploy.lab.drill.fuzz_fleet_host import REGION, MadeUpHost
from deploy.lab.drill.fuzz_surface import SurfaceFuzz, quoted
from deploy.lab.drill.fuzz_texts import Rule
from deploy.lab.drill.stack import DrillFailedError

if TYPE_CHECKING:
    from deploy.lab.drill.fuzz_http import Client
    from projections.clickhouse.client import ClickHouse

BUILD: Final = "fuzz"
CUSTOM_BYTES: Final = 10_000
OK: Final = frozenset({200})
MADE: Final = frozenset({201})
REFUSALS: Final = frozenset({400, 404, 409, 422})
_ROOT: Final = "/api/v3"
_SHOWN: Final = ("name", "match_id", "startup_args", "custom_data")


class FleetFuzz(SurfaceFuzz):
    """A project of a demo studio, one server after the other, on a host whose processes are made up."""

    surface = "s5"

    def __init__(self, client: Client, maker: Maker, run: str, key: str, host: MadeUpHost) -> None:
        super().__init__(client, maker, run)
        self._own = {"api-key": key, "content-type": "application/json"}
        self._host = host
        self.servers: dict[str, Fields] = {}
        """What was sent last of each, by their ids."""

    async def open(self) -> None:
        """A build that servers can be started of."""
        build_id = await self._upload(BUILD)
        if build_id is None:
            raise DrillFailedError("there is no build that servers could be started of")
        await self.ask("POST", f"{_ROOT}/builds/{build_id}/process", self._own, None, frozenset({202}))
        await self._host.built(build_id)

    async def serve(self) -> None:
        """Start, read, change, stop, read: all of it must be as sent."""
        sent: Fields = {
            "name": self._text("name", Rule.PRINTABLE),
            "match_id": self._text("match_id", Rule.PRINTABLE),
            "startup_args": shlex.quote(self._text("startup_args", Rule.ARGUMENT)),
            "custom_data": self._custom_data(),
        }
        variable = self._text("variable", Rule.VARIABLE)
        place: Fields = {"region": REGION, "compute_size": "micro", "version_tag": BUILD, "port_configs": []}
        asked = sent | place | {"environment_variables": {"FUZZED": variable}}
        headers = {**self._own, "idempotency-key": self._key()}
        status, made = await self.ask("POST", f"{_ROOT}/servers/start", headers, asked, MADE)
        if status != 201:
            return
        again = await self.ask("POST", f"{_ROOT}/servers/start", headers, asked, MADE)
        self.expect(again[1].get("instance_id"), made["instance_id"], "a start again")
        instance_id = made["instance_id"]
        path = f"{_ROOT}/servers/{instance_id}"
        for shown in (made, await self._read(path)):
            self.expect({name: shown.get(name) for name in _SHOWN}, sent, path)
        changed = {"custom_data": self._custom_data()}
        await self.ask("POST", f"{path}/update", self._own, changed, OK)
        self.expect((await self._read(path)).get("custom_data"), changed["custom_data"], f"{path} changed")
        reason = self._text("shutdown_reason", Rule.PRINTABLE)
        await self.ask("DELETE", f"{path}?shutdown_reason={quoted(reason)}", self._own, None, OK)
        await self._host.exited(instance_id)
        shown = await self._read(path)
        self.expect((shown.get("status"), shown.get("stop_reason")), ("stopped", reason), f"{path} stopped")
        self.servers[instance_id] = {**sent, **changed, "stop_reason": reason}

    async def settings(self) -> None:
        """What a project's servers get, and what is kept for it."""
        self._maker.bytes_left = CUSTOM_BYTES
        body = {
            "environment_variables": {"FUZZED": self._text("variable", Rule.VARIABLE)},
            "auth_config": self._maker.map("s5 auth_config"),
            "lobby_configs": self._maker.map("s5 lobby_configs"),
        }
        await self.ask("POST", f"{_ROOT}/projects/settings", self._own, body, OK)
        found = await self._read(f"{_ROOT}/projects/settings")
        self.expect({name: found.get(name) for name in body}, body, "settings")

    async def build(self) -> None:
        """A build's name, from its making to its end."""
        name = self._text("build name", Rule.PRINTABLE)
        build_id = await self._upload(name)
        if build_id is not None:
            path = f"{_ROOT}/builds/{build_id}"
            self.expect((await self._read(path)).get("name"), name, path)
            await self.ask("DELETE", path, self._own, None, OK)

    async def refuse(self) -> None:
        """Texts that fit nothing: refused by the contract's statuses, never otherwise."""
        free = quoted(self._text("path", Rule.NAME))
        bad = self._maker.refused
        start = {"name": "fuzz", "region": REGION, "version_tag": BUILD}
        asked: list[tuple[str, str, Fields | None]] = [
            ("POST", "/servers/start", {**start, "name": bad("s5 name", Rule.PRINTABLE)}),
            ("POST", "/servers/start", {**start, "match_id": bad("s5 match_id", Rule.PRINTABLE)}),
            ("POST", "/servers/start", {**start, "startup_args": "'" + self._text("open quote", Rule.WORD)}),
            ("POST", "/servers/start", {**start, "region": self._text("region", Rule.NAME) + "."}),
            ("POST", "/servers/start", {**start, "version_tag": self._text("no build", Rule.WORD) + "."}),
            (
                "POST",
                "/servers/start",
                {**start, "environment_variables": {self._text("variable name", Rule.WORD) + ".": "1"}},
            ),
            ("POST", "/projects/settings", {"environment_variables": {"A": bad("s5", Rule.VARIABLE)}}),
            ("POST", f"/builds/upload-url?name={quoted(bad('s5 build name', Rule.PRINTABLE))}", None),
            ("GET", f"/servers/{free}.", None),
            ("GET", f"/builds/{free}.", None),
            ("GET", f"/servers?limit={free}.", None),
            ("GET", f"/projects/logs?next_token=x&start_time={free}.", None),
        ]
        method, path, body = self.dice.choice(asked)
        await self.ask(method, _ROOT + path, self._own, body, REFUSALS)

    async def compare(self, clickhouse: ClickHouse, within_s: float) -> None:
        """The table of servers holds what was sent last, once it has come or had its time."""
        deadline = time.monotonic() + within_s
        while True:
            found = await self._rows(clickhouse)
            arrived = sum(one[-1] != "" for name, one in found.items() if name in self.servers)
            if arrived == len(self.servers) or time.monotonic() > deadline:
                break
            await asyncio.sleep(1)
        for instance_id, sent in self.servers.items():
            name, match_id, custom_data, reason = found.get(instance_id, ("", "", "", ""))
            held = (name, match_id, json.loads(custom_data or "null"), reason)
            wanted = (sent["name"], sent["match_id"], sent["custom_data"], sent["stop_reason"])
            self.expect(held, wanted, f"the row of {instance_id}")

    async def _rows(self, clickhouse: ClickHouse) -> dict[str, list[Any]]:
        rows = await clickhouse.rows(
            "SELECT instance_id, name, match_id, custom_data, stop_reason FROM fleet_servers FINAL"
            " WHERE region = {region:String}",
            {"region": REGION},
        )
        return {row[0]: row[1:] for row in rows}

    async def _upload(self, name: str) -> str | None:
        path = f"{_ROOT}/builds/upload-url?name={quoted(name)}&executable_path=server"
        status, made = await self.ask("POST", path, self._own, None, MADE)
        if status != 201:
            return None
        upload = made["upload_url"]
        stored, text = await self._client.put(upload, b"PK")
        self._client.note(
            self.surface, stored, allowed=stored == 201, said=f"PUT {name!r:.80} -> {text!r:.80}"
        )
        build_id: str = made["build_id"]
        return build_id

    async def _read(self, path: str) -> dict[str, Any]:
        _, answer = await self.ask("GET", path, self._own, None, OK)
        return answer

    def _custom_data(self) -> Fields:
        self._maker.bytes_left = CUSTOM_BYTES
        return self._maker.map("s5 custom_data")
