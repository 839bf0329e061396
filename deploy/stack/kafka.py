"""Kafka for the embedded stack.

One KRaft node from Apache's own jars (`kafka_jars.py`), on Java 17 or newer.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.stack.kafka_jars import default_cache, fetch_jars
from deploy.stack.ports import free_port
from deploy.stack.program import PartFailed, ProgramSpec, RunningProgram, answers

ARCHIVE: Final = "classes.jsa"
_JAVA_MIN: Final = 17
_API_VERSIONS_REQUEST: Final = bytes.fromhex("0000000f0012000000000001000570726f6265")
"""ApiVersions v0 from client id `probe`: the smallest question only a Kafka broker answers."""


def java() -> str:
    """Path of a Java of version 17 or newer. Raises PartFailed naming what to install."""
    home = os.environ.get("JAVA_HOME")
    candidates = [f"{home}/bin/java"] if home else []
    candidates += [found] if (found := shutil.which("java")) else []
    for candidate in candidates:
        answer = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False)
        version = re.search(r'version "(\d+)', answer.stderr)
        if version and int(version[1]) >= _JAVA_MIN:
            return candidate
    raise PartFailed("Java 17 or newer is missing: install Debian's package openjdk-17-jre-headless")


def kept_partitions(home: Path, topic: str) -> int | None:
    """How many partitions of a topic the log of a home holds; None where it has no such topic yet."""
    return len(list((home / "kafka" / "data").glob(f"{topic}-[0-9]*"))) or None


def kafka_part(home: Path, port: int, *, cache: Path | None = None) -> ProgramSpec:
    """A broker and controller in one process on 127.0.0.1:port, its log in `<home>/kafka`."""
    folder = (home / "kafka").absolute()
    jars = fetch_jars(cache or default_cache())
    program = java()
    classpath = f"{jars}/*"
    properties = folder / "server.properties"

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        properties.write_text(_properties(folder, port, controller_port=free_port()))
        (folder / "log4j2.properties").write_text(_LOG4J2)
        if not (folder / "data" / "meta.properties").exists():
            _format(program, classpath, properties, _class_archive(jars))

    async def ready() -> bool:
        return await answers(port, _API_VERSIONS_REQUEST, b"\x00\x00\x00\x01\x00\x00")

    return ProgramSpec(
        name="kafka",
        argv=[
            *(program, "-Xms128m", "-Xmx512m", "-XX:MaxDirectMemorySize=256m", "-XX:+UseSerialGC"),
            *(
                "-Xshare:auto",
                *_class_archive(jars),
                "-XX:+ExitOnOutOfMemoryError",
                "-Djava.awt.headless=true",
            ),
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            *("-cp", classpath, "kafka.Kafka", str(properties)),
        ],
        prepare=prepare,
        ready=ready,
        start_seconds=90,
        stop_seconds=20,
    )


async def make_class_archive(cache: Path) -> None:
    """Let one short run of the broker write down its loaded classes: later starts cost 3 s CPU instead of 5.

    Does nothing where the archive is there. A Java that finds it unfit starts without it.
    """
    jars = fetch_jars(cache)
    if _class_archive(jars):
        return
    with tempfile.TemporaryDirectory() as home:
        spec = kafka_part(Path(home), free_port(), cache=cache)
        written = jars / f".{ARCHIVE}.{os.getpid()}"
        argv = [spec.argv[0], f"-XX:ArchiveClassesAtExit={written}", *spec.argv[1:]]
        part = await RunningProgram.start(replace(spec, argv=argv, stop_seconds=120), Path(home) / "logs")
        await part.wait_ready()
        await part.stop()
        if written.exists():
            written.replace(jars / ARCHIVE)


def _class_archive(jars: Path) -> list[str]:
    archive = jars / ARCHIVE
    return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []


def cluster_id(random: uuid.UUID) -> str:
    """A cluster's id from a random UUID. One that began with `-` would be read as an option, so none does."""
    return base64.urlsafe_b64encode(random.bytes).decode().rstrip("=").replace("-", "A", 1)


def _format(program: str, classpath: str, properties: Path, archive: list[str]) -> None:
    cluster = cluster_id(uuid.uuid4())
    done = subprocess.run(
        [
            *(
                program,
                "-Xshare:auto",
                *archive,
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classpath,
                "kafka.tools.StorageTool",
            ),
            *("format", "--ignore-formatted", "-t", cluster, "-c", str(properties)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PartFailed(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[-1500:]}")


def _properties(folder: Path, port: int, *, controller_port: int) -> str:
    """The controller's port is chosen anew at each start: the quorum is this one process."""
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # A broker that was killed registers again only when its last session is over: 9 s by default.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        "message.max.bytes": str(17 * 1024 * 1024),
        "replica.fetch.max.bytes": str(17 * 1024 * 1024),
        "socket.request.max.bytes": str(64 * 1024 * 1024),
        "log.message.timestamp.type": "LogAppendTime",
        # A loss of power takes at most the last second, as of Redis: flushing each record cost 1.7 times the
        # time of an append and five sixths of the throughput, flushing once a second hardly anything.
        "log.flush.interval.ms": "1000",
        "log.flush.scheduler.interval.ms": "1000",
        "log.retention.ms": "-1",
        "log.segment.bytes": str(256 * 1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "background.threads": "2",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
        "log.retention.check.interval.ms": "300000",
        "controlled.shutdown.enable": "true",
        "metric.reporters": "",
        "auto.include.jmx.reporter": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


_LOG4J2: Final = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c %m%n
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = INFO
"""


if __name__ == "__main__":  # deploy/install.sh fetches before there is a virtual environment
    asyncio.run(make_class_archive(default_cache()))
