"""What must be true of key batches at rest: of every answer, and of all that Redis shows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.playtests import keys
from schemas.identifiers import key_hash
from schemas.outcomes import is_remembered, rejection, repetition
from schemas.playtests.batch_views import Batch, BatchCounts, KeyState, Link
from schemas.playtests.names import batch_aggregate
from schemas.playtests.ports import RedeemLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.lab.simulation.playtests.batch_model import BatchModel, Place
    from deploy.lab.simulation.playtests.batch_moves import BatchRecord
    from deploy.lab.simulation.playtests.batch_records import Batch as Known
    from deploy.lab.simulation.playtests.links import Redemption
    from schemas.envelope import Decided
    from schemas.seal import Sealer

_UNKNOWN: Final = 404
_REDEEMED: Final = "playtests.key-redeemed.v1"
_LINKED: Final = {True: "playtests.tester-linked.v1", False: "playtests.tester-unlinked.v1"}
_decode: Final = msgspec.msgpack.decode


def answers_that_lie(record: BatchRecord, log: Sequence[Decided], sealer: Sealer) -> list[str]:
    """Redemptions and claims that were answered what the log does not say; keys that two were given."""
    decided: dict[str, list[Decided]] = defaultdict(list)
    for one in log:
        if repetition(one) is None:
            decided[one.command_id].append(one)
    found = [
        f"redemption {answer.key} was answered {answer.status} {answer.told}: {problem}"
        for answer in record.redemptions
        for problem in _of_redemption(answer, decided.get(answer.command_id, []), sealer)
    ]
    given = defaultdict(set)
    for answer in record.redemptions:
        if answer.status == 200:
            given[answer.game_id, answer.told["key"]].add(answer.command_id)
    found += [f"{place[1]} was given to {len(who)}" for place, who in given.items() if len(who) > 1]
    return found + _of_claims(record, log)


def _of_redemption(answer: Redemption, found: Sequence[Decided], sealer: Sealer) -> Iterator[str]:
    if not found:
        if answer.status != _UNKNOWN:  # a link that is unknown meanwhile asks no decider
            yield "the log knows nothing of it"
        return
    kept = [one for one in found if is_remembered(one)]
    if len(kept) > 1:
        yield f"it was decided {len(kept)} times"
    last = (kept or found)[-1]
    refused = rejection(last)
    if refused is not None:
        told = answer.told.get("error")
        if refused.status != answer.status or (answer.status == 409 and told != refused.code):
            yield f"the log says {refused.status} {refused.code}"
        return
    redeemed = [_decode(event.data) for event in last.events if event.type == _REDEEMED]
    if answer.status != 200 or len(redeemed) != 1:
        yield f"the log says {[event.type for event in last.events]}"
        return
    (data,) = redeemed
    place = data["studio_id"], data["game_id"], data["batch_id"]
    code = sealer.open(data["code"], studio_id=place[0], aggregate_id=batch_aggregate(*place), field="keys")
    redemption = data["key"]["redemption"]
    own = code, redemption.get("handle"), redemption.get("claim_token_hash", "")
    claim = answer.told["claimToken"]
    if (answer.told["key"], answer.told["handle"], key_hash(claim) if claim else "") != own:
        yield f"the log says {own}"


def _of_claims(record: BatchRecord, log: Sequence[Decided]) -> list[str]:
    """Claims that succeeded, and that no event is of. What was taken back twice has one."""
    linked = {
        (event.type, data["link"]["device_id"], data["link"]["key_id"])
        for one in log
        for event in one.events
        if event.type in _LINKED.values()
        for data in (_decode(event.data),)
    }
    owners = {
        data["key"]["redemption"].get("claim_token_hash"): data["key"]["id"]
        for one in log
        for event in one.events
        if event.type == _REDEEMED
        for data in (_decode(event.data),)
    }
    return [
        f"the claim of {device} by {token} was answered 200, and the log knows nothing of it"
        for token, device, link in record.claims
        if link and (_LINKED[link], device, owners.get(token)) not in linked
    ]


def rows_that_differ(model: BatchModel, values: Mapping[str, Any]) -> Iterator[str]:
    """What Redis shows of batches, keys, codes, links and devices, and is not the model's."""
    links, claims = dict[str, RedeemLink](), dict[str, RedeemLink]()
    for place, batch in model.batches.items():
        yield from _of_batch(place, batch, values)
        about = {"studio_id": place[0], "game_id": place[1], "batch_id": place[2]}
        if batch.share_hash:
            links[batch.share_hash] = RedeemLink(**about)
        for invite_id, (_, token_hash) in batch.invites.items():
            links[token_hash] = RedeemLink(**about, invite_id=invite_id)
        for key in batch.keys.values():
            if key.handle:
                claims[key.claim_hash] = RedeemLink(**about, key_id=key.id)
    yield from _same("links", links, values.get(keys.LINKS, {}), RedeemLink)
    yield from _same("claims", claims, values.get(keys.CLAIMS, {}), RedeemLink)
    for (studio_id, game_id), game in model.games.items():
        shown = values.get(f"devices:{keys.of_game(studio_id, game_id)}", {})
        own = {device: handle for handle, (device, _) in game.links.items()}
        told = {device: _decode(row, type=Link).handle.lower() for device, row in shown.items()}
        if told != own:
            yield f"{game_id} shows the devices {told}, the model has {own}"
    for studio_id in {place[0] for place in model.batches}:
        own_codes = sorted(key_id for (studio, _), key_id in model.codes.items() if studio == studio_id)
        places = [_decode(row) for row in values.get(f"codes:{studio_id}", {}).values()]
        told_codes = sorted(
            model.batches[studio_id, game_id, batch_id].keys[number].id
            for game_id, batch_id, number in places
        )
        if told_codes != own_codes:
            yield f"{studio_id} shows {len(told_codes)} codes, the model has {len(own_codes)}"


def _of_batch(place: Place, batch: Known, values: Mapping[str, Any]) -> Iterator[str]:
    studio_id, game_id, name = place
    of_game = keys.of_game(studio_id, game_id)
    shown = _decode(values[f"batches:{of_game}"][name], type=Batch)
    if (shown.status, shown.share_token_hash) != (batch.status, batch.share_hash):
        yield f"{name} is shown as {shown.status}, the model has {batch.status}, or another link"
    rows = values.get(keys.of_batch("batch-keys", studio_id, game_id, name), {})
    told = {int(number): _decode(row, type=KeyState) for number, row in rows.items()}
    for number, key in batch.keys.items():
        state = told.pop(number, None)
        redemption = None if state is None else state.redemption
        handle = "" if redemption is None else redemption.handle or ""
        if state is None or (state.id, state.status, handle) != (key.id, key.status, key.handle):
            yield f"key {number} of {name} is shown as {state}, the model has {key}"
    if told:
        yield f"{name} shows keys that the model has not: {sorted(told)}"
    counts = values.get(f"batch-counts:{of_game}", {}).get(name)
    counted = BatchCounts() if counts is None else _decode(counts, type=BatchCounts)
    redeemed = sum(key.status == "redeemed" for key in batch.keys.values())
    if (counted.keys, counted.redeemed) != (len(batch.keys), redeemed):
        yield f"{name} counts {counted}, the model has {len(batch.keys)} keys, {redeemed} redeemed"
    invites = values.get(keys.of_batch("batch-invites", studio_id, game_id, name), {})
    if set(invites) != set(batch.invites):
        yield f"{name} shows the invites {sorted(invites)}, the model has {sorted(batch.invites)}"


def _same(what: str, own: Mapping[str, Any], rows: Mapping[str, bytes], kind: type[Any]) -> Iterator[str]:
    told = {name: _decode(row, type=kind) for name, row in rows.items()}
    for name in own.keys() | told.keys():
        if own.get(name) != told.get(name):
            yield f"of {what} {name[:8]}… leads to {told.get(name)}, the model has {own.get(name)}"
