"""An image that runs anywhere and does nothing: what a local service runs before the first deployment.

It needs no registry: it is one static program of a few instructions, which this module contains. It waits for SIGTERM
or SIGINT and exits with 0. It blocks both first, because Linux drops signals that process 1 of a container doesn't
handle.
"""

from __future__ import annotations

import io
import struct
import tarfile

# rt_sigprocmask(SIG_BLOCK, {SIGINT, SIGTERM}, 0, 8); do rt_sigtimedwait(the same, 0, 0, 8) until it is >= 0; exit(0)
_X86_64 = bytes.fromhex(
    "6802400000"  # push 0x4002: SIGINT and SIGTERM
    "4889e6"  # mov rsi, rsp
    "31ff"  # xor edi, edi: SIG_BLOCK
    "31d2"  # xor edx, edx
    "41ba08000000"  # mov r10d, 8
    "b80e000000"  # mov eax, 14: rt_sigprocmask
    "0f05"  # syscall
    "4889e7"  # mov rdi, rsp
    "31f6"  # xor esi, esi
    "b880000000"  # mov eax, 128: rt_sigtimedwait
    "0f05"  # syscall
    "85c0"  # test eax, eax
    "78f0"  # js to `mov rdi, rsp`: it was interrupted
    "31ff"  # xor edi, edi
    "b83c000000"  # mov eax, 60: exit
    "0f05"  # syscall
)
_ARM64 = struct.pack(
    "<19I",
    0xD10043FF,  # sub sp, sp, #16
    0xD2880040,  # mov x0, #0x4002: SIGINT and SIGTERM
    0xF90003E0,  # str x0, [sp]
    0xD2800000,  # mov x0, #0: SIG_BLOCK
    0x910003E1,  # mov x1, sp
    0xD2800002,  # mov x2, #0
    0xD2800103,  # mov x3, #8
    0xD28010E8,  # mov x8, #135: rt_sigprocmask
    0xD4000001,  # svc #0
    0x910003E0,  # mov x0, sp
    0xD2800001,  # mov x1, #0
    0xD2800002,  # mov x2, #0
    0xD2800103,  # mov x3, #8
    0xD2801128,  # mov x8, #137: rt_sigtimedwait
    0xD4000001,  # svc #0
    0xB7FFFF40,  # tbnz x0, #63 to `mov x0, sp`: it was interrupted
    0xD2800000,  # mov x0, #0
    0xD2800BA8,  # mov x8, #93: exit
    0xD4000001,  # svc #0
)
_MACHINES = {"amd64": (62, _X86_64), "arm64": (183, _ARM64)}  # Docker's names; ELF's e_machine
ARCHITECTURES = tuple(_MACHINES)
_BASE = 0x400000


def program(architecture: str) -> bytes:
    """The program as a static ELF file: one header, one readable and executable segment, the code.

    https://refspecs.linuxfoundation.org/elf/elf.pdf, figures 1-3 and 2-1
    """
    machine, code = _MACHINES[architecture]
    headers = 64 + 56
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bits, little endian, version 1
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = headers + len(code)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    return identity + header + segment + code


def root_filesystem(architecture: str) -> bytes:
    """A tar archive for `docker import`, with the entry point /pause."""
    content = program(architecture)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
