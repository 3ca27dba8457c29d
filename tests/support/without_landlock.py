"""python3 without_landlock.py PROGRAM ARGUMENT…: runs it as on a kernel that knows no Landlock.

A seccomp filter answers its three calls with ENOSYS, for the program and for all that it starts.
"""

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD, IS_AT_LEAST, RETURN = 0x20, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JGE|K, BPF_RET|K
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
FIRST, BEHIND = 444, 447  # landlock_create_ruleset to landlock_restrict_self, the same on every machine


class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def main():
    steps = [(LOAD, 0, 0, 0), (IS_AT_LEAST, 0, 2, FIRST), (IS_AT_LEAST, 1, 0, BEHIND), (RETURN, 0, 0, ERRNO | errno.ENOSYS),
             (RETURN, 0, 0, ALLOW)]  # fmt: skip
    program = Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
    assert libc.syscall(FIRST, None, 0, 1) == -1 and ctypes.get_errno() == errno.ENOSYS
    os.execv(sys.argv[1], sys.argv[1:])


main()
