"""Edge: ``xueliang token``: API tokens. A new one is printed once, on standard output alone."""

from __future__ import annotations

import argparse

from center.choices import add_json, add_settings, settings_of
from center.commands.user import add_grant, grant_of, grants_text
from center.operations import perform
from center.output import emit, line, note


def add(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    about = "every API token, the withdrawn ones among them"
    listing = acts.add_parser("list", help=about, description=f"{about.capitalize()}.")
    about = "make an API token and print it once"
    adding = acts.add_parser("add", help=about, description=f"{about.capitalize()}.")
    adding.add_argument("name", metavar="NAME", help="whose it is, such as the platform's name")
    adding.add_argument("--purpose", required=True, metavar="TEXT", help="what it is for; stands in the register")
    adding.add_argument("--expires", required=True, metavar="TIME", help="such as 2027-01-31T00:00+08:00")
    add_grant(adding, required=True)
    about = "withdraw an API token for ever"
    withdrawing = acts.add_parser("withdraw", help=about, description=f"{about.capitalize()}.")
    withdrawing.add_argument("name", metavar="NAME", help="the token's name")
    for act in (listing, adding, withdrawing):
        add_settings(act)
        add_json(act)


async def run(arguments: argparse.Namespace) -> int:
    parameters: dict[str, object] = {}
    if arguments.act != "list":
        parameters["name"] = arguments.name
    if arguments.act == "add":
        parameters |= {"purpose": arguments.purpose, "expires": arguments.expires, "grants": [grant_of(arguments)]}
    answer = await perform(settings_of(arguments), f"token {arguments.act}", parameters)
    if arguments.json:
        emit(answer)
    elif arguments.act == "add":
        line(answer["secret"])
        note("keep it now: it is shown nowhere again")
    elif arguments.act == "withdraw":
        line(f"{answer['name']}: withdrawn")
    else:
        for token in answer["tokens"]:
            state = "withdrawn" if token["disabled"] else f"until {token['expires']}"
            line(f"{token['name']}  {state}  {token['purpose']}  {grants_text(token['grants'])}")
    return 0
