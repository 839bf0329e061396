"""Changes of key batches and transcripts that the operator asks for: what `questlog playtests` does.

Secrets are sealed here, before they are commands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from schemas.codec import Message
from schemas.edge.ports import Game, Studio
from schemas.identifiers import key_hash
from schemas.objects import ObjectStore
from schemas.playtests.batch_answers import ImportAnswer, InvitesAnswer
from schemas.playtests.batch_commands import (
    ImportKeys,
    NewInvite,
    RevokeKeys,
    RotateShareToken,
    SealedCode,
    SendInvites,
)
from schemas.playtests.batch_views import Invite
from schemas.playtests.commands import COMMANDS
from schemas.playtests.limits import CODES_PER_COMMAND_MAX, INVITES_PER_COMMAND_MAX
from schemas.playtests.names import batch_aggregate, invite_id, order_aggregate
from schemas.playtests.ports import BatchRow
from schemas.playtests.secrets import BatchSecrets, code_fingerprints, email_fingerprints, former, mailbox
from schemas.playtests.slot_commands import ApproveTranscript
from schemas.playtests.tokens import invite_token, share_token, shown_invite_token, shown_share_token
from schemas.playtests.views import Slot
from schemas.seal import Randomness, Sealer
from schemas.studio.unknown_studio import unknown_studio
from streams.asking import CommandBuilder, CommandRefused, Commands, succeeded_or_told
from streams.playtests.recordings import write_transcript

SEALED_CHARACTERS_MAX: Final = 180_000
"""Of one command, with its fingerprints: its record holds 256 KiB."""
FINGERPRINT_CHARACTERS: Final = 34
"""As it is packed."""
MINTED_PREFIX: Final = "pl-betakey-"
AnswerT = TypeVar("AnswerT")


class StudioReads(Protocol):
    """What studios and games there are. Raises StoreUnavailable."""

    async def studios(self) -> list[Studio]:
        """All."""
        ...

    async def games(self, studio_id: str) -> list[Game]:
        """A studio's."""
        ...


class PlaytestReads(Protocol):
    """What is asked of playtests. Raises StoreUnavailable."""

    async def batch(self, studio_id: str, game_id: str, batch_id: str) -> BatchRow | None:
        """One batch of a game."""
        ...

    async def batch_invites(self, studio_id: str, game_id: str, batch_id: str) -> list[Invite]:
        """All invites of a batch."""
        ...

    async def slot(self, slot_id: str) -> Slot | None:
        """A slot."""
        ...


class Recipient(msgspec.Struct, frozen=True):
    """Whom to invite."""

    email: str
    note: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """A batch and its game."""

    game: Game
    row: BatchRow

    @property
    def id(self) -> str:
        """As its game's definition names it."""
        return self.row.batch.definition.id

    @property
    def aggregate(self) -> str:
        """Its aggregate's id."""
        return batch_aggregate(self.game.studio_id, self.game.id, self.id)


class PlaytestAdministration:
    """Every method raises StoreUnavailable, and CommandRefused with a message for a person."""

    def __init__(
        self,
        commands: Commands,
        *,
        studios: StudioReads,
        reads: PlaytestReads,
        objects: ObjectStore,
        sealer: Sealer,
        base_url: str,
        clock_ms: Callable[[], int],
        randomness: Randomness,
        by: str = "",
    ) -> None:
        self._commands = commands
        self._studios = studios
        self._reads = reads
        self._objects = objects
        self._sealer = sealer
        self._base_url = base_url.rstrip("/")
        self._randomness = randomness
        self._builder = CommandBuilder(COMMANDS, clock_ms=clock_ms, randomness=randomness, by=by)

    async def batch(self, game: str, batch_id: str, studio: str = "") -> Batch:
        """A batch of a game, which is named by its id or slug; of a studio where several have that slug."""
        every = await self._studios.studios()
        studios = [one for one in every if studio in {"", one.id, one.slug}]
        if studio and not studios:
            raise _refused(unknown_studio(studio, [one.slug for one in every]), 404)
        games = [one for owner in studios for one in await self._studios.games(owner.id)]
        found = [one for one in games if game in {one.id, one.slug}]
        if not found:
            raise _refused(f"there is no game {game}", 404)
        if len(found) > 1:
            raise _refused(f"several studios have a game {game}: name one with --studio", 400)
        row = await self._reads.batch(found[0].studio_id, found[0].id, batch_id)
        if row is None:
            raise _refused(f"{game} has no batch {batch_id}: declare it in its definition", 404)
        return Batch(found[0], row)

    async def import_codes(
        self, batch: Batch, codes: Sequence[str], *, generated: bool = False
    ) -> tuple[int, list[int]]:
        """How many codes are new, and the positions (from 0) of those that the studio had already."""
        key = self._sealer.data_key(batch.game.studio_id, batch.aggregate, self._randomness)
        prints = [code_fingerprints(self._sealer, batch.game.studio_id, code) for code in codes]
        sealed = [
            SealedCode(key.seal("keys", code, self._randomness), own[0])
            for code, own in zip(codes, prints, strict=True)
        ]
        imported, skipped, begin = 0, [], 0
        for some in _pieces(sealed, FINGERPRINT_CHARACTERS * max(map(len, prints), default=0)):
            old = former(prints[begin : begin + len(some)])
            body = ImportKeys(batch_id=batch.id, codes=some, generated=generated, old_fingerprints=old)
            answer = await self._ask(batch, body, ImportAnswer)
            imported += answer.imported
            skipped += [begin + position for position in answer.skipped]
            begin += len(some)
        return imported, skipped

    async def mint(self, batch: Batch, count: int) -> int:
        """Make codes; how many."""
        codes = [MINTED_PREFIX + "-".join(self._randomness(4).hex() for _ in range(3)) for _ in range(count)]
        return (await self.import_codes(batch, codes, generated=True))[0]

    async def revoke(self, batch: Batch, key_ids: Sequence[str]) -> None:
        """End keys for good, all or none."""
        await self._submit(batch, RevokeKeys(batch_id=batch.id, key_ids=list(key_ids)))

    async def invite(self, batch: Batch, recipients: Sequence[Recipient]) -> dict[str, str]:
        """The link of each person who was not invited before, by e-mail. A key is reserved for each."""
        links: dict[str, str] = {}
        for begin in range(0, len(recipients), INVITES_PER_COMMAND_MAX):
            links |= await self._invite(batch, recipients[begin : begin + INVITES_PER_COMMAND_MAX])
        return links

    async def _invite(self, batch: Batch, recipients: Sequence[Recipient]) -> dict[str, str]:
        studio_id = batch.game.studio_id
        key = self._sealer.data_key(studio_id, batch.aggregate, self._randomness)
        command_id = self._builder.new_id()
        tokens = [invite_token(self._sealer, invite_id(command_id, at)) for at in range(len(recipients))]
        prints = [email_fingerprints(self._sealer, studio_id, one.email) for one in recipients]
        invites = [
            NewInvite(
                email=key.seal("email", one.email, self._randomness),
                email_fingerprint=own[0],
                token_hash=key_hash(token),
                personal_note=None if one.note is None else key.seal("note", one.note, self._randomness),
            )
            for one, token, own in zip(recipients, tokens, prints, strict=True)
        ]
        body = SendInvites(batch_id=batch.id, invites=invites, old_email_fingerprints=former(prints))
        outcome = await self._submit(batch, body, command_id=command_id)
        sent = {one.token_hash for one in msgspec.msgpack.decode(outcome, type=InvitesAnswer).invites}
        return {
            one.email: self._link(token)
            for one, token in zip(recipients, tokens, strict=True)
            if key_hash(token) in sent
        }

    async def open_links(self, batch: Batch, emails: Collection[str]) -> dict[str, str]:
        """The link of each of these persons who was invited and has not redeemed a key, by e-mail as given.

        The links follow from the invites, so that they can be told again where an answer was lost.
        """
        if not emails:
            return {}
        game = batch.game
        opened = BatchSecrets(self._sealer, game.studio_id, game.id, batch.id)
        tokens = {}
        for one in await self._reads.batch_invites(game.studio_id, game.id, batch.id):
            token = shown_invite_token(self._sealer, one.id, one.token_hash)
            email = opened.text("email", one.email)
            if token and email and one.redeemed_at_ms is None:
                tokens[mailbox(email)] = token
        return {email: self._link(tokens[mailbox(email)]) for email in emails if mailbox(email) in tokens}

    async def share(self, batch: Batch, *, rotate: bool = False) -> str:
        """The public link; with `rotate` another one, and the former is unknown from then on."""
        held = batch.row.batch
        if rotate:
            number = held.share_number + 1
            token = share_token(self._sealer, batch.aggregate, number)
            body = RotateShareToken(batch_id=batch.id, share_number=number, share_token_hash=key_hash(token))
            await self._submit(batch, body)
            return self._link(token)
        shown = shown_share_token(self._sealer, batch.aggregate, held.share_number, held.share_token_hash)
        if shown is None:
            raise _refused(f"{batch.id} has no public link: its redemption mode is invite", 409)
        return self._link(shown)

    async def transcript(self, slot_id: str, text: str, *, version: str, takeaways: Sequence[str]) -> None:
        """Give a submission a transcript: it is the selected one. Again: it is another."""
        slot = await self._reads.slot(slot_id)
        if slot is None or slot.submission is None:
            raise _refused(f"there is no submission of a slot {slot_id}", 404)
        key = await write_transcript(
            self._objects,
            studio_id=slot.studio_id,
            slot_id=slot_id,
            transcript_id=self._randomness(8).hex(),
            text=text,
        )
        await self._submitted(
            ApproveTranscript(slot_id=slot_id, version=version, key=key, key_takeaways=list(takeaways)),
            order_aggregate(slot.studio_id, slot.order_id),
            studio_id=slot.studio_id,
            game_id=slot.game_id,
        )

    def _link(self, token: str) -> str:
        return f"{self._base_url}/redeem/{token}"

    async def _ask(self, batch: Batch, body: Message, kind: type[AnswerT]) -> AnswerT:
        return msgspec.msgpack.decode(await self._submit(batch, body), type=kind)

    async def _submit(self, batch: Batch, body: Message, *, command_id: str = "") -> bytes:
        game = batch.game
        return await self._submitted(
            body, batch.aggregate, studio_id=game.studio_id, game_id=game.id, command_id=command_id
        )

    async def _submitted(
        self, body: Message, aggregate_id: str, *, studio_id: str, game_id: str, command_id: str = ""
    ) -> bytes:
        """The outcome's body."""
        command = self._builder.build(
            body, aggregate_id=aggregate_id, studio_id=studio_id, game_id=game_id, command_id=command_id
        )
        return (await succeeded_or_told(self._commands, command)).body


def _refused(message: str, status: int) -> CommandRefused:
    return CommandRefused(message, status=status, code="refused")


def _pieces(codes: Sequence[SealedCode], beside: int) -> Iterator[list[SealedCode]]:
    """In parts that a command holds; each code has so many characters beside the sealed ones."""
    some: list[SealedCode] = []
    size = 0
    for code in codes:
        own = len(code.sealed) + beside
        size += own
        if some and (size > SEALED_CHARACTERS_MAX or len(some) == CODES_PER_COMMAND_MAX):
            yield some
            some, size = [], own
        some.append(code)
    if some:
        yield some
