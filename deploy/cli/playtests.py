"""`questlog playtests`: keys of batches and who gets them, transcripts, and the operator's part."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from rich.progress import track

from deploy.cli import playtests_operation
from deploy.cli.running_stack import of_home
from deploy.playtest_administration import open_administration
from schemas.playtests.limits import KEY_CHARACTERS_MAX, KEYS_PER_BATCH_MAX
from schemas.playtests.recordings import TRANSCRIPT_BYTES_MAX
from streams.playtests.administration import Recipient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streams.playtests.administration import Batch, PlaytestAdministration

FILE_BYTES_MAX: Final = 16 * 2**20
NOTE_CHARACTERS_MAX: Final = 2_000
IMPORTED_AT_ONCE: Final = 1_000
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\Z")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,39}\Z")

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True)
keys_app = typer.Typer(no_args_is_help=True, help="Keys of a batch, and who gets them.")
app.add_typer(keys_app, name="keys")
playtests_operation.join(app)
GameName = Annotated[str, typer.Argument(metavar="GAME", help="Slug or id of the game.")]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id, as the game declares it.")]
InFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A text in UTF-8.")]
StudioName = Annotated[
    str, typer.Option("--studio", help="The studio's slug, where several have the game's.")
]
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _playtests() -> None:
    """Keys of batches, invites, links; transcripts; credit, payouts, free trials, persons."""


@keys_app.command("import")
def import_command(  # noqa: PLR0917 - typer passes options by name
    game: GameName,
    batch: BatchId,
    file: InFile,
    studio: StudioName = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Add the codes in FILE, one a line, to a batch. Codes that the studio has are told and skipped."""
    lines = _text(file, FILE_BYTES_MAX).split("\n")
    codes = {number: line.removesuffix("\r") for number, line in enumerate(lines, 1) if line.strip()}
    for number, code in codes.items():
        if len(code) > KEY_CHARACTERS_MAX:
            raise typer.BadParameter(f"{file}:{number}: a code has at most {KEY_CHARACTERS_MAX} characters")
    if len(codes) > KEYS_PER_BATCH_MAX:
        raise typer.BadParameter(f"{file}: a batch holds at most {KEYS_PER_BATCH_MAX:,} keys")

    async def add(administration: PlaytestAdministration, where: Batch) -> tuple[int, list[int]]:
        numbers, imported, skipped = list(codes), 0, []
        for begin in track(range(0, len(numbers), IMPORTED_AT_ONCE), "importing", disable=not _on_terminal()):
            some = numbers[begin : begin + IMPORTED_AT_ONCE]
            new, had = await administration.import_codes(where, [codes[number] for number in some])
            imported += new
            skipped += [some[position] for position in had]
        return imported, skipped

    imported, skipped = _on_batch(home, studio, game, batch, add)
    if as_json:
        print(json.dumps({"imported": imported, "skipped_lines": skipped}))
        return
    for number in skipped:
        print(f"{file}:{number}: skipped: the studio has this code already")
    print(f"{imported:,} imported, {len(skipped):,} skipped")


@keys_app.command("mint")
def mint_command(  # noqa: PLR0917 - typer passes options by name
    game: GameName,
    batch: BatchId,
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=KEYS_PER_BATCH_MAX)],
    studio: StudioName = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Make N codes for a batch whose source is `generated`. Only the person who redeems a code sees it."""
    made = _on_batch(
        home, studio, game, batch, lambda administration, where: administration.mint(where, count)
    )
    print(json.dumps({"minted": made}) if as_json else f"{made:,} minted")


@keys_app.command("revoke")
def revoke_command(  # noqa: PLR0917 - typer passes options by name
    game: GameName,
    batch: BatchId,
    key_ids: Annotated[list[str], typer.Argument(metavar="KEY", help="Ids (ptk_…), as S1 lists them.")],
    studio: StudioName = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """End keys for good, all or none. Testers that they are linked to are unlinked."""
    _on_batch(home, studio, game, batch, lambda administration, where: administration.revoke(where, key_ids))
    revoked = len(set(key_ids))
    print(json.dumps({"revoked": revoked}) if as_json else f"{revoked:,} revoked")


@keys_app.command("invite")
def invite_command(  # noqa: PLR0917 - typer passes options by name
    game: GameName,
    batch: BatchId,
    file: InFile,
    studio: StudioName = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Reserve a key for each person in FILE and print their links: a CSV of e-mail and, if you like, a note.

    Nothing is mailed: send the links. Who was invited to the batch before gets no other key: the same link is
    printed again, until it is redeemed.
    """
    recipients = _recipients(file)

    async def invite(
        administration: PlaytestAdministration, where: Batch
    ) -> tuple[dict[str, str], dict[str, str]]:
        new = await administration.invite(where, recipients)
        before = [one.email for one in recipients if one.email not in new]
        return new, await administration.open_links(where, before)

    new, again = _on_batch(home, studio, game, batch, invite)
    if as_json:
        print(json.dumps(new | again))
        return
    for one in recipients:
        before = f"{again[one.email]}\tinvited before" if one.email in again else "skipped: redeemed before"
        print(f"{one.email}\t{new.get(one.email, before)}")


@keys_app.command("share")
def share_command(  # noqa: PLR0917 - typer passes options by name
    game: GameName,
    batch: BatchId,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make another; the former ends.")] = False,  # noqa: FBT002 - a typer flag
    studio: StudioName = "",
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Print a public batch's link."""
    link = _on_batch(
        home,
        studio,
        game,
        batch,
        lambda administration, where: administration.share(where, rotate=rotate),
    )
    print(json.dumps({"share_url": link}) if as_json else link)


@app.command("transcript")
def transcript_command(  # noqa: PLR0917 - typer passes options by name
    slot: Annotated[str, typer.Argument(metavar="SLOT", help="The slot's id.")],
    file: InFile,
    version: Annotated[str, typer.Option(help="Names it: transcript-<version>.txt.")] = "operator",
    takeaway: Annotated[list[str] | None, typer.Option(help="A key takeaway; give several.")] = None,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Give a submission the transcript in FILE: it is the selected one from now on."""
    if _VERSION.match(version) is None:
        raise typer.BadParameter("a version has 1 to 40 letters, digits, `_`, `.` and `-`")
    text = _text(file, TRANSCRIPT_BYTES_MAX)
    if not text:
        raise typer.BadParameter(f"{file} is empty")

    async def give() -> None:
        async with open_administration(of_home(home)) as administration:
            await administration.transcript(slot, text, version=version, takeaways=takeaway or [])

    asyncio.run(give())
    told = {"slot_id": slot, "version": version}
    print(json.dumps(told) if as_json else f"{slot} has the transcript {version}")


def _recipients(file: Path) -> list[Recipient]:
    found = []
    for number, row in enumerate(csv.reader(_text(file, FILE_BYTES_MAX).splitlines()), 1):
        email, note = (row[0].strip() if row else ""), ",".join(row[1:]).strip()
        if not email:
            continue
        if _EMAIL.match(email) is None:
            raise typer.BadParameter(f"{file}:{number}: no e-mail address comes first")
        if len(note) > NOTE_CHARACTERS_MAX:
            raise typer.BadParameter(
                f"{file}:{number}: a note has at most {NOTE_CHARACTERS_MAX:,} characters"
            )
        found.append(Recipient(email, note or None))
    if len(found) > KEYS_PER_BATCH_MAX:
        raise typer.BadParameter(f"{file}: a batch holds at most {KEYS_PER_BATCH_MAX:,} keys")
    return found


def _text(file: Path, bytes_max: int) -> str:
    if file.stat().st_size > bytes_max:
        raise typer.BadParameter(f"{file} has more than {bytes_max:,} bytes")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file} is not UTF-8: {error.reason} at byte {error.start:,}") from None


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _on_batch(
    home: str | None,
    studio: str,
    game: str,
    batch: str,
    ask: Callable[[PlaytestAdministration, Batch], Awaitable[T]],
) -> T:
    async def asked() -> T:
        async with open_administration(of_home(home)) as administration:
            return await ask(administration, await administration.batch(game, batch, studio))

    return asyncio.run(asked())
