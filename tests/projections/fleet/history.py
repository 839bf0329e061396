"""A decider's partition whose events are in a log: one record for each command."""

from __future__ import annotations

import collections
import random
from typing import Any

from schemas.codec import Message
from schemas.envelope import CommandRejected, Decided, Event
from schemas.fleet import commands as ask
from schemas.fleet import events as ev
from schemas.fleet.commands import Launch
from schemas.fleet.host_commands import BuildReport, DrainHost, HostDue, ReportKind
from schemas.fleet.noun import FLEET_EVENTS
from schemas.fleet.states import PHASES
from schemas.fleet.views import Build, SealedVariable
from streams.deciders.fleet.noun import FLEET
from tests.projections.redis.support import ListLog
from tests.streams.deciders.fleet.given import GAME, HOST, STUDIO, Fleet, artefact, only

MARK = "zebra"
"""In everything that no table may hold."""
OTHER_HOST = "host-2"
KINDS: tuple[ReportKind, ...] = ("started", "ready", "exited")


class History(Fleet):
    """`happened` is everything that was decided: the record's offset, when, and the event."""

    def __init__(self) -> None:
        self.log = ListLog(FLEET_EVENTS)
        self.happened: list[tuple[int, int, Message]] = []
        super().__init__(hosts=(HOST, OTHER_HOST))

    def given(self, body: Message, game_id: str = GAME, **more: Any) -> list[Message]:
        before, numbers = self.state, collections.Counter[str]()
        events = super().given(body, game_id, **more)
        written = []
        for event in events:
            aggregate_id = FLEET.aggregate_of(event)
            numbers[aggregate_id] += 1
            written.append(
                Event(
                    type=event.WIRE,
                    aggregate_id=aggregate_id,
                    sequence=FLEET.sequence(before, aggregate_id) + numbers[aggregate_id],
                    at_ms=self.state.time_ms,
                    data=FLEET.events.encode(event),
                )
            )
        decided = Decided(
            command_id=f"c{self.count}",
            studio_id=STUDIO,
            game_id=game_id,
            keyed=False,
            fingerprint=b"f",
            events=written,
        )
        offset = self.log.append(decided).offset
        self.happened += ((offset, self.state.time_ms, event) for event in events)
        return events

    def play(self) -> None:
        """Every phase, every status of builds and hosts, a pool, and a secret wherever one can be."""
        variables = [SealedVariable("TOKEN", MARK)]
        text = f'{{"a": "{MARK}"}}'
        self.given(
            ask.ChangeSettings(variables=variables, auth_config=text, lobby_configs=text, limits=self.limits)
        )
        for phase in (one for one in PHASES if one != "queued"):
            own = {"startup_args": f"-x {MARK}", "variables": variables, "match_id": f"of {phase}"}
            self.server_in(phase, custom_data='{"quote": "\'\\t\\"ö"}', **own)
            self.later(61)
        image = only(
            ev.BuildProcessing,
            self.given(
                ask.CreateBuild(
                    name="image",
                    build_type="docker_image",
                    image_url="registry.example.com/game:1",
                    credentials_key=MARK,
                    limits=self.limits,
                )
            ),
        ).build
        self.end(image, error="no such image")
        gone = self.build("gone")
        self.given(ask.DeleteBuild(build_id=gone.id))
        self.given(ask.CreateBuild(name="waits", build_type="zip", limits=self.limits))
        self.pool(2)
        for instance_id in self.idle():
            self.ready(instance_id)
        self.given(self.start(name="claims"))
        self.given(DrainHost(host_id=OTHER_HOST, epoch=1))
        self.join("host-3", regions=["sea"])
        self.running(region="sea", auto_restart=True)
        self.lose("host-3")  # no other host of the region: the server is queued

    def end(self, build: Build, **ended: Any) -> None:
        """A host's word of a build that it processed."""
        report = BuildReport(build_id=build.id, attempt=build.attempt, **ended)
        self.told(host_id=build.host_id or "", build_reports=[report])

    def draw(self, chance: random.Random, steps: int) -> None:
        """What clients, hosts and the timer may do, in any order; what is refused leaves no record."""
        for _ in range(steps):
            self.at_ms += chance.choice((0, 1, 900, 5_000, 20_000, 61_000))
            body = chance.choice((self._started, self._asked, self._reported, self._of_hosts))(chance)
            if body is not None and not isinstance(self.when(body), CommandRejected):
                self.given(body)

    def _started(self, chance: random.Random) -> Message:
        return self.start(
            compute_size=chance.choice(("micro", "small")),
            auto_restart=chance.random() < 0.5,
            ttl_s=chance.choice((None, 60)),
            match_id=chance.choice((None, "m1")),
        )

    def _asked(self, chance: random.Random) -> Message | None:
        if not self.state.servers:
            return None
        instance_id = chance.choice(sorted(self.state.servers))
        return chance.choice(
            (
                ask.StopServer(instance_id=instance_id, reason="tired"),
                ask.UpdateServer(instance_id=instance_id, custom_data='{"n": 1}'),
                ask.RestartServer(instance_id=instance_id, limits=self.limits, launch=Launch(ttl_s=90)),
                ask.ServerDue(instance_id=instance_id),
            )
        )

    def _reported(self, chance: random.Random) -> Message | None:
        """Of several servers in one record, some of them in two steps."""
        servers = [known.server for known in self.state.servers.values() if known.server.host_id == HOST]
        named = chance.sample(sorted(server.instance_id for server in servers), min(3, len(servers)))
        reports = [
            self.report(instance_id, kind)
            for instance_id in named
            for kind in chance.sample(KINDS, chance.randrange(1, 4))
        ]
        processed = [
            known.build for known in self.project.builds.values() if known.build.status == "processing"
        ]
        done = [
            BuildReport(build_id=build.id, attempt=build.attempt, artefact=artefact(build.id))
            for build in processed[:1]
        ]
        return self.reports(*reports, build_reports=done)

    def _of_hosts(self, chance: random.Random) -> Message | None:
        host_id = chance.choice((HOST, OTHER_HOST))
        if self.host(host_id).host.status == "lost":
            self.join(host_id)
        return chance.choice((self.reports(host_id=host_id), HostDue(host_id=host_id)))
