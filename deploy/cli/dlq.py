"""`questlog dlq`: what could not be read, whole, with where it came from; and how to try it again.

A replay gives the commands or telemetry entries in a dead letter new ids (`id#rN`) and appends them again.
That it was replayed is appended to the dead letters themselves, so that every replay has a number of its own.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from deploy.brokers import brokers_of
from deploy.cli.errors import RequestRefused
from deploy.cli.piped import say
from deploy.cli.running_stack import of_home
from deploy.clock import now_ms
from deploy.command_clients import open_commands
from deploy.nouns import deciding
from deploy.operations import recorded
from deploy.redis_stores import open_stores
from projections.telemetry.failing_requests import take_in
from projections.telemetry.open_batch import SKIPPED
from schemas.dead_letters import DeadLetter, append_dead_letter, decode_dead_letter, replayed_id
from schemas.envelope import Command, CommandRecord
from schemas.log import LogRecord
from schemas.telemetry.noun import TELEMETRY
from schemas.telemetry.record import TelemetryEntry, decode_record, encode_record
from schemas.timestamps import iso_ms
from schemas.topics import DEAD_LETTERS
from streams.gateway.commands import CommandClient
from streams.gateway.pending_commands import CommandConflict, CommandTooLarge, CommandUnavailable
from streams.runtime.partition_reads import KafkaTail
from streams.runtime.producer import KafkaAppender

if TYPE_CHECKING:
    from deploy.settings import Settings

REPLAYED: Final = "replayed"
"""The reason in the note that a replay leaves beside a dead letter."""
app = typer.Typer(no_args_is_help=True)
COLUMNS: Final = ("id", "appended", "reader", "reason", "place", "replays", "error")
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
LetterId = Annotated[str, typer.Argument(help="The dead letter's id, as `dlq list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Entry(msgspec.Struct):
    """A dead letter and how often it was replayed."""

    letter: DeadLetter
    replays: int = 0


@app.callback()
def _dlq() -> None:
    """List, show and replay what could not be read."""


@app.command("list")
def list_command(home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """List dead letters, oldest first; piped: tab-separated."""
    entries = asyncio.run(_entries(of_home(home)))
    if as_json:
        print(json.dumps([_summary(entry) for entry in entries.values()]))
        return
    lines = [line for entry in entries.values() for line in entry_lines(entry)]
    say(COLUMNS, map(entry_cells, entries.values()), [*lines, f"{len(entries)} dead letter(s)"])


def entry_cells(entry: Entry) -> list[str]:
    """A dead letter as a row of `COLUMNS`."""
    letter = entry.letter
    place = f"{letter.topic}-{letter.partition}@{letter.offset}"
    appended = iso_ms(letter.appended_at_ms)
    return [letter.id, appended, letter.reader, letter.reason, place, str(entry.replays), letter.error]


def entry_lines(entry: Entry) -> list[str]:
    """A dead letter as `list` shows it: its id and time, then who gave up and how often, then the error."""
    letter = entry.letter
    return [
        f"{letter.id}  {iso_ms(letter.appended_at_ms)}",
        f"    {letter.reader}, {letter.reason}, replayed {entry.replays} times",
        f"    {letter.error}",
    ]


@app.command("show")
def show_command(letter_id: LetterId, home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Show one dead letter with its body."""
    entry = asyncio.run(_entry(of_home(home), letter_id))
    shown = _summary(entry) | {"body": _readable(entry.letter.body)}
    if as_json:
        print(json.dumps(shown, default=repr))
        return
    for name, value in shown.items():
        print(f"{name:<16}{value}")


@app.command("replay")
def replay_command(letter_id: LetterId, home: Home = None) -> None:
    """Append what is in a dead letter again, under new ids. Refused while this build can't read it either."""
    for line in asyncio.run(_replay(of_home(home), letter_id)):
        print(line)


async def _entries(settings: Settings) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    tail = KafkaTail(brokers_of(settings), client_id="questlog-dlq")
    try:
        begin = await tail.begin_offset(DEAD_LETTERS.name, 0)
        async for record in tail.read(DEAD_LETTERS.name, 0, begin):
            letter = decode_dead_letter(record.value)
            entry = entries.get(letter.id)
            if letter.reason == REPLAYED:
                if entry is not None:
                    entry.replays += 1
            elif entry is None:  # the same failure, found again after a restart, is one dead letter
                entries[letter.id] = Entry(letter)
    finally:
        await tail.stop()
    return entries


async def _entry(settings: Settings, letter_id: str) -> Entry:
    entry = (await _entries(settings)).get(letter_id)
    if entry is None:
        raise RequestRefused(f"there is no dead letter {letter_id}")
    if entry.letter.body is None:
        record = await _source(settings, entry.letter)
        return Entry(msgspec.structs.replace(entry.letter, body=record), entry.replays)
    return entry


async def _source(settings: Settings, letter: DeadLetter) -> bytes:
    """The record that a dead letter came from, as it is in the log."""
    tail = KafkaTail(brokers_of(settings), client_id="questlog-dlq")
    try:
        async for record in tail.read(letter.topic, letter.partition, letter.offset, letter.offset + 1):
            return record.value
    finally:
        await tail.stop()
    raise RequestRefused(f"the record that {letter.id} came from is no longer kept")


async def _replay(settings: Settings, letter_id: str) -> list[str]:
    entry = await _entry(settings, letter_id)
    letter, attempt = entry.letter, entry.replays + 1
    contents = await _contents(settings, letter)
    telemetry = contents.telemetry
    if letter.reason == SKIPPED:
        _refuse_still_failing(letter, encode_record(telemetry))
    async with AsyncExitStack() as stack:
        appender = KafkaAppender(brokers_of(settings), client_id="questlog-dlq")
        stack.push_async_callback(appender.stop)
        await stack.enter_async_context(recorded(settings, "dlq replay", target=letter_id))
        note = msgspec.structs.replace(letter, reader="questlog dlq", reason=REPLAYED, body=None, key=None)
        await append_dead_letter(appender, note)  # first: a number is used once, even if the rest fails
        if telemetry:
            again = [
                msgspec.structs.replace(one, request_id=replayed_id(one.request_id, attempt))
                for one in telemetry
            ]
            record = encode_record(again)
            where = await appender.append(TELEMETRY.name, letter.partition, record, letter.key)
            return [f"{one.request_id}: appended at {where.partition}@{where.offset}" for one in again]
        client = await _open_client(settings, letter.topic, appender, stack)
        lines = []
        for command in contents.commands:
            new_id = replayed_id(command.command_id, attempt)
            asked = msgspec.structs.replace(command, command_id=new_id, at_ms=now_ms())
            definition = contents.definitions.get(command.definition, b"")
            lines.append(f"{new_id}: {await _status(client, asked, definition, letter.partition)}")
        return lines


async def _open_client(
    settings: Settings, topic: str, appender: KafkaAppender, stack: AsyncExitStack
) -> CommandClient:
    """A gateway of the noun that has this commands topic; closed with `stack`."""
    noun = next(noun for noun in deciding(settings) if noun.commands.name == topic)
    stores = open_stores(settings)
    stack.push_async_callback(stores.aclose)
    own = stores.of(noun.projection)
    return await open_commands(stack, noun.commands, own, appender=appender, client="cli")


async def _status(client: CommandClient, command: Command, definition: bytes, partition: int) -> int:
    """The status of a command's outcome; 503 where there was none in time, 409 and 413 as over HTTP."""
    try:
        return (await client.submit(command, definition=definition, partition=partition)).status
    except CommandUnavailable:
        return 503
    except CommandConflict:
        return 409
    except CommandTooLarge:
        return 413


class _Contents(msgspec.Struct):
    """What a dead letter holds, of one of the two kinds."""

    commands: list[Command] = []
    definitions: dict[str, bytes] = {}
    """What the commands were resolved with, by `Command.definition`."""
    telemetry: list[TelemetryEntry] = []


async def _contents(settings: Settings, letter: DeadLetter) -> _Contents:
    """What can be appended again. Refused where this build can't read it."""
    body = letter.body or b""
    try:
        if any(letter.topic == noun.commands.name for noun in deciding(settings)):
            if letter.index is None:
                record = msgspec.msgpack.decode(body, type=CommandRecord)
                return _Contents(commands=record.commands, definitions=record.definitions)
            command = msgspec.msgpack.decode(body, type=Command)
            definitions = {}
            if command.definition:  # it is in the source record, once for all of its commands
                source = await _source(settings, letter)
                definitions = msgspec.msgpack.decode(source, type=CommandRecord).definitions
            return _Contents(commands=[command], definitions=definitions)
        if letter.topic == TELEMETRY.name:
            if letter.index is None:
                return _Contents(telemetry=decode_record(body).entries)
            # The letter holds what the client sent; whose it was is in the record.
            return _Contents(telemetry=[decode_record(await _source(settings, letter)).entries[letter.index]])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RequestRefused(f"this build can't read {letter.id} either: {error}") from None
    raise RequestRefused(f"nothing here appends to {letter.topic}")


def _refuse_still_failing(letter: DeadLetter, value: bytes) -> None:
    """Refused while this build fails at what was skipped as well: it would hold up the partition again."""
    record = LogRecord(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        appended_at_ms=letter.appended_at_ms,
        key=letter.key,
        value=value,
    )
    try:
        take_in(record)
    except Exception as error:  # noqa: BLE001 - whatever it is, the projector would meet it too
        raise RequestRefused(f"this build can't take {letter.id} in either: {error!r}") from None


def _summary(entry: Entry) -> dict[str, Any]:
    letter = entry.letter
    names = ("topic", "partition", "offset", "index", "reader", "reason", "error")
    return {
        "id": letter.id,
        "appended_at": iso_ms(letter.appended_at_ms),
        **{name: getattr(letter, name) for name in names},
        "bytes": None if letter.body is None else len(letter.body),
        "replays": entry.replays,
    }


def _readable(body: bytes | None) -> Any:
    """The body as data where it is MessagePack or JSON, else as hexadecimal digits."""
    if body is None:
        return None
    for decode in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            return decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
    return body.hex()
