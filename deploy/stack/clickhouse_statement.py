"""What the HTTP edge must know of a statement before the engine sees it.

Its kind, and where inserted data begins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_BYTES_MAX: Final = 1 << 20
"""An INSERT's text must end within its first MiB; data after it may have any length."""

_SKIP: Final = re.compile(
    rb"""\s+ | --[^\n]*(?:\n|\Z) | \#[ !][^\n]*(?:\n|\Z) | /\*.*?\*/""", re.VERBOSE | re.DOTALL
)
_TOKEN: Final = re.compile(
    rb"""
    (?P<skip>\s+ | --[^\n]*(?:\n|\Z) | \#[\ !][^\n]*(?:\n|\Z) | /\*.*?(?:\*/|\Z) )
  | (?P<quoted>'(?>(?:[^'\\]|\\(?:.|\Z)|'')*)(?:'|\Z) | "(?>(?:[^"\\]|\\(?:.|\Z)|"")*)(?:"|\Z)
              | `(?>(?:[^`\\]|\\(?:.|\Z)|``)*)(?:`|\Z) | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<word>\w+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
"""A comment or a quote without an end, which the engine refuses, goes on to the statement's: each byte is
looked at once. Only a `$` may be looked for to the end in vain."""
_FORMAT: Final = re.compile(rb"\bFORMAT\s+(\w+)", re.IGNORECASE)
_IN_PIECES: Final = frozenset(
    {
        *(
            "Native",
            "RowBinary",
            "RawBLOB",
            "LineAsString",
            "TabSeparated",
            "TSV",
            "TabSeparatedRaw",
            "TSVRaw",
        ),
        *("CSV", "JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow", "JSONCompactEachRow"),
        "JSONCompactStringsEachRow",
    }
)
_WITH_HEADER: Final = frozenset({"RowBinaryWithNames", "RowBinaryWithNamesAndTypes"})
_OUTSIDE_FUNCTIONS: Final = frozenset({b"file", b"python", b"executable", b"arrowstream"})
_OUTSIDE: Final = re.compile(rb"\b(?:infile|outfile|file|python|executable|arrowstream)\b", re.IGNORECASE)
_STREAMED: Final = frozenset({b"SELECT", b"WITH", b"FROM", b"("})
_STATELESS: Final = _STREAMED | {b"INSERT", b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN"}


class Insert(NamedTuple):
    """An INSERT whose data follows its text.

    The text before FORMAT, the format, and the offset of the data.
    """

    text: bytes
    format: str
    data_at: int


def first_word(statement: bytes) -> bytes:
    """The statement's first keyword in upper case (or `(`), comments and blanks skipped.

    Empty where there is none.
    """
    at = 0
    while skipped := _SKIP.match(statement, at):
        at = skipped.end()
    word = re.compile(rb"\w+|\(").match(statement, at)
    return word[0].upper() if word else b""


def output_format(statement: bytes, default: str) -> str:
    """The format the statement asks for at its end, else the default."""
    found = _FORMAT.findall(statement[-2048:])
    return str(found[-1].decode()) if found else default


def is_streamed(statement: bytes, word: bytes, default: str) -> bool:
    """True where the engine may give the result in pieces: each is a document of its own.

    Formats with a beginning or an end (JSON, Arrow, CSVWithNames…) come in one piece. In doubt one piece.
    """
    asked = output_format(statement, default)
    may = _IN_PIECES | _WITH_HEADER
    return word in _STREAMED and asked in may and default in may


def has_header(form: str) -> bool:
    """True for formats that come in pieces and begin with names of columns."""
    return form in _WITH_HEADER


def header_bytes(document: bytes, form: str) -> int:
    """How long the names (and types) are with which a document begins; 0 for formats that begin with rows."""
    if not has_header(form):
        return 0
    count, at = _length(document, 0)
    for _ in range(count * (2 if form.endswith("AndTypes") else 1)):
        size, at = _length(document, at)
        at += size
    return at


def leaves_session(word: bytes) -> bool:
    """True for statements that may change their connection (SET, USE, temporary tables).

    It isn't used again.
    """
    return word not in _STATELESS


def is_single(statement: bytes) -> bool:
    """False where text follows a semicolon: ClickHouse's HTTP interface takes one statement a request."""
    if b";" not in statement:
        return True
    ended = False
    for token in _TOKEN.finditer(statement):
        if token["skip"] is not None:
            continue
        if token["other"] == b";":
            ended = True
        elif ended:
            return False
    return True


def is_structure(text: bytes) -> bool:
    """True for `name Type, name Type(…)`: columns without expressions, and nothing after them."""
    depth = 0
    shape = ""
    for token in _TOKEN.finditer(text):
        if token["skip"] is not None:
            continue
        depth -= token["other"] == b")"
        if depth == 0 and token["other"] != b")":
            shape += "w" if token["other"] is None else token["other"].decode("latin-1")
        depth += token["other"] == b"("
        if depth < 0:
            return False
    return depth == 0 and re.fullmatch(r"ww\(?(,ww\(?)*", shape) is not None


def tokens(statement: bytes) -> Iterator[re.Match[bytes]]:
    """The statement's tokens in order: `skip` (blanks, comments), `quoted`, `word` or `other` matched."""
    return _TOKEN.finditer(statement)


def words(statement: bytes) -> set[bytes]:
    """All bare words outside quotes and comments, in upper case."""
    return {token["word"].upper() for token in _TOKEN.finditer(statement) if token["word"] is not None}


def outside(statement: bytes) -> str | None:
    """The first word by which a statement would read or write what is not ClickHouse's: files, this process.

    None where there is none. The engine's own rights refuse every other way (clickhouse_access.py).
    """
    found = split_insert(statement)
    text = statement if found is None else statement[: found.data_at]
    if _OUTSIDE.search(text) is None:
        return None
    bare = [token for token in _TOKEN.finditer(text) if token["skip"] is None]
    for token, following in zip(bare, [*bare[1:], None], strict=True):
        if token["word"] is not None and token["word"].upper() in {b"INFILE", b"OUTFILE"}:
            return str(token["word"].decode())
        name = token[0].strip(b'`"').lower()
        if name in _OUTSIDE_FUNCTIONS and following is not None and following[0] == b"(":
            return str(name.decode())
    return None


def defined_names(statement: bytes) -> set[str]:
    """Names that the statement itself may define: every bare word before `AS (`."""
    bare = [token[0] for token in _TOKEN.finditer(statement) if token["skip"] is None]
    return {
        name.decode(errors="replace")
        for name, following, opening in zip(bare, bare[1:], bare[2:], strict=False)
        if following.upper() == b"AS" and opening == b"("
    }


def split_insert(statement: bytes) -> Insert | None:
    """Where `INSERT INTO … FORMAT name` ends and its data begins; None for every other statement.

    The data begins after the format's name, blanks and one line end, as in ClickHouse's own parser.
    """
    if first_word(statement[:4096]) != b"INSERT":
        return None
    depth = 0
    format_at = -1
    for token in _TOKEN.finditer(statement, 0, min(len(statement), HEAD_BYTES_MAX)):
        if token["skip"] is not None:
            continue
        if token["other"] is not None:
            depth += {b"(": 1, b")": -1}.get(token["other"], 0)
        if token["word"] is None:
            format_at = -1
            continue
        word = token["word"].upper()
        if format_at >= 0:
            return Insert(statement[:format_at], token["word"].decode(), _data_start(statement, token.end()))
        if depth == 0 and word in {b"SELECT", b"VALUES", b"WITH", b"WATCH"}:
            return None
        format_at = token.start() if depth == 0 and word == b"FORMAT" else -1
    return None


def clause_at(statement: bytes, word: bytes) -> int:
    """Where a top-level keyword (in capitals) stands; the statement's length where it has none."""
    depth = 0
    for token in _TOKEN.finditer(statement):
        if token["other"] is not None:
            depth += {b"(": 1, b")": -1}.get(token["other"], 0)
        elif depth == 0 and token["word"] is not None and token["word"].upper() == word:
            return token.start()
    return len(statement)


def _length(document: bytes, at: int) -> tuple[int, int]:
    """A number of LEB128, and where it ends."""
    value = shift = 0
    while True:
        byte = document[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _data_start(statement: bytes, at: int) -> int:
    gap = re.compile(rb"[ \t\f]*(?:;[ \t\f]*)?\r?\n?").match(statement, at)
    return gap.end() if gap else at
