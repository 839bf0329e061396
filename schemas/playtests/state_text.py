"""The state tables as Markdown, for S2's document: the same rows that decide."""

from __future__ import annotations

from typing import Final

from schemas.playtests.states import APPLICATIONS, SLOTS

_SEATS: Final = {
    "kept": "stays on the slot",
    "credited": "is credited",
    "reopened": "goes to an open successor, or is credited",
    "retried": "goes to a reserved successor of the same playtester",
    "spent": "goes as payout and fee",
}


def slots_table() -> str:
    """What may happen to a slot; all else is 409 `wrong_status`."""
    rows = (
        f"| `{row.status}` | {row.command} | {_guarded(row.guard, row.otherwise)} | "
        f"{' or '.join(f'`{to}`' for to in row.to)} | {_SEATS[row.seat]} |"
        for row in SLOTS
    )
    head = ("| slot | command | guard (else 409) | then | its money |", "|---|---|---|---|---|")
    return "\n".join((*head, *rows))


def applications_table() -> str:
    """What may happen to an application; all else is 409 `not_pending`."""
    rows = (
        f"| `{row.status}` | {row.command} | {_guarded(row.guard, row.otherwise)} | `{row.to}` |"
        for row in APPLICATIONS
    )
    return "\n".join(("| application | command | guard (else 409) | then |", "|---|---|---|---|", *rows))


def _guarded(guard: str, otherwise: tuple[str, ...]) -> str:
    reasons = ", ".join(f"`{reason}`" for reason in otherwise)
    return f"{guard} ({reasons})" if reasons else guard
