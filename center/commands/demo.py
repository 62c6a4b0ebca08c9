"""Edge: ``xueliang demo``."""

from __future__ import annotations

import argparse
from pathlib import Path

from center import logs
from center.choices import add_json, add_language, is_chinese
from center.demo import PORT, Demo
from center.demo import run as run_demo
from center.errors import Usage

MAX_CAMERAS = 2000


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cameras", type=int, default=24, metavar="N", help="virtual cameras (default 24)")
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"of the console, on loopback (default {PORT}; 0: any free)"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep data and logins there; else both go with it")
    parser.add_argument("--duration", type=float, metavar="S", help="end by itself, so many seconds after it is ready")
    parser.add_argument(
        "--faults", choices=("plan", "none"), default="plan", help="planned ones, or only those switched by hand"
    )
    add_json(parser)
    add_language(parser)


async def run(arguments: argparse.Namespace) -> int:
    """0 at SIGINT, SIGTERM or the end of the duration."""
    if not 1 <= arguments.cameras <= MAX_CAMERAS:
        raise Usage(f"--cameras must be from 1 to {MAX_CAMERAS}")
    if not 0 <= arguments.port <= 65_535:
        raise Usage("--port must be from 0 to 65535")
    if arguments.duration is not None and not 0 < arguments.duration <= 30 * 86_400:
        raise Usage("--duration must be a number of seconds over 0")
    logs.start("warning", "text")
    zh = is_chinese(arguments)
    demo = Demo(
        cameras=arguments.cameras,
        port=arguments.port,
        data=arguments.data,
        duration=arguments.duration,
        as_json=arguments.json,
        zh=zh,
        faults=arguments.faults == "plan",
    )
    return await run_demo(demo)
