"""Keep this process, and all that it starts, from what Landlock does not govern: files' modes, owners, times; networks.

A guest's kernel does to the host's files what root in the guest asks of it, by path (hostfs), and Landlock has no right
for `chmod` and its like. A filter of system calls sees numbers and no paths, so it cannot let them through for the
output folder alone. They are passed over in silence, as in the shared folders of other virtual machines: programs that
copy and unpack (`cp -p`, `tar`, `git`, Python's `shutil.copy`) would take a refusal for a failure; and UML itself calls
`fchmod` on the file of its memory, and gives up if that fails.
"""

from __future__ import annotations

import ctypes
import os
import struct

# asm/unistd_64.h: UML runs on x86-64 only
_PASSED_OVER = (
    *(90, 91, 268, 452),  # chmod, fchmod, fchmodat, fchmodat2
    *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
    *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
)
_REFUSED = (
    *(188, 189, 190, 463),  # setxattr, lsetxattr, fsetxattr, setxattrat
    *(197, 198, 199, 466),  # removexattr, lremovexattr, fremovexattr, removexattrat
    469,  # file_setattr
    425,  # io_uring_setup: what is asked for through it no filter sees
)
_TRUNCATE, _SOCKET = 76, 41
_AF_UNIX = 1
_X32_FROM = 0x40000000
"""Where the numbers of a second set of system calls begin, which has pointers of 32 bits."""

# linux/audit.h, linux/bpf_common.h, linux/seccomp.h
_X86_64 = 0xC000003E
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _PASS_OVER, _REFUSE = 0x7FFF0000, 0x00050000, 0x00050001
"""Let a call through; do nothing, and say that it succeeded (error 0); say that it is not permitted (EPERM is 1)."""
_SECCOMP, _SET_MODE_FILTER = 317, 1
_SPEC_ALLOW = 4
"""Without this flag, a kernel before 5.16 slows down all that the process computes."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_char_p))


def restrict_calls(*, truncate: bool) -> None:
    """Let calls for a file's mode, owner and times do nothing, refuse extended attributes and networks, for good.

    ``truncate`` lets truncate(2) through, for which Landlock has a right from its version 3 on; what is open for
    writing may be truncated in any case. The process must have forgone privileges (PR_SET_NO_NEW_PRIVS).

    Raises:
        OSError: the kernel has no filters of system calls.
    """
    refused = _REFUSED if truncate else (*_REFUSED, _TRUNCATE)
    filters = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        *_unless(_JUMP_EQUAL, _X86_64, _REFUSE),
        _instruction(_LOAD, _NUMBER_AT),
        *_if(_JUMP_AT_LEAST, _X32_FROM, _REFUSE),
        *(part for number in _PASSED_OVER for part in _if(_JUMP_EQUAL, number, _PASS_OVER)),
        *(part for number in refused for part in _if(_JUMP_EQUAL, number, _REFUSE)),
        *_unless(_JUMP_EQUAL, _SOCKET, _ALLOW),
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        *_if(_JUMP_EQUAL, _AF_UNIX, _ALLOW),
        _instruction(_RETURN, _REFUSE),
    ]
    program = _Program(len(filters), b"".join(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SECCOMP, _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(program)) != 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """An instruction of a filter (`struct sock_filter`): a jump says how many of those that follow are skipped."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def _if(jump: int, value: int, end: int) -> tuple[bytes, bytes]:
    return _instruction(jump, value, 0, 1), _instruction(_RETURN, end)


def _unless(jump: int, value: int, end: int) -> tuple[bytes, bytes]:
    return _instruction(jump, value, 1, 0), _instruction(_RETURN, end)
