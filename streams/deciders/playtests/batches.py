"""Key batches: what a definition makes of them, their keys, invites and share links."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.envelope import CommandRejected
from schemas.playtests import batch_commands as ask
from schemas.playtests import batch_events as ev
from schemas.playtests import names
from schemas.playtests.batch_views import Batch as View
from schemas.playtests.batch_views import BatchCounts, BatchDefinition, BatchStatus, ImportedKey, Invite
from schemas.playtests.limits import KEYS_PER_BATCH_MAX
from streams.deciders.noun import Request, Verdict
from streams.deciders.playtests.batch_rules import (
    aggregate,
    find,
    moved,
    of,
    paired,
    unlink_key,
    usable,
)
from streams.deciders.playtests.draft import Draft
from streams.deciders.playtests.refusals import batch_conflict, not_found
from streams.deciders.playtests.state import PlaytestsState


def define(state: PlaytestsState, request: Request, command: ask.DefineBatch) -> Verdict:
    """Make a batch what the definition says."""
    draft = Draft(state, request)
    definition = command.definition
    status = _status_at(definition, draft.at_ms)
    known = find(draft.studio, request, definition.id)
    if known is None:
        public = definition.redemption_mode == "public"
        view = View(
            definition=definition,
            status=status,
            created_at_ms=draft.at_ms,
            share_number=1 if public else 0,
            share_token_hash=command.share_token_hash if public else "",
        )
    else:
        if _fixed(known.batch.definition) != _fixed(definition):
            return batch_conflict("fixed")
        view = replace(known.batch, definition=definition, status=status)
    if known is None or view != known.batch:
        draft.emit(ev.BatchDefined(batch=view, **of(request, definition.id)))
    return draft.decided()


def close(state: PlaytestsState, request: Request, command: ask.CloseBatch) -> Verdict:
    """The definition has it no longer."""
    draft = Draft(state, request)
    known = find(draft.studio, request, command.batch_id)
    if known is None:
        return not_found("batch")
    if known.batch.status != "closed":
        closed = replace(known.batch, status="closed")
        draft.emit(ev.BatchClosed(batch=closed, **of(request, command.batch_id)))
    return draft.decided()


def batch_due(state: PlaytestsState, request: Request, command: ask.BatchDue) -> Verdict:
    """Its time may be over."""
    draft = Draft(state, request)
    known = find(draft.studio, request, command.batch_id)
    if known is not None and known.batch.status == "open" and known.batch.definition.is_over(draft.at_ms):
        expired = replace(known.batch, status="expired")
        draft.emit(ev.BatchExpired(batch=expired, **of(request, command.batch_id)))
    return draft.decided()


def rotate_share_token(state: PlaytestsState, request: Request, command: ask.RotateShareToken) -> Verdict:
    """Another public link; the former one is unknown from now on."""
    draft = Draft(state, request)
    known = usable(draft, request, command.batch_id)
    if isinstance(known, CommandRejected):
        return known
    if known.batch.definition.redemption_mode != "public":
        return batch_conflict("not_public")
    if command.share_number != known.batch.share_number + 1:
        return batch_conflict("conflict")
    rotated = replace(
        known.batch, share_number=command.share_number, share_token_hash=command.share_token_hash
    )
    draft.emit(
        ev.BatchDefined(
            batch=rotated,
            previous_share_token_hash=known.batch.share_token_hash,
            **of(request, command.batch_id),
        )
    )
    return draft.decided()


def import_keys(
    state: PlaytestsState, request: Request, command: ask.ImportKeys, *, keys_max: int = KEYS_PER_BATCH_MAX
) -> Verdict:
    """Add the codes that the studio does not have."""
    draft = Draft(state, request)
    studio = draft.studio
    known = usable(draft, request, command.batch_id)
    if isinstance(known, CommandRejected):
        return known
    if command.generated != (known.batch.definition.fulfillment_source == "generated"):
        return batch_conflict("wrong_source")
    keys: list[ImportedKey] = []
    skipped: list[int] = []
    seen: set[str] = set()
    for position, (code, old) in enumerate(paired(command.codes, command.old_fingerprints)):
        if code.fingerprint in seen or any(one in studio.codes for one in (code.fingerprint, *old)):
            skipped.append(position)
            continue
        seen.add(code.fingerprint)
        number = known.counts.keys + len(keys) + 1
        key_id = names.batch_key_id(aggregate(request, command.batch_id), number)
        keys.append(ImportedKey(key_id, number, code.sealed, code.fingerprint))
    counts = replace(
        known.counts,
        keys=known.counts.keys + len(keys),
        available=known.counts.available + len(keys),
    )
    if _is_over(counts, keys_max):
        return batch_conflict("batch_full")
    draft.emit(
        ev.KeysImported(
            keys=keys,
            skipped=skipped,
            counts=counts,
            created_at_ms=draft.at_ms,
            **of(request, command.batch_id),
        )
    )
    return draft.decided()


def revoke_keys(state: PlaytestsState, request: Request, command: ask.RevokeKeys) -> Verdict:
    """End keys for good."""
    draft = Draft(state, request)
    known = find(draft.studio, request, command.batch_id)
    if known is None or not all(key_id in known.numbers for key_id in command.key_ids):
        return not_found("key")
    for key_id in dict.fromkeys(command.key_ids):
        batch = find(draft.studio, request, command.batch_id) or known
        key = batch.keys[batch.numbers[key_id]].state
        if key.status == "revoked":
            continue
        counts = moved(batch.counts, key.status, "revoked")
        draft.emit(
            ev.KeyRevoked(key=replace(key, status="revoked"), counts=counts, **of(request, command.batch_id))
        )
        unlink_key(draft, key, "key_revoked")
    return draft.decided()


def send_invites(state: PlaytestsState, request: Request, command: ask.SendInvites) -> Verdict:
    """Reserve a key for each person that was not invited before."""
    draft = Draft(state, request)
    known = usable(draft, request, command.batch_id)
    if isinstance(known, CommandRejected):
        return known
    if known.batch.definition.redemption_mode != "invite":
        return batch_conflict("not_invite")
    new = {
        one.email_fingerprint: (position, one)
        for position, (one, old) in reversed(
            list(enumerate(paired(command.invites, command.old_email_fingerprints)))
        )
        if not any(mailbox in known.emails for mailbox in (one.email_fingerprint, *old))
    }
    if len(new) > known.counts.available:
        return batch_conflict("no_key_left")
    for position, one in sorted(new.values(), key=lambda pair: pair[0]):
        batch = find(draft.studio, request, command.batch_id) or known
        invite_id = names.invite_id(request.command_id, position)
        key = replace(batch.keys[batch.next_number].state, status="reserved", invite_id=invite_id)
        invite = Invite(
            id=invite_id,
            email=one.email,
            sent_at_ms=draft.at_ms,
            key_id=key.id,
            token_hash=one.token_hash,
            personal_note=one.personal_note,
        )
        draft.emit(
            ev.InviteSent(
                invite=invite,
                key=key,
                counts=moved(batch.counts, "available", "reserved"),
                email_fingerprint=one.email_fingerprint,
                **of(request, command.batch_id),
            )
        )
    return draft.decided()


def _is_over(counts: BatchCounts, keys_max: int) -> bool:
    return counts.keys > keys_max


def _status_at(definition: BatchDefinition, at_ms: int) -> BatchStatus:
    return "expired" if definition.is_over(at_ms) else "open"


def _fixed(definition: BatchDefinition) -> tuple[str, str, str]:
    return (definition.fulfillment_source, definition.redemption_mode, definition.identity_mode)
