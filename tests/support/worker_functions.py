"""Pure: what the pool's tests have their workers do; the job's parameters say which."""

from __future__ import annotations

import os
import time
from typing import Any

from camera_gateway.job import Answer, Job
from camera_gateway.media import worker
from config.errors import Kind, XueliangError


def _work(seconds: float) -> None:
    """So much of the processor's time, whatever else runs on it."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def behave(job: Job) -> Answer:
    do: Any = job.parameters.get("do", "echo")
    if do == "crash":
        os.abort()
    if do == "leave":
        os._exit(3)
    while do == "hang":
        pass
    if do == "shorten":  # the next jobs' time, so that a test of the limit takes a second
        worker.CPU_SECONDS = 1
    if do == "work":
        _work(float(job.parameters["seconds"]))
    if do == "memory":
        return Answer({"size": len(bytearray(8 * 1024**3))})
    if do == "defect":
        raise ZeroDivisionError
    if do == "refuse":
        raise XueliangError(Kind.UNDECODABLE, "not a picture", facts={"codec": "h264"})
    if do == "flood":
        return Answer({}, thumbnail=bytes(5 * 1024 * 1024))
    if do == "environment":
        return Answer({"names": sorted(os.environ), "pid": os.getpid()})
    return Answer({"camera": job.camera_id, "bytes": job.unit.size, "pid": os.getpid(), **job.parameters})
