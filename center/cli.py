"""Wiring: the command line: which command is which file, and how every one of them ends."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from center import argv_secret
from center.errors import Usage, error_document
from center.output import emit, fail
from config.errors import XueliangError
from config.mistakes import SettingsError

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

#: Command -> (module with ``add(parser)`` and ``run(arguments)``, one line of help).
COMMANDS: dict[str, tuple[str, str]] = {
    "probe": ("center.commands.probe", "one full diagnosis of one stream"),
    "discover": ("center.commands.discover", "what answers on the network"),
    "import": ("center.commands.import_", "the inventory of points"),
    "demo": ("center.commands.demo", "a virtual network with faults, and the service on it"),
    "serve": ("center.commands.serve", "the service"),
    "status": ("center.commands.status", "states of cameras, since when, and why"),
    "simulate": ("camera_gateway.simulator.command", "only the virtual network of cameras"),
    "backup": ("center.commands.backup", "a copy of everything but the master key, read back"),
    "restore": ("center.commands.restore", "a backup into an empty data folder"),
    "migrate": ("center.commands.migrate", "bring the database to this program's schema"),
    "user": ("center.commands.user", "accounts and their grants"),
    "token": ("center.commands.token", "API tokens"),
    "key": ("center.commands.key", "rotate keys"),
    "audit": ("center.commands.audit", "verify the audit log, or anchor its end"),
    "check-config": ("center.commands.check_config", "find every mistake of a configuration file at once"),
}


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line, or with ``only`` one command's part filled in, so that its start stays quick."""
    top = argparse.ArgumentParser(
        prog="xueliang",
        description="Integrates and watches a network of cameras.",
        epilog="Exit codes: 0 done, 1 the thing asked for failed (standard error says why), 2 usage.",
    )
    top.add_argument("--version", action="version", version=f"xueliang {version('xueliang')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, about) in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if only in (None, name):
            found = importlib.import_module(module)
            found.add(command)
            command.set_defaults(run=found.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        argv_secret.shed(arguments)
    chosen = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    top = parser(chosen)
    parsed = top.parse_args(arguments)
    try:
        code = _run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (``| head``). Python would complain once more at exit when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _run(parsed: argparse.Namespace) -> int:
    try:
        result = parsed.run(parsed)
        if inspect.iscoroutine(result):
            # A runner turns SIGINT into a cancellation first, so sessions are closed before we go.
            with asyncio.Runner(loop_factory=_loop_of(parsed.command)) as runner:
                result = runner.run(result)
        return int(result)
    except Usage as error:
        sys.stderr.write(f"xueliang {parsed.command}: {error}\n")
        return USAGE
    except XueliangError as error:
        if getattr(parsed, "json", False):
            emit(error_document(error))
        fail(error)
        return USAGE if isinstance(error, SettingsError) else FAILED


def _loop_of(command: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Thousands of sockets cost a third less on uvloop; a single look does not earn its import."""
    if command not in ("serve", "demo"):
        return None
    try:
        import uvloop
    except ImportError:  # there is none for this platform
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


if __name__ == "__main__":
    sys.exit(main())
