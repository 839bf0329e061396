"""Filters of system calls (seccomp) for processes that read hostile input, as classic BPF programs.

A reader may read and write what is open, list and open files below it, and end. A program may do everything
but what none of ours needs and kernels had holes in. What is not allowed fails with EPERM. x86-64 alone:
elsewhere both raise OSError.
Source: Linux' seccomp_filter.rst and arch/x86/entry/syscalls/syscall_64.tbl.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Final

_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_KILL_PROCESS: Final = 0x80000000
_ARCHITECTURE_X86_64: Final = 0xC000003E
_X32_BIT: Final = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2

_READER: Final = frozenset(
    {
        0,  # read
        1,  # write
        3,  # close
        5,  # fstat
        8,  # lseek
        9,  # mmap
        10,  # mprotect
        11,  # munmap
        12,  # brk
        13,  # rt_sigaction
        14,  # rt_sigprocmask
        15,  # rt_sigreturn
        17,  # pread64
        18,  # pwrite64
        19,  # readv
        20,  # writev
        24,  # sched_yield
        25,  # mremap
        28,  # madvise
        39,  # getpid
        60,  # exit
        72,  # fcntl
        91,  # fchmod
        131,  # sigaltstack
        186,  # gettid
        202,  # futex
        217,  # getdents64
        228,  # clock_gettime
        231,  # exit_group
        257,  # openat
        262,  # newfstatat
        267,  # readlinkat
        268,  # fchmodat
        318,  # getrandom
        332,  # statx
        334,  # rseq
    }
)
_PROGRAM_REFUSED: Final = frozenset(
    {
        101,  # ptrace
        155,  # pivot_root
        161,  # chroot
        165,  # mount
        166,  # umount2
        167,  # swapon
        168,  # swapoff
        169,  # reboot
        175,  # init_module
        176,  # delete_module
        246,  # kexec_load
        248,  # add_key
        249,  # request_key
        250,  # keyctl
        272,  # unshare
        298,  # perf_event_open
        304,  # open_by_handle_at
        308,  # setns
        310,  # process_vm_readv
        311,  # process_vm_writev
        313,  # finit_module
        320,  # kexec_file_load
        321,  # bpf
        323,  # userfaultfd
        425,  # io_uring_setup
        428,  # open_tree
        429,  # move_mount
        430,  # fsopen
        442,  # mount_setattr
    }
)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install_reader_filter() -> None:
    """Allow this process nothing but `_READER`, for ever. Raises OSError where the kernel has no seccomp."""
    _install(_filter(_READER, listed=_ALLOW, others=_REFUSE))


def install_program_filter() -> None:
    """Refuse this process and all it starts what no program of ours needs, for ever. Raises OSError."""
    _install(_filter(_PROGRAM_REFUSED, listed=_REFUSE, others=_ALLOW))


def _filter(numbers: frozenset[int], *, listed: int, others: int) -> bytes:
    instructions = [
        _instruction(_LOAD, 0, 0, _ARCHITECTURE_AT),
        _instruction(_EQUAL, 1, 0, _ARCHITECTURE_X86_64),
        _instruction(_RETURN, 0, 0, _KILL_PROCESS),
        _instruction(_LOAD, 0, 0, _NUMBER_AT),
        _instruction(_AT_LEAST, 0, 1, _X32_BIT),
        _instruction(_RETURN, 0, 0, _KILL_PROCESS),
    ]
    for number in sorted(numbers):
        instructions += [_instruction(_EQUAL, 0, 1, number), _instruction(_RETURN, 0, 0, listed)]
    return b"".join([*instructions, _instruction(_RETURN, 0, 0, others)])


def _instruction(code: int, jump_true: int, jump_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, jump_true, jump_false, value)


def _install(instructions: bytes) -> None:
    if platform.machine() != "x86_64":
        raise OSError(errno.ENOSYS, f"no filter of system calls for {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    kept = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.cast(kept, ctypes.c_void_p))
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
