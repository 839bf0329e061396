"""The smallest noun: counters. One command, one event, one table, one read, one write.

Everything that a noun declares is here; `site/sitecustomize.py` is its line in the table of nouns.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from immutables import Map

from deploy.clock import now_ms
from deploy.noun import Edge, Noun, Served
from projections.clickhouse.client import ClickHouse
from projections.clickhouse.noun_tables import Rows, TableSet
from projections.clickhouse.tables import event_tables
from projections.redis.operations import Operation, set_field
from projections.redis.read_batches import ReadBatches
from projections.redis.reader import Projection
from projections.telemetry.queries.client import ClickHouseQueries
from schemas.codec import Codec, Message
from schemas.edge.credentials import Credentials
from schemas.edge.errors import CODES, Refused, error_body
from schemas.edge.openapi import Document, Refusal
from schemas.edge.parameters import Parameter, Text
from schemas.edge.ports import Credential, KeyKind, StoreUnavailable
from schemas.edge.routes import Answer, Body, Found, Route, RouteTable
from schemas.edge.surfaces import Failure, Surface
from schemas.envelope import CommandRejected, Decided, EventsRecord, Outcome
from schemas.identifiers import id_problem
from schemas.noun import NounSchema
from schemas.outcomes import outcome
from schemas.topics import Topic
from streams.asking import Asker, CommandRefused
from streams.deciders.noun import Noun as Decider
from streams.deciders.noun import Request as Asked
from streams.deciders.noun import Verdict
from streams.gateway.commands import CommandClient
from streams.gateway.http import Request, Response, json_response
from streams.gateway.pending_commands import CommandUnavailable
from streams.gateway.services import Services, bearer

MOST = 1_000_000
BODY_BYTES_MAX = 64 * 1024


class Add(Message, frozen=True, kw_only=True):
    """Add to a counter."""

    WIRE: ClassVar[str] = "tiny.add.v1"
    counter: str
    amount: int


class Added(Message, frozen=True, kw_only=True):
    """Something was added."""

    WIRE: ClassVar[str] = "tiny.added.v1"
    counter: str
    amount: int
    total: int


COMMANDS: Codec[Message] = Codec((Add,))
EVENTS: Codec[Message] = Codec((Added,))
EVENTS_TOPIC = Topic(name="tiny.events", partitions=2, description="One record for each of tiny.commands.")


def _error(failure: Failure) -> dict[str, Any]:
    return {"tiny": failure.code or CODES[failure.status], "message": failure.message}


SURFACE = Surface(name="tiny", paths=r"/api/tiny(?=/|$)", error=_error, client_safe=r"/api/tiny/")
SCHEMA = NounSchema(
    name="tiny",
    topics=(Topic(name="tiny.commands", partitions=2, description="What counters are asked."), EVENTS_TOPIC),
    commands=COMMANDS,
    events=EVENTS,
    surfaces=(SURFACE,),
)

# The decider: a counter's total, how many events it had, and when.
State = Map[str, tuple[int, int, int]]
NONE = (0, 0, 0)


def decide(state: State, request: Asked) -> Verdict:
    assert isinstance(request.command, Add)
    total = state.get(request.command.counter, NONE)[0] + request.command.amount
    if total > MOST:
        return CommandRejected(status=409, code="full", message=f"a counter holds at most {MOST}")
    return (Added(counter=request.command.counter, amount=request.command.amount, total=total),)


def evolve(state: State, event: Message, at_ms: int) -> State:
    assert isinstance(event, Added)
    return state.set(event.counter, (event.total, state.get(event.counter, NONE)[1] + 1, at_ms))


def pack(state: State) -> Iterator[bytes]:
    yield msgspec.msgpack.encode(dict(state))


def unpack(pieces: Iterable[bytes | memoryview]) -> State:
    return Map(msgspec.msgpack.decode(b"".join(pieces), type=dict[str, tuple[int, int, int]]))


DECIDER: Decider[State] = Decider(
    name="tiny",
    commands=COMMANDS,
    events=EVENTS,
    initial=Map(),
    decide=decide,
    evolve=evolve,
    aggregate_of=lambda event: event.counter if isinstance(event, Added) else "",
    sequence=lambda state, counter: state.get(counter, NONE)[1],
    time_of=lambda state, counter: state.get(counter, NONE)[2],
    pack=pack,
    unpack=unpack,
    code=(sys.modules[__name__],),
)


# The projections: a hash in Redis, a table in ClickHouse.
def project(decided: Decided, messages: Sequence[Any], at_ms: int, partition: int) -> list[Operation]:
    del decided, at_ms, partition
    return [set_field("counters", added.counter, str(added.total)) for added in messages]


def outcome_of(decided: Decided, messages: Sequence[Any]) -> Outcome | None:
    return outcome(decided, lambda: (200, messages[-1]))


def add_rows(record: EventsRecord, partition: int, offset: int, rows: Rows, _changes: list[Any]) -> None:
    for decided in record.decided:
        for number, event in enumerate(decided.events):
            if event.type == Added.WIRE:
                added = EVENTS.decode(event.type, event.data)
                assert isinstance(added, Added)
                place = [partition, offset, decided.command_id, number]
                rows["tiny_added"].append([decided.studio_id, added.counter, added.amount, *place])


async def unchanged(_client: ClickHouse, _changes: Sequence[Any], _ends: Mapping[int, int]) -> Rows:
    return {}


TABLES = TableSet(
    topic=EVENTS_TOPIC.name,
    columns={
        "tiny_added": (
            *("studio_id", "counter", "amount", "_partition", "_offset"),
            *("command_id", "number"),
        )
    },
    add=add_rows,
    changed=unchanged,
)
SQL = """CREATE TABLE IF NOT EXISTS tiny_added
(
    studio_id String, counter String, amount Int64, _partition UInt16, _offset UInt64, command_id String,
    number UInt32
)
ENGINE = ReplacingMergeTree ORDER BY (studio_id, counter, command_id, number)
"""
"""What would be the next numbered file in `projections/clickhouse`."""


# The edges.
class AddBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much to add."""

    amount: Annotated[int, msgspec.Meta(ge=-1000, le=1000)]


class CounterAnswer(msgspec.Struct, frozen=True):
    """A counter."""

    counter: str
    total: int


class ErrorAnswer(msgspec.Struct, frozen=True):
    """What went wrong."""

    tiny: str
    message: str


KEYS = frozenset({KeyKind.SDK_SERVER})
TEMPLATE = "/api/tiny/counters/{counter}"
_ANSWERS = (Answer(kind=CounterAnswer, description="The counter."),)
ADD = Route(
    name="add",
    method="POST",
    template=TEMPLATE,
    summary="Add to a counter",
    tag="Tiny",
    keys=KEYS,
    answers=_ANSWERS,
    errors=(409,),
    body=Body(kinds=(AddBody,), bytes_max=1024),
    command=Add,
)
READ = Route(
    name="read",
    method="GET",
    template=TEMPLATE,
    summary="Read a counter",
    tag="Tiny",
    keys=KEYS,
    answers=_ANSWERS,
    errors=(404,),
)
DOCUMENT = Document(
    title="Tiny",
    description="Counters.",
    credentials={KeyKind.SDK_SERVER: {"bearer": {"type": "http", "scheme": "bearer"}}},
    error=ErrorAnswer,
    refusals={status: Refusal(code) for status, code in ({**CODES, 409: "conflict"}).items()},
    names={"counter": Parameter(name="counter", place="path", kind=Text(1, 128), description="Its name.")},
)


def check(name: str) -> None:
    problem = id_problem(name)
    if problem is not None:
        raise Refused(400, f"the counter's name {problem}")


def allowed(credential: Credential | None) -> Credential:
    if credential is None or credential.kind not in KEYS:
        raise Refused(401, "the key is not valid here")
    return credential


class Writes:
    routes = (ADD,)

    def __init__(self, _edge: Edge, commands: CommandClient, services: Services) -> None:
        self._services = services
        self._asker = Asker(commands, COMMANDS, clock_ms=now_ms, randomness=secrets.token_bytes)

    async def __call__(self, request: Request, found: Found) -> Response:
        if request.method != "POST":
            raise Refused(405, "not here", headers=((b"allow", b"GET, HEAD, POST, OPTIONS"),))
        credential = allowed(await self._services.credential(bearer(request)))
        counter = found.names["counter"]
        check(counter)
        try:
            data = await self._services.body(request, BODY_BYTES_MAX, credential.key_id)
            amount = msgspec.json.decode(data, type=AddBody).amount
            outcome = await self._asker.ask(
                Add(counter=counter, amount=amount),
                aggregate_id=counter,
                studio_id=credential.studio_id,
                game_id=credential.game_id,
            )
        except msgspec.DecodeError as error:
            raise Refused(400, str(error)) from None
        except CommandRefused as error:
            raise Refused(error.status, str(error), code=error.code) from None
        except CommandUnavailable as error:
            raise StoreUnavailable(str(error)) from None
        added = msgspec.msgpack.decode(outcome.body, type=Added)
        return json_response(200, CounterAnswer(added.counter, added.total))


class Reads:
    def __init__(self, edge: Edge, _queries: ClickHouseQueries) -> None:
        self._find = RouteTable((READ,)).find
        self._credentials = Credentials(edge.directory)
        self._read = ReadBatches(edge.redis, "tiny").read

    def handles(self, scope: Any) -> bool:
        return self._find(scope) is not None

    async def close(self) -> None:
        pass

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del receive  # a read has no body
        found = self._find(scope)
        assert found is not None
        headers = [(b"content-type", b"application/json"), (b"x-request-id", b"tiny")]
        try:
            status, content = 200, msgspec.json.encode(await self._counter(scope, found.names["counter"]))
        except (Refused, StoreUnavailable) as error:
            refused = error if isinstance(error, Refused) else Refused(503, str(error))
            status = refused.status
            content = msgspec.json.encode(error_body(SURFACE, status, refused.message))
        if status in {429, 503}:
            headers.append((b"retry-after", b"1"))
        headers.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _counter(self, scope: Any, name: str) -> CounterAnswer:
        presented = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        allowed(await self._credentials.credential(presented.removeprefix("Bearer ")))
        check(name)
        (total,) = await self._read(("hget", "counters", name, ""))
        if total is None:
            raise Refused(404, "there is no such counter")
        return CounterAnswer(name, int(total))


TINY = Noun(
    schema=SCHEMA,
    decider=DECIDER,
    projection=Projection(
        noun="tiny", topic=EVENTS_TOPIC, events=EVENTS, project=project, outcome_of=outcome_of
    ),
    tables=(event_tables(EVENTS_TOPIC, TABLES, kept=("tiny_added",)),),
    served=lambda: Served(writes=Writes, reads=Reads, documents={"tiny": (DOCUMENT, (READ, ADD))}),
)
