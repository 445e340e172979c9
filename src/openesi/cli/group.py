"""``openesi group``: devices that are assigned the same programs, prices and the like."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from openesi.cli import output
from openesi.cli.api import ApiUrl, RunningData, ask
from openesi.cli.options import AsJson, noun_app
from openesi.errors import WrongUsage
from openesi.sep2 import identity

app = noun_app(
    """Make groups of devices, and assign them programs, prices, messages, files and accounts.

    \b
    openesi group add "Feeder 12"
    openesi group join /fsa/1 3E4F45AB31EDFE5B67E343E5E4562E31984E23E5
    openesi group assign /fsa/1 /derp/2
    """
)

Group = Annotated[str, typer.Argument(metavar="GROUP", help="Its href, as /fsa/1.")]
Devices = Annotated[list[str], typer.Argument(metavar="LFDI...", help="Devices, 40 hex digits each.")]
Things = Annotated[
    list[str], typer.Argument(metavar="HREF...", help="Programs, tariffs and the like, as /derp/2.")
]


@app.command("list")
def list_(*, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """List groups with how many devices they have, and what these are assigned."""
    found = ask("GET", "/api/groups", api=api, data=data)
    if as_json:
        output.write_json(found)
        return
    rows = [
        (
            one["href"],
            one["description"] or "",
            one["devices"],
            "yes" if one["default"] else "",
            " ".join(one["assigned"]) or "-",
        )
        for one in found
    ]
    output.write(output.render_table(("group", "description", "devices", "new ones", "assigned"), rows))
    if not rows:
        output.say('No group. Next: openesi group add "Feeder 12"')


@app.command()
def add(
    description: Annotated[str, typer.Argument(metavar="TEXT", help="At most 32 octets.")],
    *,
    default: Annotated[bool, typer.Option("--default", help="New devices belong to it.")] = False,
    api: ApiUrl = None,
    data: RunningData = None,
    as_json: AsJson = False,
) -> None:
    """Make a group."""
    made = ask(
        "POST", "/api/groups", api=api, data=data, body={"description": description, "default": default}
    )
    output.write_json(made) if as_json else output.write(made["href"])


@app.command()
def show(group: Group, *, api: ApiUrl = None, data: RunningData = None, as_json: AsJson = False) -> None:
    """Show a group and its devices."""
    found = ask("GET", _path(group), api=api, data=data)
    devices = ask("GET", f"{_path(group)}/devices", api=api, data=data)
    if as_json:
        output.write_json({**found, "members": devices})
        return
    output.write(
        output.render_facts([
            ("Group", found["href"]),
            ("Description", found["description"] or ""),
            ("New devices", "belong to it" if found["default"] else "do not belong to it"),
            ("Assigned", " ".join(found["assigned"]) or "nothing"),
        ])
    )  # fmt: skip
    output.write(
        "\n" + output.render_table(("device", "LFDI"), [(one["href"], one["lfdi"]) for one in devices])
    )


@app.command()
def remove(group: Group, *, api: ApiUrl = None, data: RunningData = None) -> None:
    """Remove a group; its devices, and what they were assigned, stay."""
    ask("DELETE", _path(group), api=api, data=data)
    output.say(f"Removed {group}.")


@app.command()
def join(group: Group, devices: Devices, *, api: ApiUrl = None, data: RunningData = None) -> None:
    """Make devices members of a group."""
    body = {"devices": [identity.format_lfdi(identity.parse_lfdi(one)) for one in devices]}
    made = ask("POST", f"{_path(group)}/devices", api=api, data=data, body=body)
    output.say(f"{group} has {made['devices']} {'device' if made['devices'] == 1 else 'devices'}.")


@app.command()
def leave(group: Group, devices: Devices, *, api: ApiUrl = None, data: RunningData = None) -> None:
    """End the membership of devices."""
    for one in devices:
        lfdi = identity.format_lfdi(identity.parse_lfdi(one))
        ask("DELETE", f"{_path(group)}/devices/{lfdi}", api=api, data=data)
    output.say(f"{len(devices)} left {group}.")


@app.command()
def assign(group: Group, things: Things, *, api: ApiUrl = None, data: RunningData = None) -> None:
    """Assign programs, tariffs, messages, files, accounts or usage points to a group."""
    for href in things:
        ask("PUT", f"{_path(group)}/assigned{_checked(href)}", api=api, data=data)
    output.say(f"{group} is assigned {' '.join(things)}.")


@app.command()
def unassign(group: Group, things: Things, *, api: ApiUrl = None, data: RunningData = None) -> None:
    """Take assignments back."""
    for href in things:
        ask("DELETE", f"{_path(group)}/assigned{_checked(href)}", api=api, data=data)
    output.say(f"{group} is no longer assigned {' '.join(things)}.")


def _path(group: str) -> str:
    number = group.removeprefix("/fsa/")
    if not (number.isascii() and number.isdigit()):
        raise WrongUsage(f"{group!r} is no group: give its href, as /fsa/1. `openesi group list` shows them.")
    return f"/api/groups/{number}"


def _checked(href: Any) -> str:
    text = str(href)
    if not text.startswith("/") or text.count("/") != 2 or not text.rpartition("/")[2].isdigit():
        raise WrongUsage(f"{text!r} is no href of a program or the like, as /derp/2.")
    return text
