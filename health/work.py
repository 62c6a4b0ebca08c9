"""Wiring: what a decode worker does with a job: judge a camera's keyframe, or mark a still that somebody looks at."""

from __future__ import annotations

from camera_gateway.job import Answer, Job
from health.judge import judge
from health.stamp import stamp


def work(job: Job) -> Answer:
    """``health.work:work`` is the dotted name that the service's pool is given."""
    return stamp(job) if "stamp" in job.parameters else judge(job)
