"""Which files a host can run: x86-64 programs of Linux, and scripts. Pure."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 20
"""What `is_runnable` needs of a file's beginning."""
_ELF_64_LITTLE: Final = b"\x7fELF\x02\x01"
_TYPES: Final = frozenset({2, 3})
"""ET_EXEC and ET_DYN: programs, those that can lie anywhere too."""
_X86_64: Final = 62


def is_runnable(head: bytes) -> bool:
    """Whether a file that begins so is an ELF program for x86-64, or begins with `#!`."""
    if head.startswith(b"#!"):
        return True
    if len(head) < HEAD_BYTES or not head.startswith(_ELF_64_LITTLE):
        return False
    kind, machine = int.from_bytes(head[16:18], "little"), int.from_bytes(head[18:20], "little")
    return kind in _TYPES and machine == _X86_64


def what_it_is(head: bytes) -> str:
    """Words for a file that can't be run."""
    if head.startswith(b"MZ"):
        return "a Windows program"
    if head[:4] in {b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe"}:
        return "a macOS program"
    if head.startswith(b"\x7fELF"):
        return "a program for another machine than x86-64, or no program but a part of one"
    return "neither a program nor a script"
