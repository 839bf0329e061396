"""A playtester's writes as route records *(ours)*. Source: the playtests contract."""

from __future__ import annotations

from typing import Final

from schemas.playtests import account_commands, bodies, order_commands, slot_commands
from schemas.playtests import responses as shapes
from schemas.playtests.access import PLAYTESTER
from schemas.playtests.examples import PAYMENT_ID
from schemas.playtests.route_parts import APPLICATION, ME, ORDER, ROOT, SLOT, TESTER, both, write

PLAYTESTER_WRITES: Final = (
    write(
        "change_me",
        ME,
        TESTER,
        "Change the profile",
        shapes.Profile,
        body=bodies.ProfileBody,
        command=account_commands.ChangePlaytester,
        method="PATCH",
        keys=PLAYTESTER,
        errors=(409,),
        examples={"profile": {"displayName": "TestGamer42", "gamingExperience": "VR enthusiast"}},
    ),
    write(
        "claim",
        f"{ORDER}/claim",
        TESTER,
        "Claim a slot",
        shapes.OneOwnSlot,
        command=slot_commands.ClaimSlot,
        keys=PLAYTESTER,
        status=201,
        errors=(400, 404, 409),
    ),
    write(
        "apply",
        f"{ORDER}/apply",
        TESTER,
        "Apply to a playtest",
        shapes.OneOwnApplication,
        body=bodies.ApplyBody,
        command=order_commands.MakeApplication,
        keys=PLAYTESTER,
        status=201,
        errors=(400, 404, 409),
        examples={"application": {"qualificationsResponse": "I'm 58 and have a Quest 3."}},
    ),
    *both(
        write(
            "withdraw",
            f"{ROOT}/{APPLICATION}/withdraw",
            TESTER,
            "Take an application back",
            shapes.OneOwnApplication,
            command=order_commands.WithdrawApplication,
            keys=PLAYTESTER,
        )
    ),
    write(
        "upload_url",
        f"{SLOT}/upload-url",
        TESTER,
        "Where a recording is uploaded",
        shapes.UploadUrl,
        body=bodies.UploadBody,
        command=None,
        keys=PLAYTESTER,
        examples={"recording": {"size": 524288000, "contentType": "video/mp4"}},
        description="PUT the file there within 6 hours, then submit `uploadId`. A transcript is uploaded "
        "likewise, as `text/plain`.",
    ),
    write(
        "submit",
        f"{SLOT}/submit",
        TESTER,
        "Hand a recording in",
        shapes.OneOwnSlot,
        body=bodies.SubmitBody,
        command=slot_commands.SubmitSlot,
        keys=PLAYTESTER,
        examples={"recording": {"uploadId": PAYMENT_ID, "notes": "Found a bug in level 3"}},
    ),
    write(
        "abandon",
        f"{SLOT}/abandon",
        TESTER,
        "Give a slot up",
        shapes.OneOwnSlot,
        command=slot_commands.AbandonSlot,
        keys=PLAYTESTER,
    ),
    write(
        "block",
        f"{SLOT}/block",
        TESTER,
        "Report what keeps from playing",
        shapes.OneOwnSlot,
        body=bodies.BlockBody,
        command=slot_commands.BlockSlot,
        keys=PLAYTESTER,
        examples={"report": {"reasonCode": "crash", "notes": "It closes after the intro."}},
    ),
)
