"""Wiring: what a decode worker does with a job: judge a camera's keyframe, or mark a picture that somebody gets."""

from __future__ import annotations

from camera_gateway.job import Answer, Job
from health.judge import judge
from health.stamp import stamp
from health.still import snapshot


def work(job: Job) -> Answer:
    """``health.work:work`` is the dotted name that the service's pool is given."""
    if "snapshot" in job.parameters:
        return snapshot(job)
    return stamp(job) if "stamp" in job.parameters else judge(job)
