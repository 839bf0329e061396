"""Runs the deployment's transcriber: a command that reads a recording and prints its transcript as JSON.

It gets the recording's signed address in the variable RECORDING_URL and its media type in RECORDING_TYPE, and
prints `{"version": "…", "text": "…", "keyTakeaways": ["…"]}`. Any other end than exit 0 with such an output,
in time, is a failure. Source: contract/playtests.md, "Transcripts".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from schemas.playtests.recordings import TRANSCRIPT_BYTES_MAX

RUN_S: Final = 3_600.0
"""How long one run may take."""
OUTPUT_BYTES_MAX: Final = 4 * TRANSCRIPT_BYTES_MAX
_ERRORS_BYTES: Final = 1_000
_READ_BYTES: Final = 64 * 1024

_Takeaway = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class Transcript(msgspec.Struct, frozen=True, rename="camel"):
    """What a transcriber prints. `version` becomes part of a file's name."""

    version: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,39}$")]
    text: Annotated[str, msgspec.Meta(min_length=1)]
    key_takeaways: Annotated[list[_Takeaway], msgspec.Meta(max_length=50)] = []


class TranscriberFailed(Exception):
    """It ended otherwise than it should. The message says how, without the recording's address."""


class Transcriber:
    """Runs the command once for each call, in a session of its own: its children end with the call too."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        run_s: float = RUN_S,
        output_bytes_max: int = OUTPUT_BYTES_MAX,
    ) -> None:
        self._command = command
        self._environment = environment
        self._run_s = run_s
        self._output_bytes_max = output_bytes_max

    async def run(self, url: str, content_type: str) -> Transcript:
        """The transcript of the recording at `url`. Raises TranscriberFailed."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env={**self._environment, "RECORDING_URL": url, "RECORDING_TYPE": content_type},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise TranscriberFailed(f"the transcriber can't be started: {error}") from error
        try:
            async with asyncio.timeout(self._run_s):
                output, errors = await asyncio.gather(self._output(process), _error_output(process))
                status = await process.wait()
        except TimeoutError:
            raise TranscriberFailed(f"the transcriber did not end within {self._run_s:g} s") from None
        finally:
            await _end(process)
        if status != 0:
            text = errors.decode(errors="replace").replace(url, "$RECORDING_URL").strip()
            raise TranscriberFailed(f"the transcriber ended with {status}: {text}")
        return _parsed(output)

    async def _output(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None  # noqa: S101 - asked for above
        output = bytearray()
        while piece := await process.stdout.read(_READ_BYTES):
            output += piece
            if len(output) > self._output_bytes_max:
                raise TranscriberFailed(f"the transcriber printed more than {self._output_bytes_max:,} bytes")
        return bytes(output)


async def _error_output(process: asyncio.subprocess.Process) -> bytes:
    assert process.stderr is not None  # noqa: S101 - asked for above
    errors = b""
    while piece := await process.stderr.read(_READ_BYTES):
        errors = (errors + piece)[-_ERRORS_BYTES:]
    return errors


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it with all that it started; those may have outlived it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _parsed(output: bytes) -> Transcript:
    try:
        transcript = msgspec.json.decode(output, type=Transcript)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TranscriberFailed(f"the transcriber's output can't be read: {error}") from error
    if len(transcript.text.encode()) > TRANSCRIPT_BYTES_MAX:
        raise TranscriberFailed(f"a transcript may have at most {TRANSCRIPT_BYTES_MAX:,} bytes")
    return transcript
