"""`questlog persons`: what is held of one person of a studio, in all stores; as one archive; forgotten."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from deploy import person_forgetting
from deploy.cli.errors import RequestRefused
from deploy.cli.running_stack import of_home
from deploy.clock import now_ms
from deploy.forgetting import ForgettingRefused
from deploy.operations import recorded
from deploy.person_archive import ArchiveRefused
from deploy.person_forgetting import FORGETS, noun_of, parted
from deploy.persons import PersonUnknown, open_persons
from schemas.persons import ELSEWHERE
from schemas.timestamps import iso_ms

if TYPE_CHECKING:
    from deploy.person_archive import Manifest
    from deploy.person_forgetting import Held
    from deploy.persons import Place
    from schemas.persons import Person

app = typer.Typer(no_args_is_help=True)
StudioName = Annotated[str, typer.Argument(metavar="STUDIO", help="The studio's slug or id.")]
PersonId = Annotated[
    str, typer.Argument(metavar="ID", help="A player's, device's or playtester's id, or a tester's handle.")
]
Home = Annotated[str | None, typer.Option(envvar="QUESTLOG_HOME", help="The stack's home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ID_CHARACTERS_MAX: Final = 1_024
"""Older releases took longer ones than today's surfaces do."""


@app.callback()
def _persons() -> None:
    """Everything of one person of a studio: find it, hand it out, forget it."""


@app.command("find")
def find_command(studio: StudioName, person: PersonId, home: Home = None, as_json: Json = False) -> None:  # noqa: FBT002 - a typer flag
    """Say how much of what is held of a person, and where."""

    async def find() -> tuple[Person, list[Place]]:
        async with open_persons(of_home(home)) as persons:
            try:
                known = await persons.person(studio, checked(person))
            except PersonUnknown as unknown:
                raise RequestRefused(str(unknown)) from None
            return known, await persons.find(known)

    known, places = asyncio.run(find())
    if as_json:
        print(json.dumps({"person": msgspec.to_builtins(known), "places": msgspec.to_builtins(places)}))
        return
    print(described(known))
    for place in places:
        print(f"{place.count:>12,}  {place.store:<10}  {place.place}")
    if not places:
        print("nothing is held of them in the stores")
    print("not looked through:")
    for elsewhere in ELSEWHERE:
        print(f"    {elsewhere.place}: kept {elsewhere.until}")


@app.command("export")
def export_command(
    studio: StudioName,
    person: PersonId,
    file: Annotated[
        Path, typer.Option("--to", help="The ZIP to write; it may not be there.", dir_okay=False)
    ],
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Write everything of a person into one ZIP, for its owner alone: JSON Lines, objects, a manifest."""

    async def export() -> Manifest:
        configured = of_home(home)
        async with open_persons(configured) as persons:
            try:
                known = await persons.person(studio, checked(person))
                # Whose it is is not recorded: that would be kept for ever.
                async with recorded(configured, "persons export", studio_id=known.studio_id):
                    return await persons.export(known, file, iso_ms(now_ms()))
            except (PersonUnknown, ArchiveRefused) as refused:
                raise RequestRefused(str(refused)) from None
            except OSError as error:
                raise RequestRefused(f"not exported: {error}") from None

    manifest = asyncio.run(export())
    if as_json:
        print(json.dumps(msgspec.to_builtins(manifest)))
        return
    print(described(manifest.person))
    for one in manifest.files:
        rows = f"{one.rows:,} rows" if one.rows is not None else f"{one.bytes:,} bytes"
        print(f"    {one.name}: {rows}")
    print(f"{file}: {len(manifest.files)} files", file=sys.stderr)


@app.command("forget")
def forget_command(
    studio: StudioName,
    person: PersonId,
    dry_run: Annotated[  # noqa: FBT002 - a typer flag
        bool, typer.Option("--dry-run", help="Only say what would go, and what would stay.")
    ] = False,
    home: Home = None,
    as_json: Json = False,  # noqa: FBT002 - a typer flag
) -> None:
    """Forget a person, for good, in telemetry, live-ops and playtests; later they are left out or refused.

    Boards, slots and ledgers keep ranks, states and money under a pseudonym. What other nouns hold is named
    and stays. It can't be taken back.
    """

    async def forget() -> tuple[Person, Held, Held, bool]:
        configured = of_home(home)
        async with open_persons(configured) as persons:
            try:
                known = await persons.person(studio, checked(person))
                before = parted(await persons.find(known))
                if dry_run:
                    return known, before, before, True
                done = await person_forgetting.forget(configured, persons, known)
                return known, before, parted(await persons.find(known)), done
            except (PersonUnknown, ForgettingRefused) as refused:
                raise RequestRefused(str(refused)) from None

    known, before, after, done = asyncio.run(forget())
    if as_json:
        told = {"person": known, "went": before.goes, "left": after.goes, "stays": after.stays}
        print(json.dumps({**msgspec.to_builtins(told), "dryRun": dry_run, "again": not done}))
        return
    print(described(known))
    if not done:
        print("forgotten already: nothing of them is left, and nothing was written")
    _print_places("would go:" if dry_run else "went:", before.goes)
    _print_places(f"stays ({', '.join(FORGETS)} forget):", after.stays)
    print("stays elsewhere:")
    for elsewhere in ELSEWHERE:
        print(f"    {elsewhere.place}: kept {elsewhere.until}")
    if after.goes and not dry_run:
        raise RequestRefused("something came of them meanwhile: give the same command again")


def _print_places(heading: str, places: list[Place]) -> None:
    print(heading, "" if places else "nothing")
    for place in places:
        print(f"{place.count:>12,}  {noun_of(place):<10}  {place.store:<10}  {place.place}")


def checked(identifier: str) -> str:
    """An id as it may be in a log of any release. RequestRefused otherwise."""
    if not 0 < len(identifier) <= ID_CHARACTERS_MAX:
        raise RequestRefused(f"an id has 1 to {ID_CHARACTERS_MAX:,} characters")
    return identifier


def described(person: Person) -> str:
    """Whom an id means, in a line."""
    also = [
        *(f"device {one}" for one in person.devices),
        *(f"handle {one.name} in {one.game_id}" for one in person.handles),
    ]
    return f"{person.id} of {person.studio_id}" + (f", also {', '.join(also)}" if also else "")
