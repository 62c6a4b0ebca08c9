"""Edge: ``xueliang user``: accounts and what is granted to them. Passwords are asked for or read, never arguments."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from center.choices import add_json, add_settings, settings_of
from center.errors import Usage
from center.operations import perform
from center.output import emit, line
from config.load import read_secret
from config.scope import Role


def add(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    for name, about in (
        ("list", "every account, its grants and open sessions"),
        ("add", "an account; its password is changed at the first login"),
        ("password", "a new first password; ends every session of the account"),
        ("disable", "end an account's logins and all that they have open"),
        ("enable", "let an account log in again"),
        ("grant", "a role, everywhere or in one area or unit"),
        ("revoke", "take a grant"),
    ):
        act = acts.add_parser(name, help=about, description=f"{about.capitalize()}.")
        if name != "list":
            act.add_argument("name", metavar="NAME", help="the account's name")
        if name in ("add", "password"):
            act.add_argument("--password-file", type=Path, metavar="FILE", help="a file of mode 0600; else it is asked")
        if name in ("add", "grant"):
            add_grant(act, required=name == "grant")
        if name == "revoke":
            act.add_argument("grant", metavar="GRANT", help="the grant's id, as `user list --json` shows it")
        add_settings(act)
        add_json(act)


def add_grant(parser: argparse.ArgumentParser, *, required: bool) -> None:
    roles = [role.value for role in Role]
    parser.add_argument("--role", choices=roles, required=required, help="what it may do")
    parser.add_argument("--area", metavar="AREA", help="where: id or name of an area; else everywhere")
    parser.add_argument("--unit", metavar="UNIT", help="where: id or name of a unit")
    parser.add_argument("--until", metavar="TIME", help="such as 2027-01-31T00:00+08:00; else for ever")


def grant_of(arguments: argparse.Namespace) -> dict[str, Any] | None:
    if arguments.role is None:
        if arguments.area or arguments.unit or arguments.until:
            raise Usage("--area, --unit and --until belong to --role")
        return None
    return {name: getattr(arguments, name) for name in ("role", "area", "unit", "until")}


async def run(arguments: argparse.Namespace) -> int:
    parameters: dict[str, Any] = {}
    act = arguments.act
    if act != "list":
        parameters["name"] = arguments.name
    if act in ("add", "password"):
        parameters["password"] = _password(arguments)
    if act == "add":
        grant = grant_of(arguments)
        parameters["grants"] = [grant] if grant else []
    elif act == "grant":
        parameters["grant"] = grant_of(arguments)
    elif act == "revoke":
        parameters["grant"] = arguments.grant
    elif act in ("disable", "enable"):
        parameters["disabled"], act = act == "disable", "disable"
    answer = await perform(settings_of(arguments), f"user {act}", parameters)
    if arguments.json:
        emit(answer)
    else:
        for text in _words(arguments, answer):
            line(text)
    return 0


def _password(arguments: argparse.Namespace) -> str:
    if arguments.password_file is not None:
        return read_secret(arguments.password_file).get_secret_value()
    if not sys.stdin.isatty():
        raise Usage("without a terminal give --password-file")
    first = getpass.getpass(f"first password of {arguments.name}: ", stream=sys.stderr)
    if getpass.getpass("again: ", stream=sys.stderr) != first:
        raise Usage("the two passwords differ")
    return first


def _words(arguments: argparse.Namespace, answer: dict[str, Any]) -> list[str]:
    if arguments.act != "list":
        done = {"add": "added", "password": "has a new password", "disable": "disabled", "enable": "enabled"}
        done |= {"grant": "granted", "revoke": "revoked"}
        return [f"{answer['name']}: {done[arguments.act]}"]
    return [
        f"{user['name']}  {'disabled' if user['disabled'] else 'enabled'}  {user['sessions']} sessions  "
        f"{grants_text(user['grants'])}"
        for user in answer["users"]
    ]


def grants_text(grants: list[dict[str, Any]]) -> str:
    return ", ".join(_grant_text(grant) for grant in grants) or "no grant"


def _grant_text(grant: dict[str, Any]) -> str:
    what = grant["role"] or "+".join(grant["permissions"])
    where = grant["area_id"] or grant["unit_id"] or "everywhere"
    until = f" until {grant['until']}" if grant["until"] else ""
    return f"{what} ({where}{until})"
