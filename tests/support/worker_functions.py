"""Pure: what the pool's tests have their workers do; the job's parameters say which."""

from __future__ import annotations

import os
from typing import Any

from camera_gateway.job import Answer, Job
from config.errors import Kind, XueliangError


def behave(job: Job) -> Answer:
    do: Any = job.parameters.get("do", "echo")
    if do == "crash":
        os.abort()
    if do == "leave":
        os._exit(3)
    while do == "hang":
        pass
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
