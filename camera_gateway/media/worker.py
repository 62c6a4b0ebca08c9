"""Edge: the decode worker's own process: ``python -m camera_gateway.media.worker module:function FD``.

It reads jobs (:mod:`camera_gateway.job`) from one inherited socket, hands each to the named function and writes
the answer back. An answer frame is a 4-byte big-endian length, one status byte and the packed answer or error.
It holds no secret, opens no socket, and ends with its parent.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from enum import IntEnum

import msgpack

from camera_gateway.job import MAX_ANSWER, MAX_JOB, Answer, Job, pack_answer, unpack_job
from config.errors import Kind, XueliangError
from config.text import printable

#: An 8K picture with the decoder's own frames stays under 1 GiB; libraries map about 0.6 GiB more.
ADDRESS_SPACE = 2 * 1024**3
#: The reference bank of one camera is the only kind of file a worker writes (1 MiB at most).
FILE_SIZE = 2 * 1024**2
CPU_SECONDS = 10
_PR_SET_PDEATHSIG = 1
#: M_MMAP_THRESHOLD (32 MiB is its largest), M_TRIM_THRESHOLD and M_TOP_PAD of glibc's mallopt(3), in bytes.
_MALLOPT = ((-3, 32 * 1024**2), (-1, 128 * 1024**2), (-2, 4 * 1024**2))


class Status(IntEnum):
    ANSWER = 0
    ERROR = 1
    READY = 2


def main(argv: list[str]) -> int:
    sock = socket.socket(fileno=int(argv[1]))
    _limit()
    try:
        function = resolve(argv[0])
    except (ImportError, AttributeError, ValueError) as error:
        _send(sock, Status.ERROR, pack_error(XueliangError(Kind.INTERNAL, f"{argv[0]}: {type(error).__name__}")))
        return 1
    _send(sock, Status.READY, b"")
    while (data := _receive(sock)) is not None:
        _cpu()
        _send(sock, *_work(function, data))
    return 0


def resolve(dotted: str) -> Callable[[Job], Answer]:
    module, _, name = dotted.partition(":")
    function: Callable[[Job], Answer] = getattr(importlib.import_module(module), name)
    return function


def _work(function: Callable[[Job], Answer], data: bytes) -> tuple[Status, bytes]:
    try:
        packed = pack_answer(function(unpack_job(data)))
    except XueliangError as error:
        return Status.ERROR, pack_error(error)
    except MemoryError:
        return Status.ERROR, pack_error(XueliangError(Kind.TOO_LARGE, "the picture needs more memory than allowed"))
    except Exception as error:  # a defect of ours on one picture costs one sample, and is told as ours
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{os.path.basename(where.tb_frame.f_code.co_filename)}:{where.tb_lineno}" if where else "?"
        return Status.ERROR, pack_error(XueliangError(Kind.INTERNAL, f"{type(error).__name__} at {place}"))
    if len(packed) > MAX_ANSWER:
        return Status.ERROR, pack_error(XueliangError(Kind.INTERNAL, f"an answer of {len(packed)} bytes"))
    return Status.ANSWER, packed


def pack_error(error: XueliangError) -> bytes:
    return bytes(msgpack.packb({"k": error.kind.value, "w": error.what, "f": error.fix, "x": error.facts}))


def unpack_error(data: bytes) -> XueliangError:
    """Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what no sound worker says."""
    raw = msgpack.unpackb(data)
    what, fix, facts = raw["w"], raw["f"], raw["x"]
    if not isinstance(what, str) or not isinstance(fix, str) or not isinstance(facts, dict):
        raise TypeError("an error of other types")
    return XueliangError(Kind(raw["k"]), printable(what, 500), fix=printable(fix, 500), facts=facts)


def _limit() -> None:
    for what, limit in (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _, hard = resource.getrlimit(what)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (limit, limit))
    keep_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the parent's to handle
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:  # the parent went before the line above
        raise SystemExit(1)


def keep_memory() -> None:
    """Each picture's planes (3 MB and more) come from memory that the last one left: given back to the kernel and
    taken again, its pages cost up to a tenth of the decoding. Where the C library is not glibc nothing is set."""
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        for parameter, value in _MALLOPT:
            tune(parameter, value)


def _cpu() -> None:
    """Each job has this much, then SIGPROF ends the process. A limit by RLIMIT_CPU would have to be moved on with each
    job, and the kernel holds it against a count by ticks that runs away from what getrusage(2) tells: after 80 s of
    work by ten, so that a worker was ended, and its camera blamed, for nothing."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


def _receive(sock: socket.socket) -> bytes | None:
    head = _exactly(sock, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">I", head)
    return _exactly(sock, size) if size <= MAX_JOB else None


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = sock.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return bytes(buffer)


def _send(sock: socket.socket, status: Status, payload: bytes) -> None:
    sock.sendall(struct.pack(">IB", len(payload) + 1, status) + payload)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
